#include "api/answer_sinks.h"

#include <cstddef>
#include <iterator>
#include <utility>

namespace bowhead::api {

std::optional<ApiError> ErrorOf(const serving::ChoiceResult& result) {
  switch (result.reason) {
    case engine::FinishReason::kStop:
    case engine::FinishReason::kLength:
      return std::nullopt;
    case engine::FinishReason::kCancelled:
      return FromStatus(base::Unavailable("the answer was cut short because the server is shutting down"));
    case engine::FinishReason::kError:
      return FromStatus(result.status.ok() ? base::Internal("the engine failed") : result.status);
  }
  return std::nullopt;
}

StreamSink::StreamSink(std::shared_ptr<Call> call, std::unique_ptr<AnswerFormat> format, int num_choices)
    : call_(std::move(call)), format_(std::move(format)), results_(static_cast<std::size_t>(num_choices)) {}

void StreamSink::Write(const std::string& data) {
  if (!gone_) gone_ = !call_->WriteEvent(data);
}

void StreamSink::OnStart() {
  call_->BeginEvents();
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const std::string chunk = format_->OpeningChunk(static_cast<int>(i));
    if (!chunk.empty()) Write(chunk);
  }
}

void StreamSink::OnText(int choice, serving::TextPiece piece) {
  if (!gone_) Write(format_->TextChunk(choice, piece));
}

void StreamSink::OnChoiceDone(int choice, const serving::ChoiceResult& result) {
  results_[static_cast<std::size_t>(choice)] = result;
  if (gone_) return;
  if (const std::optional<ApiError> error = ErrorOf(result)) {
    failed_ = true;
    Write(ErrorBody(*error));
  } else {
    Write(format_->ClosingChunk(choice, result));
  }
}

void StreamSink::OnEnd() {
  if (!gone_ && !failed_ && format_->head().include_usage) Write(format_->UsageChunk(results_));
  Write("[DONE]");
  call_->EndEvents();
}

void WholeSink::OnText(int choice, serving::TextPiece piece) {
  Choice& target = choices_[static_cast<std::size_t>(choice)];
  target.text += piece.text;
  target.tokens.insert(target.tokens.end(), std::make_move_iterator(piece.tokens.begin()),
                       std::make_move_iterator(piece.tokens.end()));
}

void WholeSink::OnChoiceDone(int choice, const serving::ChoiceResult& result) {
  choices_[static_cast<std::size_t>(choice)].result = result;
}

}  // namespace bowhead::api
