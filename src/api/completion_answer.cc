#include "api/completion_answer.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bowhead::api {

namespace {

constexpr std::string_view kObject = "text_completion";

std::string_view EchoOf(const AnswerHead& head, int choice) {
  if (head.echoes.empty()) return {};
  return head.echoes[static_cast<std::size_t>(choice / head.choices_per_prompt)];
}

/// `chars_before`: of the echo, which stands before the answer's own text.
void WriteLogprobs(JsonWriter& json, const AnswerHead& head, const std::vector<serving::PlacedToken>& tokens,
                   std::size_t chars_before) {
  json.Key("logprobs");
  if (head.num_logprobs < 0) {
    json.Null();
    return;
  }
  const model::Tokenizer& tokenizer = *head.tokenizer;
  json.BeginObject().Key("tokens").BeginArray();
  for (const auto& placed : tokens) json.String(tokenizer.TokenBytes(placed.token.token));
  json.EndArray().Key("token_logprobs").BeginArray();
  for (const auto& placed : tokens) json.Double(FiniteLogprob(placed.token.logprob));
  json.EndArray().Key("top_logprobs");
  if (head.num_logprobs == 0) {
    json.Null();
  } else {
    json.BeginArray();
    for (const auto& placed : tokens) {
      json.BeginObject();
      std::vector<std::string_view> seen;  // two tokens can have the same bytes; a key must not appear twice
      for (const engine::TokenLogprob& other : placed.token.top) {
        const std::string_view bytes = tokenizer.TokenBytes(other.token);
        if (std::find(seen.begin(), seen.end(), bytes) != seen.end()) continue;
        seen.push_back(bytes);
        json.Key(bytes).Double(FiniteLogprob(other.logprob));
      }
      json.EndObject();
    }
    json.EndArray();
  }
  json.Key("text_offset").BeginArray();
  for (const auto& placed : tokens) json.Int(static_cast<std::int64_t>(chars_before + placed.char_offset));
  json.EndArray().EndObject();
}

class CompletionStream final : public serving::TextSink {
 public:
  CompletionStream(std::shared_ptr<Call> call, AnswerHead head, int num_choices)
      : head_(std::move(head)), events_(std::move(call)), results_(static_cast<std::size_t>(num_choices)) {}

  void OnStart() override {
    events_.Begin();
    if (head_.echoes.empty()) return;
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const int choice = static_cast<int>(i);
      events_.Write(TextChunk(choice, {std::string(EchoOf(head_, choice))}, 0));
    }
  }

  void OnText(int choice, serving::TextPiece piece) override {
    if (!events_.gone()) events_.Write(TextChunk(choice, piece, serving::CountChars(EchoOf(head_, choice))));
  }

  void OnChoiceDone(int choice, const serving::ChoiceResult& result) override {
    results_[static_cast<std::size_t>(choice)] = result;
    if (events_.gone()) return;
    if (const std::optional<ApiError> error = ErrorOf(result)) {
      events_.Fail(*error);
      return;
    }
    JsonWriter json = BeginChoice(choice, "");
    json.Key("logprobs").Null().Field("finish_reason", FinishReasonName(result.reason)).EndObject().EndArray();
    WriteTimings(json, {result});
    events_.Write(EndChunk(head_, std::move(json)));
  }

  void OnEnd() override {
    if (!events_.gone() && !events_.failed() && head_.include_usage) {
      JsonWriter json = BeginAnswer(head_, kObject);
      json.Key("choices").BeginArray().EndArray();
      WriteUsage(json, results_, head_.choices_per_prompt);
      WriteTimings(json, results_);
      events_.Write(json.EndObject().Take());
    }
    events_.End();
  }

 private:
  [[nodiscard]] JsonWriter BeginChoice(int choice, std::string_view text) const {
    JsonWriter json = BeginAnswer(head_, kObject);
    json.Key("choices").BeginArray().BeginObject().Field("index", choice).Field("text", text);
    return json;
  }

  [[nodiscard]] std::string TextChunk(int choice, const serving::TextPiece& piece, std::size_t chars_before) const {
    JsonWriter json = BeginChoice(choice, piece.text);
    WriteLogprobs(json, head_, piece.tokens, chars_before);
    json.Key("finish_reason").Null();
    return EndChunk(head_, std::move(json.EndObject().EndArray()));
  }

  const AnswerHead head_;
  EventStream events_;
  std::vector<serving::ChoiceResult> results_;
};

class WholeCompletion final : public serving::TextSink {
 public:
  WholeCompletion(std::shared_ptr<Call> call, AnswerHead head, int num_choices)
      : call_(std::move(call)), head_(std::move(head)), choices_(static_cast<std::size_t>(num_choices)) {}

  void OnStart() override {}

  void OnText(int choice, serving::TextPiece piece) override {
    Choice& target = choices_[static_cast<std::size_t>(choice)];
    target.text += piece.text;
    target.tokens.insert(target.tokens.end(), std::make_move_iterator(piece.tokens.begin()),
                         std::make_move_iterator(piece.tokens.end()));
  }

  void OnChoiceDone(int choice, const serving::ChoiceResult& result) override {
    choices_[static_cast<std::size_t>(choice)].result = result;
  }

  void OnEnd() override {
    JsonWriter json = BeginAnswer(head_, kObject);
    json.Key("choices").BeginArray();
    std::vector<serving::ChoiceResult> results;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      if (const std::optional<ApiError> error = ErrorOf(choices_[i].result)) {
        call_->Fail(*error);
        return;
      }
      WriteChoice(json, static_cast<int>(i), choices_[i]);
      results.push_back(choices_[i].result);
    }
    json.EndArray();
    WriteUsage(json, results, head_.choices_per_prompt);
    WriteTimings(json, results);
    call_->SendJson(200, json.EndObject().Take());
  }

 private:
  struct Choice {
    std::string text;
    std::vector<serving::PlacedToken> tokens;
    serving::ChoiceResult result;
  };

  void WriteChoice(JsonWriter& json, int index, const Choice& choice) const {
    const std::string_view echo = EchoOf(head_, index);
    json.BeginObject().Field("index", index).Field("text", std::string(echo) + choice.text);
    WriteLogprobs(json, head_, choice.tokens, serving::CountChars(echo));
    json.Field("finish_reason", FinishReasonName(choice.result.reason)).EndObject();
  }

  const std::shared_ptr<Call> call_;
  const AnswerHead head_;
  std::vector<Choice> choices_;
};

}  // namespace

std::shared_ptr<serving::TextSink> MakeCompletionSink(std::shared_ptr<Call> call, AnswerHead head, int num_choices,
                                                      bool stream) {
  if (stream) return std::make_shared<CompletionStream>(std::move(call), std::move(head), num_choices);
  return std::make_shared<WholeCompletion>(std::move(call), std::move(head), num_choices);
}

}  // namespace bowhead::api
