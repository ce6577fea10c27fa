// Between the text of a generation and those who send answers: content, reasoning and tool calls apart.
#pragma once

#include <memory>
#include <vector>

#include "assistant/answer_parser.h"
#include "model/template/dialect.h"
#include "serving/generation.h"

namespace bowhead::assistant {

/// What is new in an answer. The tokens are those of the parts, if the request wants logprobs.
struct AnswerChunk {
  std::vector<AnswerPart> parts;
  std::vector<serving::PlacedToken> tokens;
};

/// How an answer ended.
struct AnswerResult {
  serving::ChoiceResult choice;
  int reasoning_tokens = 0;  // of the completion's tokens, marks included
  int num_calls = 0;
};

/// Receives the answers of a generation. The order and the thread are those of serving::TextSink.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void OnStart() = 0;
  virtual void OnChunk(int choice, AnswerChunk chunk) = 0;
  virtual void OnChoiceDone(int choice, const AnswerResult& result) = 0;
  virtual void OnEnd() = 0;
};

/// What to look for in the answers.
struct ReadingOptions {
  model::Dialect dialect;
  bool tools = false;         // the prompt offered tools
  bool in_reasoning = false;  // the prompt opens the reasoning
  bool calls_first = false;   // an answer that begins with content has no calls
};

/// A sink for a generation of `num_choices` answers that takes each apart and passes it on.
std::shared_ptr<serving::TextSink> ReadAnswers(const ReadingOptions& options, int num_choices,
                                               std::shared_ptr<AnswerSink> sink);

}  // namespace bowhead::assistant
