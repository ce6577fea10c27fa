#include "cli/chat_session.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>

#include "api/json.h"
#include "assistant/prompt.h"
#include "serving/model_service.h"

namespace bowhead::cli {

namespace {

/// Hands text from the delivery thread to the main one.
class QueueSink final : public serving::TextSink {
 public:
  void OnStart() override {}
  void OnText(int /*choice*/, serving::TextPiece piece) override {
    const std::lock_guard lock(mutex_);
    text_ += piece.text;
    changed_.notify_all();
  }
  void OnChoiceDone(int /*choice*/, const serving::ChoiceResult& result) override {
    const std::lock_guard lock(mutex_);
    result_ = result;
  }
  void OnEnd() override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  /// What came since the last call, after waiting a little for it; true once that was all.
  bool Take(std::string& text) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(50), [this] { return done_ || !text_.empty(); });
    text = std::exchange(text_, {});
    return done_;
  }
  [[nodiscard]] serving::ChoiceResult result() const {
    const std::lock_guard lock(mutex_);
    return result_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
  serving::ChoiceResult result_;
  bool done_ = false;
};

class LocalSession final : public ChatSession {
 public:
  explicit LocalSession(serving::ServedModel model) { service_.SetReady(std::move(model)); }

  std::string name() const override { return service_.model()->id; }

  base::Result<ChatAnswer> Ask(const std::vector<assistant::Message>& messages, const ChatParams& params,
                               const std::function<void(std::string_view)>& on_text,
                               const std::function<bool()>& keep_going) override {
    const auto model = service_.model();
    base::Result<assistant::Prompt> prompt =
        assistant::BuildPrompt(*model->chat_template, model->backend->tokenizer(), messages);
    if (!prompt.ok()) return prompt.status();
    const base::Result<int> budget = serving::AnswerBudget(*model, prompt->tokens.size(), params.max_tokens);
    if (!budget.ok()) return budget.status().WithContext("the conversation is too long; /clear begins a new one");

    serving::ChoiceRequest choice;
    choice.request.prompt = std::move(prompt->tokens);
    choice.request.max_tokens = *budget;
    engine::SamplingParams& sampling = choice.request.sampling;
    sampling.temperature = static_cast<float>(params.temperature);
    sampling.top_p = static_cast<float>(params.top_p);
    sampling.top_k = params.top_k;
    sampling.min_p = static_cast<float>(params.min_p);
    sampling.repeat_penalty = static_cast<float>(params.repeat_penalty);
    sampling.seed = params.seed ? static_cast<std::uint64_t>(*params.seed) : std::random_device()();
    const auto sink = std::make_shared<QueueSink>();
    const auto generation = service_.Generate(*model, serving::FanOut(choice, 1), sink);
    if (!generation.ok()) return generation.status();

    ChatAnswer answer;
    std::string piece;
    bool stopped = false;
    for (bool done = false; !done;) {
      done = sink->Take(piece);
      if (!piece.empty()) on_text(piece);
      answer.text += piece;
      if (!stopped && !keep_going()) {
        stopped = true;
        (*generation)->Cancel();
      }
    }
    const serving::ChoiceResult result = sink->result();
    if (result.reason == engine::FinishReason::kError) return result.status;
    answer.finish_reason = stopped ? "stopped" : result.reason == engine::FinishReason::kLength ? "length" : "stop";
    answer.tokens = result.completion_tokens;
    if (result.decode_seconds > 0.0) answer.tokens_per_second = (result.completion_tokens - 1) / result.decode_seconds;
    return answer;
  }

 private:
  serving::ModelService service_;
};

const api::JsonValue* Find(const api::JsonValue* value, std::string_view key) {
  if (value == nullptr || value->AsObject() == nullptr) return nullptr;
  return api::FindKey(*value->AsObject(), key);
}

std::string TextOf(const api::JsonValue* value) {
  return value == nullptr || value->AsString() == nullptr ? std::string() : *value->AsString();
}

/// The message of an error body, or the body itself.
base::Status ErrorFrom(int status, const std::string& body) {
  const base::Result<api::JsonValue> json = api::ParseJson(body);
  std::string message = json.ok() ? TextOf(Find(Find(&*json, "error"), "message")) : std::string();
  if (message.empty()) message = "HTTP " + std::to_string(status) + ": " + body.substr(0, 200);
  if (status == 401) return base::Unauthenticated(message + " (--api-key-file or BOWHEAD_API_KEY gives one)");
  if (status == 429 || status == 503) return base::Unavailable(std::move(message));
  return base::InvalidArgument(std::move(message));
}

class RemoteSession final : public ChatSession {
 public:
  RemoteSession(ServerUrl server, std::string model, std::string api_key)
      : server_(std::move(server)), model_(std::move(model)), api_key_(std::move(api_key)) {}

  std::string name() const override { return model_ + " at " + server_.host + ":" + std::to_string(server_.port); }

  base::Result<ChatAnswer> Ask(const std::vector<assistant::Message>& messages, const ChatParams& params,
                               const std::function<void(std::string_view)>& on_text,
                               const std::function<bool()>& keep_going) override {
    const ClientRequest request{"POST", "/v1/chat/completions", Body(messages, params), api_key_};
    ChatAnswer answer;
    base::Status failure;
    std::string pending;
    std::string body;  // for errors, which are no events
    const auto on_body = [&](std::string_view bytes) {
      if (body.size() < 4096) body.append(bytes);
      pending.append(bytes);
      for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
        const std::string line = pending.substr(0, end);
        pending.erase(0, end + 1);
        if (line.starts_with("data: ")) OnEvent(line.substr(6), on_text, answer, failure);
      }
      return true;
    };
    const base::Result<int> status = Exchange(server_, request, on_body, keep_going);
    if (!status.ok() && status.status().code() == base::StatusCode::kCancelled) {
      answer.finish_reason = "stopped";
      return answer;
    }
    if (!status.ok()) return status.status();
    if (*status != 200) return ErrorFrom(*status, body);
    if (!failure.ok()) return failure;
    return answer;
  }

 private:
  [[nodiscard]] std::string Body(const std::vector<assistant::Message>& messages, const ChatParams& params) const {
    api::JsonWriter json;
    json.BeginObject().Field("model", model_).Field("stream", true).Key("messages").BeginArray();
    for (const assistant::Message& message : messages) {
      json.BeginObject().Field("role", message.role).Field("content", message.content).EndObject();
    }
    json.EndArray().Field("temperature", params.temperature).Field("top_p", params.top_p);
    if (params.top_k > 0) json.Field("top_k", params.top_k);
    if (params.min_p > 0.0) json.Field("min_p", params.min_p);
    if (params.repeat_penalty != 1.0) json.Field("repeat_penalty", params.repeat_penalty);
    if (params.max_tokens > 0) json.Field("max_tokens", params.max_tokens);
    if (params.seed) json.Field("seed", *params.seed);
    json.Key("stream_options").BeginObject().Field("include_usage", true).EndObject();
    return json.EndObject().Take();
  }

  static void OnEvent(const std::string& data, const std::function<void(std::string_view)>& on_text, ChatAnswer& answer,
                      base::Status& failure) {
    if (data.starts_with("[DONE]")) return;
    const base::Result<api::JsonValue> json = api::ParseJson(data);
    if (!json.ok()) return;
    if (const api::JsonValue* error = Find(&*json, "error")) failure = base::Internal(TextOf(Find(error, "message")));
    const api::JsonValue* usage = Find(Find(&*json, "usage"), "completion_tokens");
    if (usage != nullptr && usage->AsInt() != nullptr) answer.tokens = static_cast<int>(*usage->AsInt());
    if (const auto* rate = Find(Find(&*json, "bowhead"), "completion_tokens_per_second")) {
      if (const auto* number = std::get_if<double>(&rate->data())) answer.tokens_per_second = *number;
    }
    const api::JsonValue* choices = Find(&*json, "choices");
    if (choices == nullptr || choices->AsArray() == nullptr || choices->AsArray()->empty()) return;
    const api::JsonValue* choice = &choices->AsArray()->front();
    const std::string text = TextOf(Find(Find(choice, "delta"), "content"));
    if (!text.empty()) on_text(text);
    answer.text += text;
    const std::string reason = TextOf(Find(choice, "finish_reason"));
    if (!reason.empty()) answer.finish_reason = reason;
  }

  const ServerUrl server_;
  const std::string model_;
  const std::string api_key_;
};

}  // namespace

std::unique_ptr<ChatSession> MakeLocalSession(serving::ServedModel model) {
  return std::make_unique<LocalSession>(std::move(model));
}

base::Result<std::unique_ptr<ChatSession>> ConnectSession(const std::string& url, const std::string& model,
                                                          const std::string& api_key) {
  base::Result<ServerUrl> server = ParseServerUrl(url);
  if (!server.ok()) return server.status();
  std::string body;
  const auto collect = [&](std::string_view bytes) {
    body.append(bytes);
    return body.size() < (1U << 20U);
  };
  const base::Result<int> status = Exchange(*server, {"GET", "/v1/models", {}, api_key}, collect, [] { return true; });
  if (!status.ok()) return status.status();
  if (*status != 200) return ErrorFrom(*status, body);
  std::string name = model;
  if (name.empty()) {
    const base::Result<api::JsonValue> json = api::ParseJson(body);
    const api::JsonValue* data = json.ok() ? Find(&*json, "data") : nullptr;
    if (data != nullptr && data->AsArray() != nullptr && !data->AsArray()->empty()) {
      name = TextOf(Find(&data->AsArray()->front(), "id"));
    }
    if (name.empty()) name = "default";
  }
  return std::unique_ptr<ChatSession>(std::make_unique<RemoteSession>(std::move(*server), std::move(name), api_key));
}

}  // namespace bowhead::cli
