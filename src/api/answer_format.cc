#include "api/answer_format.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "api/json.h"

namespace bowhead::api {

namespace {

/// What OpenAI writes for a token that cannot be.
constexpr double kImpossible = -9999.0;

double Logprob(float value) {
  return std::isfinite(value) ? static_cast<double>(value) : kImpossible;
}

void WriteUsage(JsonWriter& json, const std::vector<serving::ChoiceResult>& results, int choices_per_prompt) {
  int prompt = 0;
  int cached = 0;
  int completion = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    completion += results[i].completion_tokens;
    if (i % static_cast<std::size_t>(choices_per_prompt) != 0) continue;  // choices of one prompt share it
    prompt += results[i].prompt_tokens;
    cached += results[i].cached_tokens;
  }
  json.Key("usage").BeginObject();
  json.Field("prompt_tokens", prompt).Field("completion_tokens", completion);
  json.Field("total_tokens", prompt + completion);
  json.Key("prompt_tokens_details").BeginObject().Field("cached_tokens", cached).EndObject();
  json.EndObject();
}

/// Our own extension; official clients ignore it.
void WriteTimings(JsonWriter& json, const std::vector<serving::ChoiceResult>& results) {
  double first = 0.0;
  double decode = 0.0;
  int prompt = 0;
  int steps = 0;
  for (const serving::ChoiceResult& result : results) {
    if (first == 0.0 || result.first_token_seconds < first) first = result.first_token_seconds;
    decode = std::max(decode, result.decode_seconds);
    prompt = std::max(prompt, result.prompt_tokens - result.cached_tokens);
    steps += std::max(0, result.completion_tokens - 1);
  }
  json.Key("bowhead").BeginObject();
  json.Field("time_to_first_token_ms", first * 1e3);
  json.Field("decode_ms", decode * 1e3);
  if (first > 0.0) json.Field("prompt_tokens_per_second", static_cast<double>(prompt) / first);
  if (decode > 0.0) json.Field("completion_tokens_per_second", static_cast<double>(steps) / decode);
  json.EndObject();
}

class CommonFormat : public AnswerFormat {
 public:
  using AnswerFormat::AnswerFormat;

  std::string UsageChunk(const std::vector<serving::ChoiceResult>& results) override {
    JsonWriter json = Begin(ChunkObject());
    json.Key("choices").BeginArray().EndArray();
    WriteUsage(json, results, head().choices_per_prompt);
    WriteTimings(json, results);
    return json.EndObject().Take();
  }

  std::string Whole(const std::vector<Choice>& choices) override {
    JsonWriter json = Begin(WholeObject());
    json.Key("choices").BeginArray();
    std::vector<serving::ChoiceResult> results;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      WriteWhole(json, static_cast<int>(i), choices[i]);
      results.push_back(choices[i].result);
    }
    json.EndArray();
    WriteUsage(json, results, head().choices_per_prompt);
    WriteTimings(json, results);
    return json.EndObject().Take();
  }

 protected:
  [[nodiscard]] virtual std::string_view ChunkObject() const = 0;
  [[nodiscard]] virtual std::string_view WholeObject() const = 0;
  virtual void WriteWhole(JsonWriter& json, int index, const Choice& choice) = 0;

  [[nodiscard]] JsonWriter Begin(std::string_view object) const {
    JsonWriter json;
    json.BeginObject().Field("id", head().id).Field("object", object).Field("created", head().created);
    json.Field("model", head().model).Field("system_fingerprint", head().fingerprint);
    return json;
  }

  /// Ends a chunk that has its choice.
  std::string EndChunk(JsonWriter json) const {
    if (head().include_usage) json.Key("usage").Null();
    return json.EndObject().Take();
  }

  std::string_view Bytes(model::TokenId token) const { return head().tokenizer->TokenBytes(token); }
};

class ChatFormat final : public CommonFormat {
 public:
  using CommonFormat::CommonFormat;

  std::string OpeningChunk(int choice) override {
    JsonWriter json = BeginChoice(choice);
    json.Key("delta").BeginObject().Field("role", "assistant").Field("content", "").EndObject();
    json.Key("logprobs").Null().Key("finish_reason").Null();
    return EndChunk(std::move(json.EndObject().EndArray()));
  }

  std::string TextChunk(int choice, const serving::TextPiece& piece) override {
    JsonWriter json = BeginChoice(choice);
    json.Key("delta").BeginObject().Field("content", piece.text).EndObject();
    WriteLogprobs(json, piece.tokens);
    json.Key("finish_reason").Null();
    return EndChunk(std::move(json.EndObject().EndArray()));
  }

  std::string ClosingChunk(int choice, const serving::ChoiceResult& result) override {
    JsonWriter json = BeginChoice(choice);
    json.Key("delta").BeginObject().EndObject();
    json.Key("logprobs").Null().Field("finish_reason", FinishReasonName(result.reason));
    json.EndObject().EndArray();
    WriteTimings(json, {result});
    return EndChunk(std::move(json));
  }

 protected:
  [[nodiscard]] std::string_view ChunkObject() const override { return "chat.completion.chunk"; }
  [[nodiscard]] std::string_view WholeObject() const override { return "chat.completion"; }

  void WriteWhole(JsonWriter& json, int index, const Choice& choice) override {
    json.BeginObject().Field("index", index);
    json.Key("message").BeginObject().Field("role", "assistant").Field("content", choice.text);
    json.Key("refusal").Null().EndObject();
    WriteLogprobs(json, choice.tokens);
    json.Field("finish_reason", FinishReasonName(choice.result.reason)).EndObject();
  }

 private:
  JsonWriter BeginChoice(int choice) const {
    JsonWriter json = Begin(ChunkObject());
    json.Key("choices").BeginArray().BeginObject().Field("index", choice);
    return json;
  }

  void WriteToken(JsonWriter& json, model::TokenId token, float logprob) const {
    const std::string_view bytes = Bytes(token);
    json.Field("token", bytes).Field("logprob", Logprob(logprob));
    json.Key("bytes").BeginArray();
    for (const char c : bytes) json.Int(static_cast<unsigned char>(c));
    json.EndArray();
  }

  void WriteLogprobs(JsonWriter& json, const std::vector<serving::PlacedToken>& tokens) const {
    json.Key("logprobs");
    if (head().num_logprobs < 0) {
      json.Null();
      return;
    }
    json.BeginObject().Key("content").BeginArray();
    for (const serving::PlacedToken& placed : tokens) {
      json.BeginObject();
      WriteToken(json, placed.token.token, placed.token.logprob);
      json.Key("top_logprobs").BeginArray();
      for (const engine::TokenLogprob& other : placed.token.top) {
        json.BeginObject();
        WriteToken(json, other.token, other.logprob);
        json.EndObject();
      }
      json.EndArray().EndObject();
    }
    json.EndArray().Key("refusal").Null().EndObject();
  }
};

class CompletionFormat final : public CommonFormat {
 public:
  using CommonFormat::CommonFormat;

  std::string OpeningChunk(int choice) override {
    if (head().echoes.empty()) return {};
    return TextChunk(choice, {std::string(Echo(choice)), {}}, 0);
  }

  std::string TextChunk(int choice, const serving::TextPiece& piece) override {
    return TextChunk(choice, piece, serving::CountChars(Echo(choice)));
  }

  std::string ClosingChunk(int choice, const serving::ChoiceResult& result) override {
    JsonWriter json = Begin(ChunkObject());
    json.Key("choices").BeginArray().BeginObject();
    json.Field("index", choice).Field("text", "").Key("logprobs").Null();
    json.Field("finish_reason", FinishReasonName(result.reason));
    json.EndObject().EndArray();
    WriteTimings(json, {result});
    return EndChunk(std::move(json));
  }

 protected:
  [[nodiscard]] std::string_view ChunkObject() const override { return "text_completion"; }
  [[nodiscard]] std::string_view WholeObject() const override { return "text_completion"; }

  void WriteWhole(JsonWriter& json, int index, const Choice& choice) override {
    const std::string_view echo = Echo(index);
    json.BeginObject().Field("index", index).Field("text", std::string(echo) + choice.text);
    WriteLogprobs(json, choice.tokens, serving::CountChars(echo));
    json.Field("finish_reason", FinishReasonName(choice.result.reason)).EndObject();
  }

 private:
  [[nodiscard]] std::string_view Echo(int choice) const {
    if (head().echoes.empty()) return {};
    return head().echoes[static_cast<std::size_t>(choice / head().choices_per_prompt)];
  }

  std::string TextChunk(int choice, const serving::TextPiece& piece, std::size_t chars_before) const {
    JsonWriter json = Begin(ChunkObject());
    json.Key("choices").BeginArray().BeginObject();
    json.Field("index", choice).Field("text", piece.text);
    WriteLogprobs(json, piece.tokens, chars_before);
    json.Key("finish_reason").Null();
    return EndChunk(std::move(json.EndObject().EndArray()));
  }

  void WriteLogprobs(JsonWriter& json, const std::vector<serving::PlacedToken>& tokens,
                     std::size_t chars_before) const {
    json.Key("logprobs");
    if (head().num_logprobs < 0) {
      json.Null();
      return;
    }
    json.BeginObject().Key("tokens").BeginArray();
    for (const auto& placed : tokens) json.String(Bytes(placed.token.token));
    json.EndArray().Key("token_logprobs").BeginArray();
    for (const auto& placed : tokens) json.Double(Logprob(placed.token.logprob));
    json.EndArray().Key("top_logprobs");
    if (head().num_logprobs == 0) {
      json.Null();
    } else {
      json.BeginArray();
      for (const auto& placed : tokens) {
        json.BeginObject();
        std::vector<std::string_view> seen;  // two tokens can have the same bytes; a key must not appear twice
        for (const engine::TokenLogprob& other : placed.token.top) {
          const std::string_view bytes = Bytes(other.token);
          if (std::find(seen.begin(), seen.end(), bytes) != seen.end()) continue;
          seen.push_back(bytes);
          json.Key(bytes).Double(Logprob(other.logprob));
        }
        json.EndObject();
      }
      json.EndArray();
    }
    json.Key("text_offset").BeginArray();
    for (const auto& placed : tokens) json.Int(static_cast<std::int64_t>(chars_before + placed.char_offset));
    json.EndArray().EndObject();
  }
};

}  // namespace

std::string_view FinishReasonName(engine::FinishReason reason) {
  return reason == engine::FinishReason::kLength ? "length" : "stop";
}

std::unique_ptr<AnswerFormat> MakeChatFormat(AnswerHead head) {
  return std::make_unique<ChatFormat>(std::move(head));
}

std::unique_ptr<AnswerFormat> MakeCompletionFormat(AnswerHead head) {
  return std::make_unique<CompletionFormat>(std::move(head));
}

}  // namespace bowhead::api
