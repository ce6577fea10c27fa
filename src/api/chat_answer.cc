#include "api/chat_answer.h"

#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

namespace bowhead::api {

namespace {

using Kind = assistant::AnswerPart::Kind;

constexpr std::string_view kChunk = "chat.completion.chunk";

void WriteToken(JsonWriter& json, const AnswerHead& head, model::TokenId token, float logprob) {
  const std::string_view bytes = head.tokenizer->TokenBytes(token);
  json.Field("token", bytes).Field("logprob", FiniteLogprob(logprob));
  json.Key("bytes").BeginArray();
  for (const char c : bytes) json.Int(static_cast<unsigned char>(c));
  json.EndArray();
}

void WriteLogprobs(JsonWriter& json, const AnswerHead& head, const std::vector<serving::PlacedToken>& tokens) {
  json.Key("logprobs");
  if (head.num_logprobs < 0) {
    json.Null();
    return;
  }
  json.BeginObject().Key("content").BeginArray();
  for (const serving::PlacedToken& placed : tokens) {
    json.BeginObject();
    WriteToken(json, head, placed.token.token, placed.token.logprob);
    json.Key("top_logprobs").BeginArray();
    for (const engine::TokenLogprob& other : placed.token.top) {
      json.BeginObject();
      WriteToken(json, head, other.token, other.logprob);
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().Key("refusal").Null().EndObject();
}

void WriteUsageOf(JsonWriter& json, const AnswerHead& head, const std::vector<assistant::AnswerResult>& results) {
  std::vector<serving::ChoiceResult> choices;
  int reasoning = 0;
  for (const assistant::AnswerResult& result : results) {
    choices.push_back(result.choice);
    reasoning += result.reasoning_tokens;
  }
  WriteUsage(json, choices, head.choices_per_prompt, reasoning);
  WriteTimings(json, choices);
}

class ChatStream final : public assistant::AnswerSink {
 public:
  ChatStream(std::shared_ptr<Call> call, AnswerHead head, int num_choices)
      : head_(std::move(head)), events_(std::move(call)), results_(static_cast<std::size_t>(num_choices)) {}

  void OnStart() override {
    events_.Begin();
    for (std::size_t i = 0; i < results_.size(); ++i) {
      JsonWriter json = BeginChoice(static_cast<int>(i));
      json.Key("delta").BeginObject().Field("role", "assistant").Field("content", "").EndObject();
      EndChoice(std::move(json), nullptr);
    }
  }

  void OnChunk(int choice, assistant::AnswerChunk chunk) override {
    if (events_.gone()) return;
    if (chunk.parts.empty()) chunk.parts.push_back({});  // the tokens still have to be told
    for (std::size_t i = 0; i < chunk.parts.size(); ++i) {
      JsonWriter json = BeginChoice(choice);
      json.Key("delta").BeginObject();
      WritePart(json, choice, chunk.parts[i]);
      json.EndObject();
      EndChoice(std::move(json), i == 0 ? &chunk.tokens : nullptr);
    }
  }

  void OnChoiceDone(int choice, const assistant::AnswerResult& result) override {
    results_[static_cast<std::size_t>(choice)] = result;
    if (events_.gone()) return;
    if (const std::optional<ApiError> error = ErrorOf(result.choice)) {
      events_.Fail(*error);
      return;
    }
    JsonWriter json = BeginChoice(choice);
    json.Key("delta").BeginObject().EndObject();
    json.Key("logprobs").Null().Field("finish_reason", FinishOf(result)).EndObject().EndArray();
    WriteTimings(json, {result.choice});
    events_.Write(EndChunk(head_, std::move(json)));
  }

  void OnEnd() override {
    if (!events_.gone() && !events_.failed() && head_.include_usage) {
      JsonWriter json = BeginAnswer(head_, kChunk);
      json.Key("choices").BeginArray().EndArray();
      WriteUsageOf(json, head_, results_);
      events_.Write(json.EndObject().Take());
    }
    events_.End();
  }

 private:
  [[nodiscard]] JsonWriter BeginChoice(int choice) const {
    JsonWriter json = BeginAnswer(head_, kChunk);
    json.Key("choices").BeginArray().BeginObject().Field("index", choice);
    return json;
  }

  void EndChoice(JsonWriter json, const std::vector<serving::PlacedToken>* tokens) {
    if (tokens == nullptr) {
      json.Key("logprobs").Null();
    } else {
      WriteLogprobs(json, head_, *tokens);
    }
    json.Key("finish_reason").Null();
    events_.Write(EndChunk(head_, std::move(json.EndObject().EndArray())));
  }

  void WritePart(JsonWriter& json, int choice, const assistant::AnswerPart& part) const {
    switch (part.kind) {
      case Kind::kContent:
        json.Field("content", part.text);
        return;
      case Kind::kReasoning:
        json.Field("reasoning_content", part.text);
        return;
      case Kind::kCallBegin:
        json.Key("tool_calls").BeginArray().BeginObject().Field("index", part.call);
        json.Field("id", CallId(head_, choice, part.call)).Field("type", "function").Key("function").BeginObject();
        json.Field("name", part.text).Field("arguments", "").EndObject().EndObject().EndArray();
        return;
      case Kind::kCallArguments:
        json.Key("tool_calls").BeginArray().BeginObject().Field("index", part.call).Key("function").BeginObject();
        json.Field("arguments", part.text).EndObject().EndObject().EndArray();
        return;
    }
  }

  const AnswerHead head_;
  EventStream events_;
  std::vector<assistant::AnswerResult> results_;
};

class Collector final : public assistant::AnswerSink {
 public:
  Collector(int num_choices, std::function<void(std::vector<WholeAnswer>)> done)
      : answers_(static_cast<std::size_t>(num_choices)), done_(std::move(done)) {}

  void OnStart() override {}

  void OnChunk(int choice, assistant::AnswerChunk chunk) override {
    WholeAnswer& answer = answers_[static_cast<std::size_t>(choice)];
    for (assistant::AnswerPart& part : chunk.parts) {
      switch (part.kind) {
        case Kind::kContent:
          answer.content += part.text;
          break;
        case Kind::kReasoning:
          answer.reasoning += part.text;
          break;
        case Kind::kCallBegin:
          answer.calls.push_back({std::move(part.text), {}});
          break;
        case Kind::kCallArguments:
          answer.calls.back().arguments += part.text;
          break;
      }
    }
    answer.tokens.insert(answer.tokens.end(), std::make_move_iterator(chunk.tokens.begin()),
                         std::make_move_iterator(chunk.tokens.end()));
  }

  void OnChoiceDone(int choice, const assistant::AnswerResult& result) override {
    answers_[static_cast<std::size_t>(choice)].result = result;
  }

  void OnEnd() override { done_(std::move(answers_)); }

 private:
  std::vector<WholeAnswer> answers_;
  const std::function<void(std::vector<WholeAnswer>)> done_;
};

void WriteMessage(JsonWriter& json, const AnswerHead& head, int choice, const WholeAnswer& answer) {
  json.Key("message").BeginObject().Field("role", "assistant").Key("content");
  if (answer.content.empty() && !answer.calls.empty()) {
    json.Null();
  } else {
    json.String(answer.content);
  }
  if (!answer.reasoning.empty()) json.Field("reasoning_content", answer.reasoning);
  json.Key("refusal").Null();
  if (!answer.calls.empty()) {
    json.Key("tool_calls").BeginArray();
    for (std::size_t i = 0; i < answer.calls.size(); ++i) {
      json.BeginObject().Field("id", CallId(head, choice, static_cast<int>(i))).Field("type", "function");
      json.Key("function").BeginObject().Field("name", answer.calls[i].name);
      json.Field("arguments", answer.calls[i].arguments).EndObject().EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
}

void SendWhole(Call& call, const AnswerHead& head, const std::vector<WholeAnswer>& answers) {
  JsonWriter json = BeginAnswer(head, "chat.completion");
  json.Key("choices").BeginArray();
  std::vector<assistant::AnswerResult> results;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const WholeAnswer& answer = answers[i];
    if (const std::optional<ApiError> error = ErrorOf(answer.result.choice)) {
      call.Fail(*error);
      return;
    }
    json.BeginObject().Field("index", static_cast<std::int64_t>(i));
    WriteMessage(json, head, static_cast<int>(i), answer);
    WriteLogprobs(json, head, answer.tokens);
    json.Field("finish_reason", FinishOf(answer.result)).EndObject();
    results.push_back(answer.result);
  }
  json.EndArray();
  WriteUsageOf(json, head, results);
  call.SendJson(200, json.EndObject().Take());
}

}  // namespace

std::string CallId(const AnswerHead& head, int choice, int call) {
  const std::size_t dash = head.id.find('-');
  return "call_" + head.id.substr(dash == std::string::npos ? 0 : dash + 1) + "_" + std::to_string(choice) + "_" +
         std::to_string(call);
}

std::string_view FinishOf(const assistant::AnswerResult& result) {
  const bool called = result.num_calls > 0 && result.choice.reason == engine::FinishReason::kStop;
  return called ? "tool_calls" : FinishReasonName(result.choice.reason);
}

void WriteArguments(JsonWriter& json, const CalledTool& call) {
  const base::Result<JsonValue> arguments = ParseJson(call.arguments);
  if (arguments.ok() && arguments->AsObject() != nullptr) {
    json.Value(*arguments);
  } else {
    json.BeginObject().EndObject();
  }
}

std::shared_ptr<assistant::AnswerSink> CollectAnswers(int num_choices,
                                                      std::function<void(std::vector<WholeAnswer>)> done) {
  return std::make_shared<Collector>(num_choices, std::move(done));
}

std::shared_ptr<assistant::AnswerSink> MakeChatSink(std::shared_ptr<Call> call, AnswerHead head, int num_choices,
                                                    bool stream) {
  if (stream) return std::make_shared<ChatStream>(std::move(call), std::move(head), num_choices);
  return CollectAnswers(num_choices, [call = std::move(call), head = std::move(head)](
                                         const std::vector<WholeAnswer>& answers) { SendWhole(*call, head, answers); });
}

}  // namespace bowhead::api
