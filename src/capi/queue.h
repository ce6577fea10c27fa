// Requests that run at once, and the events that come of them.
#pragma once

#include <bowhead/bowhead.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "assistant/answer_reader.h"
#include "capi/error.h"
#include "capi/model.h"
#include "capi/request.h"

namespace bowhead::capi {

/// What a bowhead_event points to.
struct Event {
  std::uint64_t tag = 0;
  int kind = BOWHEAD_EVENT_TEXT;
  int index = 0;
  std::string text = {};
  std::vector<serving::PlacedToken> tokens = {};
  assistant::AnswerResult result = {};  // of BOWHEAD_EVENT_END
};

/// Events on their way from the model's delivery thread to the one who reads them. Thread-safe.
class EventBox {
 public:
  void Push(Event event);
  /// The next event, waiting for it until then.
  std::optional<Event> PopUntil(std::chrono::steady_clock::time_point deadline);

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;  // guarded by mutex_
};

/// The requests of one bowhead_queue. Thread-safe, but for Next.
class RequestQueue {
 public:
  explicit RequestQueue(std::shared_ptr<LoadedModel> model)
      : model_(std::move(model)), box_(std::make_shared<EventBox>()) {}
  /// Cancels what runs and waits for its end.
  ~RequestQueue();
  RequestQueue(const RequestQueue&) = delete;
  RequestQueue& operator=(const RequestQueue&) = delete;

  Outcome Submit(const bowhead_request& request, std::uint64_t tag);
  /// One of BOWHEAD_NEXT_*.
  int Next(std::int64_t timeout_ms, Event& event);
  void Cancel(std::uint64_t tag);
  void CancelAll();

 private:
  /// Most requests of one queue that are with the engine; a batch's worth more than it runs at once.
  static constexpr std::size_t kMostStarted = 128;

  base::Status Start(Prepared& prepared, std::uint64_t tag);  // mutex_ is held
  void StartWaiting();                                        // mutex_ is held
  void Ended(std::uint64_t tag);

  const std::shared_ptr<LoadedModel> model_;
  const std::shared_ptr<EventBox> box_;
  std::mutex mutex_;
  // Guarded by mutex_. A request is among the running ones until its last event is read; one that never started has no
  // generation there.
  std::unordered_map<std::uint64_t, std::shared_ptr<serving::Generation>> running_;
  std::deque<std::pair<std::uint64_t, Prepared>> waiting_;
};

}  // namespace bowhead::capi

struct bowhead_queue {
  explicit bowhead_queue(std::shared_ptr<bowhead::capi::LoadedModel> model) : requests(std::move(model)) {}

  bowhead::capi::RequestQueue requests;
  // What the last bowhead_event points to.
  bowhead::capi::Event current;
  std::vector<std::int32_t> tokens;
  std::vector<float> logprobs;
  std::vector<std::int32_t> top_tokens;
  std::vector<float> top_logprobs;
};
