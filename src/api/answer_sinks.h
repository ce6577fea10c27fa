// Where the text of a generation goes: an event stream, or one answer at the end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "api/answer_format.h"
#include "api/call.h"
#include "serving/generation.h"

namespace bowhead::api {

/// The error that a choice ended with, if it did: the engine's, or that the server cut it short.
std::optional<ApiError> ErrorOf(const serving::ChoiceResult& result);

/// Server-sent events, one per piece; an error in mid-stream is an event of its own, then "[DONE]". Once the
/// client is gone it falls silent; Call::OnDisconnect tells the one who has to cancel.
class StreamSink final : public serving::TextSink {
 public:
  StreamSink(std::shared_ptr<Call> call, std::unique_ptr<AnswerFormat> format, int num_choices);

  void OnStart() override;
  void OnText(int choice, serving::TextPiece piece) override;
  void OnChoiceDone(int choice, const serving::ChoiceResult& result) override;
  void OnEnd() override;

 private:
  void Write(const std::string& data);

  const std::shared_ptr<Call> call_;
  const std::unique_ptr<AnswerFormat> format_;
  std::vector<serving::ChoiceResult> results_;
  bool gone_ = false;
  bool failed_ = false;
};

/// Collects all choices and hands them over at the end.
class WholeSink final : public serving::TextSink {
 public:
  using Done = std::function<void(std::vector<Choice> choices)>;
  WholeSink(int num_choices, Done done) : choices_(static_cast<std::size_t>(num_choices)), done_(std::move(done)) {}

  void OnStart() override {}
  void OnText(int choice, serving::TextPiece piece) override;
  void OnChoiceDone(int choice, const serving::ChoiceResult& result) override;
  void OnEnd() override { done_(std::move(choices_)); }

 private:
  std::vector<Choice> choices_;
  const Done done_;
};

}  // namespace bowhead::api
