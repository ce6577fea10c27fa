#include "api/responses/response_answer.h"

#include <string_view>
#include <utility>
#include <vector>

#include "api/answer_format.h"
#include "api/tool_messages.h"
#include "api/tool_params.h"

namespace bowhead::api {

namespace {

using Kind = assistant::AnswerPart::Kind;

/// One item of a response's output.
struct Item {
  Kind kind = Kind::kContent;  // kContent, kReasoning or kCallBegin
  std::string id;
  std::string name;     // of a call
  std::string call_id;  // of a call
  std::string text;     // or arguments
};

void OrNull(JsonWriter& json, std::string_view key, const std::string& text) {
  json.Key(key);
  if (text.empty()) {
    json.Null();
  } else {
    json.String(text);
  }
}

void WritePart(JsonWriter& json, const Item& item) {
  const bool content = item.kind == Kind::kContent;
  json.BeginObject().Field("type", content ? "output_text" : "reasoning_text").Field("text", item.text);
  if (content) json.Key("annotations").BeginArray().EndArray().Key("logprobs").BeginArray().EndArray();
  json.EndObject();
}

/// `status` "in_progress": as it starts, without text.
void WriteItem(JsonWriter& json, const Item& item, std::string_view status) {
  const bool begun = status == "in_progress";
  json.BeginObject().Field("id", item.id);
  switch (item.kind) {
    case Kind::kContent:
      json.Field("type", "message").Field("status", status).Field("role", "assistant").Key("content").BeginArray();
      if (!begun) WritePart(json, item);
      json.EndArray();
      break;
    case Kind::kReasoning:
      json.Field("type", "reasoning").Field("status", status).Key("summary").BeginArray().EndArray();
      json.Key("content").BeginArray();
      if (!begun) WritePart(json, item);
      json.EndArray();
      break;
    default:
      json.Field("type", "function_call").Field("status", status).Field("call_id", item.call_id);
      json.Field("name", item.name).Field("arguments", begun ? std::string() : item.text);
  }
  json.EndObject();
}

void WriteResponseUsage(JsonWriter& json, const assistant::AnswerResult& result) {
  const serving::ChoiceResult& choice = result.choice;
  json.Key("usage").BeginObject().Field("input_tokens", choice.prompt_tokens);
  json.Key("input_tokens_details").BeginObject().Field("cached_tokens", choice.cached_tokens);
  json.Field("cache_write_tokens", 0).EndObject();
  json.Field("output_tokens", choice.completion_tokens);
  json.Key("output_tokens_details").BeginObject().Field("reasoning_tokens", result.reasoning_tokens).EndObject();
  json.Field("total_tokens", choice.prompt_tokens + choice.completion_tokens).EndObject();
}

class ResponseSink final : public assistant::AnswerSink {
 public:
  ResponseSink(std::shared_ptr<Call> call, ResponseHead head, bool stream, ResponseDone done)
      : call_(std::move(call)), head_(std::move(head)), stream_(stream), done_(std::move(done)) {}

  void OnStart() override {
    if (!stream_) return;
    call_->BeginEvents();
    for (const char* type : {"response.created", "response.in_progress"}) {
      JsonWriter json = Begin(type);
      WriteResponse(json.Key("response"), "in_progress", nullptr, nullptr);
      Send(type, json.EndObject());
    }
  }

  void OnChunk(int /*choice*/, assistant::AnswerChunk chunk) override {
    for (const assistant::AnswerPart& part : chunk.parts) Add(part);
  }

  void OnChoiceDone(int /*choice*/, const assistant::AnswerResult& result) override {
    const std::optional<ApiError> error = ErrorOf(result.choice);
    if (error && !stream_) {
      call_->Fail(*error);
      return;
    }
    if (error) call_->MarkFailed();
    const bool cut = result.choice.reason == engine::FinishReason::kLength;
    if (items_.empty() && !error) Open(Kind::kContent, {});
    const std::string_view status = error ? "failed" : cut ? "incomplete" : "completed";
    if (!error) CloseItem(cut ? "incomplete" : "completed");
    JsonWriter object;
    WriteResponse(object, status, &result, error ? &*error : nullptr);
    const std::string json = object.Take();
    if (!error) done_(json, AsMessage());
    if (!stream_) {
      call_->SendJson(200, json);
      return;
    }
    const std::string type = "response." + std::string(status);
    Send(type, Begin(type).Key("response").Raw(json).EndObject());
  }

  void OnEnd() override {
    if (stream_) call_->EndEvents();
  }

 private:
  [[nodiscard]] JsonWriter Begin(std::string_view type) {
    JsonWriter json;
    json.BeginObject().Field("type", type).Field("sequence_number", sequence_++);
    return json;
  }

  /// The open item's place in an event.
  [[nodiscard]] JsonWriter BeginItemEvent(std::string_view type) {
    JsonWriter json = Begin(type);
    json.Field("item_id", items_.back().id).Field("output_index", static_cast<int>(items_.size()) - 1);
    if (items_.back().kind != Kind::kCallBegin) json.Field("content_index", 0);
    return json;
  }

  void Send(std::string_view type, JsonWriter& json) {
    if (!gone_) gone_ = !call_->WriteEvent(json.Take(), type);
  }

  void Add(const assistant::AnswerPart& part) {
    if (part.kind == Kind::kCallBegin) {
      CloseItem("completed");
      Open(part.kind, part.text);
      return;
    }
    const Kind kind = part.kind == Kind::kCallArguments ? Kind::kCallBegin : part.kind;
    if (!open_ || items_.back().kind != kind) {
      CloseItem("completed");
      Open(kind, {});
    }
    items_.back().text += part.text;
    if (!stream_) return;
    const std::string type = TypeOf(kind) + ".delta";
    JsonWriter json = BeginItemEvent(type);
    json.Field("delta", part.text);
    if (kind == Kind::kContent) json.Key("logprobs").BeginArray().EndArray();
    Send(type, json.EndObject());
  }

  static std::string TypeOf(Kind kind) {
    if (kind == Kind::kContent) return "response.output_text";
    return kind == Kind::kReasoning ? "response.reasoning_text" : "response.function_call_arguments";
  }

  void Open(Kind kind, const std::string& name) {
    const std::string number = head_.id.substr(head_.id.find('_') + 1) + "_" + std::to_string(items_.size());
    const bool call = kind == Kind::kCallBegin;
    const std::string_view prefix = call ? "fc_" : kind == Kind::kReasoning ? "rs_" : "msg_";
    items_.push_back({kind, std::string(prefix) + number, name, call ? "call_" + number : std::string(), {}});
    open_ = true;
    if (!stream_) return;
    JsonWriter json = Begin("response.output_item.added");
    json.Field("output_index", static_cast<int>(items_.size()) - 1).Key("item");
    WriteItem(json, items_.back(), "in_progress");
    Send("response.output_item.added", json.EndObject());
    if (call) return;
    JsonWriter part = BeginItemEvent("response.content_part.added");
    WritePart(part.Key("part"), items_.back());
    Send("response.content_part.added", part.EndObject());
  }

  void CloseItem(std::string_view status) {
    if (!std::exchange(open_, false) || !stream_) return;
    const Item& item = items_.back();
    const bool call = item.kind == Kind::kCallBegin;
    const std::string type = TypeOf(item.kind) + ".done";
    JsonWriter json = BeginItemEvent(type);
    json.Field(call ? "arguments" : "text", item.text);
    if (call) json.Field("name", item.name);
    if (item.kind == Kind::kContent) json.Key("logprobs").BeginArray().EndArray();
    Send(type, json.EndObject());
    if (!call) {
      JsonWriter part = BeginItemEvent("response.content_part.done");
      WritePart(part.Key("part"), item);
      Send("response.content_part.done", part.EndObject());
    }
    JsonWriter done = Begin("response.output_item.done");
    done.Field("output_index", static_cast<int>(items_.size()) - 1).Key("item");
    WriteItem(done, item, status);
    Send("response.output_item.done", done.EndObject());
  }

  void WriteResponse(JsonWriter& json, std::string_view status, const assistant::AnswerResult* result,
                     const ApiError* error) const {
    json.BeginObject().Field("id", head_.id).Field("object", "response").Field("created_at", head_.created);
    json.Field("status", status).Field("background", false).Key("error");
    if (error == nullptr) {
      json.Null();
    } else {
      json.BeginObject().Field("code", "server_error").Field("message", error->message).EndObject();
    }
    json.Key("incomplete_details");
    if (status == "incomplete") {
      json.BeginObject().Field("reason", "max_output_tokens").EndObject();
    } else {
      json.Null();
    }
    OrNull(json, "instructions", head_.instructions);
    json.Key("max_output_tokens");
    if (head_.max_output_tokens == 0) {
      json.Null();
    } else {
      json.Int(head_.max_output_tokens);
    }
    json.Field("model", head_.model).Key("output").BeginArray();
    // Only the last item can be cut.
    for (std::size_t i = 0; result != nullptr && i < items_.size(); ++i) {
      WriteItem(json, items_[i], status == "incomplete" && i + 1 == items_.size() ? "incomplete" : "completed");
    }
    json.EndArray().Field("parallel_tool_calls", head_.parallel_tool_calls);
    OrNull(json, "previous_response_id", head_.previous_response_id);
    json.Key("conversation");
    if (head_.conversation.empty()) {
      json.Null();
    } else {
      json.BeginObject().Field("id", head_.conversation).EndObject();
    }
    OrNull(json.Key("reasoning").BeginObject(), "effort", head_.effort);
    json.Key("summary").Null().EndObject().Field("store", head_.store).Field("temperature", head_.temperature);
    json.Key("text").BeginObject().Key("format");
    if (head_.format.IsNull()) {
      json.BeginObject().Field("type", "text").EndObject();
    } else {
      json.Value(head_.format);
    }
    json.EndObject();
    json.Key("tool_choice").Value(head_.tool_choice).Key("tools").Value(head_.tools).Field("top_p", head_.top_p);
    json.Field("truncation", "disabled").Key("metadata").Value(head_.metadata);
    if (result == nullptr) {
      json.Key("usage").Null();
    } else {
      WriteResponseUsage(json, *result);
    }
    json.EndObject();
  }

  /// The answer as a later request's prompt needs it.
  [[nodiscard]] assistant::Message AsMessage() const {
    assistant::Message message{.role = "assistant", .content = {}};
    for (const Item& item : items_) {
      if (item.kind == Kind::kContent) message.content += item.text;
      if (item.kind == Kind::kReasoning) message.reasoning_content += item.text;
      if (item.kind != Kind::kCallBegin) continue;
      message.tool_calls.push_back(MakeToolCall(item.call_id, item.name, item.text));
    }
    return message;
  }

  const std::shared_ptr<Call> call_;
  const ResponseHead head_;
  const bool stream_;
  const ResponseDone done_;
  std::vector<Item> items_;
  bool open_ = false;  // the last item still grows
  bool gone_ = false;
  int sequence_ = 0;
};

}  // namespace

std::shared_ptr<assistant::AnswerSink> MakeResponseSink(std::shared_ptr<Call> call, ResponseHead head, bool stream,
                                                        ResponseDone done) {
  return std::make_shared<ResponseSink>(std::move(call), std::move(head), stream, std::move(done));
}

}  // namespace bowhead::api
