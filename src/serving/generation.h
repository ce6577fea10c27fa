// One answer or several to one call: requests to the engine, their tokens as text, on one delivery thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/backend.h"
#include "serving/task_queue.h"
#include "serving/text_stream.h"

namespace bowhead::serving {

/// How one choice ended.
struct ChoiceResult {
  engine::FinishReason reason = engine::FinishReason::kStop;
  base::Status status;  // for kError
  std::string stop;     // the stop string that ended it; "" if none did
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int completion_tokens = 0;         // with a stop string: up to the token that completed it
  double first_token_seconds = 0.0;  // from submission; 0 if there was none
  double decode_seconds = 0.0;       // from the first token to the last
};

/// Receives the text of a generation. All calls come one at a time from one thread (the delivery thread).
class TextSink {
 public:
  virtual ~TextSink() = default;
  /// Once, first, when the engine has accepted all requests.
  virtual void OnStart() = 0;
  virtual void OnText(int choice, TextPiece piece) = 0;
  /// Once for each choice.
  virtual void OnChoiceDone(int choice, const ChoiceResult& result) = 0;
  /// Once, last.
  virtual void OnEnd() = 0;
};

/// One choice to make.
struct ChoiceRequest {
  engine::GenerateRequest request;
  std::vector<std::string> stops;
  bool continuation = false;  // the answer goes on from the prompt's text, rather than being a message of its own
  std::vector<model::TokenId> shown;  // special tokens that are part of the text: marks for the one who reads it
};

/// The requests of one call. Thread-safe.
class Generation : public std::enable_shared_from_this<Generation> {
 public:
  /// Submits all choices, or none: if the engine refuses one, the others are cancelled, the error is returned and the
  /// sink is never called. `delivery` must have one thread and outlive the backend's last callback.
  static base::Result<std::shared_ptr<Generation>> Start(std::shared_ptr<engine::Backend> backend, TaskQueue& delivery,
                                                         std::vector<ChoiceRequest> choices,
                                                         std::shared_ptr<TextSink> sink);

  /// Ends what still runs, within one step of the engine; the sink hears of it. Can be called at any time.
  void Cancel();

 private:
  using Clock = std::chrono::steady_clock;
  class Listener;
  struct Choice {
    Choice(const model::Tokenizer& tokenizer, ChoiceRequest& request)
        : stream(tokenizer, std::move(request.stops), request.request.sampling.num_logprobs >= 0, request.continuation,
                 std::move(request.shown)) {}
    TextStream stream;          // delivery thread
    Clock::time_point first{};  // delivery thread
    Clock::time_point last{};   // delivery thread
    engine::RequestId id = 0;   // guarded by mutex_
    bool submitted = false;     // guarded by mutex_: id is known
    bool stop = false;          // guarded by mutex_: to be cancelled
  };

  Generation(std::shared_ptr<engine::Backend> backend, TaskQueue& delivery, std::shared_ptr<TextSink> sink);
  base::Status Submit(std::vector<ChoiceRequest> choices);
  void CancelChoice(Choice& choice);
  void Deliver(std::size_t index, const engine::GeneratedToken& token, Clock::time_point when);
  void DeliverEnd(std::size_t index, const engine::FinishInfo& info);
  void EnsureStarted();
  /// Runs a delivery; one that throws gives the answer up.
  void Guard(const std::function<void()>& deliver);

  const std::shared_ptr<engine::Backend> backend_;
  TaskQueue& delivery_;
  const Clock::time_point begin_ = Clock::now();
  std::vector<std::unique_ptr<Choice>> choices_;  // fixed before the first Submit
  std::mutex mutex_;
  bool abandoned_ = false;          // guarded by mutex_: the sink must hear nothing
  std::shared_ptr<TextSink> sink_;  // delivery thread, after Start
  bool started_ = false;            // delivery thread
  std::size_t done_ = 0;            // delivery thread
};

/// `n` choices of one request: the i-th with seed + i.
std::vector<ChoiceRequest> FanOut(const ChoiceRequest& request, int n);

}  // namespace bowhead::serving
