#include "assistant/answer_reader.h"

#include <cstddef>
#include <iterator>
#include <utility>

namespace bowhead::assistant {

namespace {

class AnswerReader final : public serving::TextSink {
 public:
  AnswerReader(const ReadingOptions& options, int num_choices, std::shared_ptr<AnswerSink> sink)
      : sink_(std::move(sink)) {
    answers_.reserve(static_cast<std::size_t>(num_choices));
    for (int i = 0; i < num_choices; ++i) {
      answers_.push_back(
          {AnswerParser(options.dialect, options.tools, options.in_reasoning, options.calls_first), {}, 0});
    }
  }

  void OnStart() override { sink_->OnStart(); }

  void OnText(int choice, serving::TextPiece piece) override {
    Answer& answer = answers_[static_cast<std::size_t>(choice)];
    answer.tokens.insert(answer.tokens.end(), std::make_move_iterator(piece.tokens.begin()),
                         std::make_move_iterator(piece.tokens.end()));
    const bool reasoned = answer.parser.in_reasoning();
    std::vector<AnswerPart> parts = answer.parser.Add(piece.text);
    if (reasoned || answer.parser.in_reasoning()) answer.reasoning_tokens = piece.num_tokens;
    if (!parts.empty()) sink_->OnChunk(choice, {std::move(parts), std::exchange(answer.tokens, {})});
  }

  void OnChoiceDone(int choice, const serving::ChoiceResult& result) override {
    Answer& answer = answers_[static_cast<std::size_t>(choice)];
    const bool reasoned = answer.parser.in_reasoning();
    std::vector<AnswerPart> parts = answer.parser.Finish();
    if (reasoned) answer.reasoning_tokens = result.completion_tokens;
    if (!parts.empty() || !answer.tokens.empty()) {
      sink_->OnChunk(choice, {std::move(parts), std::exchange(answer.tokens, {})});
    }
    sink_->OnChoiceDone(choice, {result, answer.reasoning_tokens, answer.parser.num_calls()});
  }

  void OnEnd() override { sink_->OnEnd(); }

 private:
  struct Answer {
    AnswerParser parser;
    std::vector<serving::PlacedToken> tokens;  // of text that the parser holds back
    int reasoning_tokens = 0;
  };

  std::vector<Answer> answers_;
  const std::shared_ptr<AnswerSink> sink_;
};

}  // namespace

std::shared_ptr<serving::TextSink> ReadAnswers(const ReadingOptions& options, int num_choices,
                                               std::shared_ptr<AnswerSink> sink) {
  return std::make_shared<AnswerReader>(options, num_choices, std::move(sink));
}

}  // namespace bowhead::assistant
