// How the text of a generation is written as JSON: OpenAI's two shapes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer/tokenizer.h"
#include "serving/generation.h"

namespace bowhead::api {

/// What every chunk and answer of a call carries, and what its choices need.
struct AnswerHead {
  std::string id;  // "chatcmpl-..."
  std::string model;
  std::string fingerprint;  // which build and generation of the model answered
  std::int64_t created = 0;
  int choices_per_prompt = 1;  // choice i belongs to prompt i / choices_per_prompt
  bool include_usage = false;  // streams: a last chunk with usage, "usage": null in the others
  int num_logprobs = -1;
  std::vector<std::string> echoes;  // completions with echo: the text of each prompt
  std::shared_ptr<const model::Tokenizer> tokenizer;
};

/// One choice, complete.
struct Choice {
  std::string text;
  std::vector<serving::PlacedToken> tokens;
  serving::ChoiceResult result;
};

/// Writes chunks and whole answers. One per call; the stream's methods are called in order.
class AnswerFormat {
 public:
  explicit AnswerFormat(AnswerHead head) : head_(std::move(head)) {}
  virtual ~AnswerFormat() = default;

  /// The chunk that opens a choice of a stream; "" if there is none.
  virtual std::string OpeningChunk(int choice) = 0;
  virtual std::string TextChunk(int choice, const serving::TextPiece& piece) = 0;
  /// The chunk with the finish_reason.
  virtual std::string ClosingChunk(int choice, const serving::ChoiceResult& result) = 0;
  /// The chunk with the usage of all choices.
  virtual std::string UsageChunk(const std::vector<serving::ChoiceResult>& results) = 0;
  virtual std::string Whole(const std::vector<Choice>& choices) = 0;

  [[nodiscard]] const AnswerHead& head() const { return head_; }

 private:
  AnswerHead head_;
};

std::unique_ptr<AnswerFormat> MakeChatFormat(AnswerHead head);
std::unique_ptr<AnswerFormat> MakeCompletionFormat(AnswerHead head);

/// "stop" or "length".
std::string_view FinishReasonName(engine::FinishReason reason);

}  // namespace bowhead::api
