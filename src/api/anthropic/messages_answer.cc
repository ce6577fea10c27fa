#include "api/anthropic/messages_answer.h"

#include <string_view>
#include <utility>
#include <vector>

#include "api/answer_format.h"
#include "api/chat_answer.h"
#include "api/json.h"

namespace bowhead::api {

namespace {

using Kind = assistant::AnswerPart::Kind;

std::string ToolId(const MessagesHead& head, int call) {
  const std::size_t mark = head.id.find('_');
  return "toolu_" + head.id.substr(mark == std::string::npos ? 0 : mark + 1) + "_" + std::to_string(call);
}

void WriteStop(JsonWriter& json, const assistant::AnswerResult& result) {
  const bool stopped = !result.choice.stop.empty();
  std::string_view reason = "end_turn";
  if (result.choice.reason == engine::FinishReason::kLength) {
    reason = "max_tokens";
  } else if (stopped) {
    reason = "stop_sequence";
  } else if (result.num_calls > 0) {
    reason = "tool_use";
  }
  json.Field("stop_reason", reason).Key("stop_sequence");
  if (stopped) {
    json.String(result.choice.stop);
  } else {
    json.Null();
  }
}

/// Anthropic's input tokens leave out those that came from the cache.
void WriteUsage(JsonWriter& json, const serving::ChoiceResult& result) {
  json.Key("usage").BeginObject().Field("input_tokens", result.prompt_tokens - result.cached_tokens);
  json.Field("cache_creation_input_tokens", 0).Field("cache_read_input_tokens", result.cached_tokens);
  json.Field("output_tokens", result.completion_tokens).EndObject();
}

void BeginMessage(JsonWriter& json, const MessagesHead& head) {
  json.BeginObject().Field("id", head.id).Field("type", "message").Field("role", "assistant");
  json.Field("model", head.model).Key("content").BeginArray();
}

class MessagesStream final : public assistant::AnswerSink {
 public:
  MessagesStream(std::shared_ptr<Call> call, MessagesHead head) : call_(std::move(call)), head_(std::move(head)) {}

  void OnStart() override {
    call_->BeginEvents();
    JsonWriter json = Begin("message_start");
    BeginMessage(json.Key("message"), head_);
    json.EndArray().Key("stop_reason").Null().Key("stop_sequence").Null();
    serving::ChoiceResult so_far;
    so_far.prompt_tokens = head_.input_tokens;
    WriteUsage(json, so_far);
    Write("message_start", json.EndObject().EndObject());
  }

  void OnChunk(int /*choice*/, assistant::AnswerChunk chunk) override {
    for (const assistant::AnswerPart& part : chunk.parts) {
      if (!gone_) WritePart(part);
    }
  }

  void OnChoiceDone(int /*choice*/, const assistant::AnswerResult& result) override {
    if (gone_) return;
    if (const std::optional<ApiError> error = ErrorOf(result.choice)) {
      gone_ = !call_->WriteEvent(ErrorBody(*error, ApiShape::kAnthropic), "error");
      failed_ = true;
      call_->MarkFailed();
      return;
    }
    if (block_ < 0) StartBlock(Kind::kContent, {});  // an empty answer has an empty text
    StopBlock();
    JsonWriter json = Begin("message_delta");
    WriteStop(json.Key("delta").BeginObject(), result);
    json.EndObject();
    WriteUsage(json, result.choice);
    Write("message_delta", json.EndObject());
  }

  void OnEnd() override {
    if (!failed_) Write("message_stop", Begin("message_stop").EndObject());
    call_->EndEvents();
  }

 private:
  [[nodiscard]] static JsonWriter Begin(std::string_view type) {
    JsonWriter json;
    json.BeginObject().Field("type", type);
    return json;
  }

  void Write(std::string_view name, JsonWriter& json) {
    if (!gone_) gone_ = !call_->WriteEvent(json.Take(), name);
  }
  void Write(std::string_view name, JsonWriter&& json) { Write(name, json); }

  void StartBlock(Kind kind, const assistant::AnswerPart& part) {
    StopBlock();
    kind_ = kind;
    open_ = true;
    JsonWriter json = Begin("content_block_start");
    json.Field("index", ++block_).Key("content_block").BeginObject();
    if (kind == Kind::kContent) {
      json.Field("type", "text").Field("text", "");
    } else if (kind == Kind::kReasoning) {
      json.Field("type", "thinking").Field("thinking", "").Field("signature", "");
    } else {
      json.Field("type", "tool_use").Field("id", ToolId(head_, part.call)).Field("name", part.text);
      json.Key("input").BeginObject().EndObject();
    }
    Write("content_block_start", json.EndObject().EndObject());
  }

  void StopBlock() {
    if (!std::exchange(open_, false)) return;
    JsonWriter json = Begin("content_block_stop");
    Write("content_block_stop", json.Field("index", block_).EndObject());
  }

  void WritePart(const assistant::AnswerPart& part) {
    if (part.kind == Kind::kCallBegin) {
      StartBlock(part.kind, part);
      return;
    }
    const Kind kind = part.kind == Kind::kCallArguments ? Kind::kCallBegin : part.kind;
    if (!open_ || kind != kind_) StartBlock(kind, part);
    JsonWriter json = Begin("content_block_delta");
    json.Field("index", block_).Key("delta").BeginObject();
    if (kind == Kind::kContent) {
      json.Field("type", "text_delta").Field("text", part.text);
    } else if (kind == Kind::kReasoning) {
      json.Field("type", "thinking_delta").Field("thinking", part.text);
    } else {
      json.Field("type", "input_json_delta").Field("partial_json", part.text);
    }
    Write("content_block_delta", json.EndObject().EndObject());
  }

  const std::shared_ptr<Call> call_;
  const MessagesHead head_;
  bool gone_ = false;
  bool failed_ = false;
  bool open_ = false;  // a block has been started and not stopped
  int block_ = -1;
  Kind kind_ = Kind::kContent;
};

void WriteBlocks(JsonWriter& json, const MessagesHead& head, const WholeAnswer& answer) {
  if (!answer.reasoning.empty()) {
    json.BeginObject().Field("type", "thinking").Field("thinking", answer.reasoning).Field("signature", "").EndObject();
  }
  if (!answer.content.empty() || answer.calls.empty()) {
    json.BeginObject().Field("type", "text").Field("text", answer.content).EndObject();
  }
  for (std::size_t i = 0; i < answer.calls.size(); ++i) {
    json.BeginObject().Field("type", "tool_use").Field("id", ToolId(head, static_cast<int>(i)));
    json.Field("name", answer.calls[i].name).Key("input");
    WriteArguments(json, answer.calls[i]);
    json.EndObject();
  }
}

void SendMessage(Call& call, const MessagesHead& head, const WholeAnswer& answer) {
  if (const std::optional<ApiError> error = ErrorOf(answer.result.choice)) {
    call.Fail(*error);
    return;
  }
  JsonWriter json;
  BeginMessage(json, head);
  WriteBlocks(json, head, answer);
  WriteStop(json.EndArray(), answer.result);
  WriteUsage(json, answer.result.choice);
  call.SendJson(200, json.EndObject().Take());
}

}  // namespace

std::shared_ptr<assistant::AnswerSink> MakeMessagesSink(std::shared_ptr<Call> call, MessagesHead head, bool stream) {
  if (stream) return std::make_shared<MessagesStream>(std::move(call), std::move(head));
  return CollectAnswers(1, [call = std::move(call), head = std::move(head)](const std::vector<WholeAnswer>& answers) {
    SendMessage(*call, head, answers.front());
  });
}

}  // namespace bowhead::api
