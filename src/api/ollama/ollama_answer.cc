#include "api/ollama/ollama_answer.h"

#include <cmath>
#include <ctime>
#include <string_view>
#include <utility>
#include <vector>

#include "api/answer_format.h"
#include "api/chat_answer.h"
#include "api/json.h"

namespace bowhead::api {

namespace {

using Kind = assistant::AnswerPart::Kind;

/// What a line says: any of the three may be empty.
struct Line {
  std::string content;
  std::string thinking;
  std::vector<CalledTool> calls;
};

std::int64_t Nanoseconds(double seconds) {
  return std::llround(seconds * 1e9);
}

void WriteCalls(JsonWriter& json, const std::vector<CalledTool>& calls) {
  if (calls.empty()) return;
  json.Key("tool_calls").BeginArray();
  for (const CalledTool& call : calls) {
    json.BeginObject().Key("function").BeginObject().Field("name", call.name).Key("arguments");
    WriteArguments(json, call);
    json.EndObject().EndObject();
  }
  json.EndArray();
}

/// An open object with the line's text.
JsonWriter BeginLine(const OllamaHead& head, const Line& line) {
  JsonWriter json;
  json.BeginObject().Field("model", head.model).Field("created_at", Timestamp(UnixSeconds()));
  if (head.chat) {
    json.Key("message").BeginObject().Field("role", "assistant").Field("content", line.content);
    if (!line.thinking.empty()) json.Field("thinking", line.thinking);
    WriteCalls(json, line.calls);
    json.EndObject();
  } else {
    json.Field("response", line.content);
    if (!line.thinking.empty()) json.Field("thinking", line.thinking);
  }
  return json;
}

std::string LastLine(const OllamaHead& head, const Line& line, const serving::ChoiceResult& result) {
  JsonWriter json = BeginLine(head, line);
  json.Field("done", true).Field("done_reason", FinishReasonName(result.reason));
  json.Field("total_duration", Nanoseconds(result.first_token_seconds + result.decode_seconds));
  json.Field("load_duration", 0).Field("prompt_eval_count", result.prompt_tokens);
  json.Field("prompt_eval_duration", Nanoseconds(result.first_token_seconds));
  json.Field("eval_count", result.completion_tokens).Field("eval_duration", Nanoseconds(result.decode_seconds));
  return json.EndObject().Take();
}

class OllamaStream final : public assistant::AnswerSink {
 public:
  OllamaStream(std::shared_ptr<Call> call, OllamaHead head) : call_(std::move(call)), head_(std::move(head)) {}

  void OnStart() override { call_->BeginLines(); }

  void OnChunk(int /*choice*/, assistant::AnswerChunk chunk) override {
    for (assistant::AnswerPart& part : chunk.parts) {
      switch (part.kind) {
        case Kind::kContent:
          Write({.content = std::move(part.text), .thinking = {}, .calls = {}});
          break;
        case Kind::kReasoning:
          Write({.content = {}, .thinking = std::move(part.text), .calls = {}});
          break;
        case Kind::kCallBegin:
          FlushCall();
          call_so_far_.push_back({std::move(part.text), {}});
          break;
        case Kind::kCallArguments:
          call_so_far_.back().arguments += part.text;
          break;
      }
    }
  }

  void OnChoiceDone(int /*choice*/, const assistant::AnswerResult& result) override {
    if (const std::optional<ApiError> error = ErrorOf(result.choice)) {
      call_->MarkFailed();
      WriteText(ErrorBody(*error, ApiShape::kOllama));
      return;
    }
    FlushCall();
    WriteText(LastLine(head_, {}, result.choice));
  }

  void OnEnd() override { call_->EndEvents(); }

 private:
  /// Calls go out whole: their arguments are an object here, not text.
  void FlushCall() {
    if (!call_so_far_.empty()) Write({.content = {}, .thinking = {}, .calls = std::exchange(call_so_far_, {})});
  }

  void Write(const Line& line) {
    if (!gone_) WriteText(BeginLine(head_, line).Field("done", false).EndObject().Take());
  }

  void WriteText(const std::string& text) {
    if (!gone_) gone_ = !call_->WriteLine(text);
  }

  const std::shared_ptr<Call> call_;
  const OllamaHead head_;
  std::vector<CalledTool> call_so_far_;  // at most one
  bool gone_ = false;
};

}  // namespace

std::string Timestamp(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

std::shared_ptr<assistant::AnswerSink> MakeOllamaSink(std::shared_ptr<Call> call, OllamaHead head, bool stream) {
  if (stream) return std::make_shared<OllamaStream>(std::move(call), std::move(head));
  return CollectAnswers(1, [call = std::move(call), head = std::move(head)](std::vector<WholeAnswer> answers) {
    WholeAnswer& answer = answers.front();
    if (const std::optional<ApiError> error = ErrorOf(answer.result.choice)) {
      call->Fail(*error);
      return;
    }
    const Line line{std::move(answer.content), std::move(answer.reasoning), std::move(answer.calls)};
    call->SendJson(200, LastLine(head, line, answer.result.choice));
  });
}

}  // namespace bowhead::api
