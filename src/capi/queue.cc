#include "capi/queue.h"

#include <algorithm>
#include <cstring>

namespace bowhead::capi {

namespace {

using std::chrono::steady_clock;
using Kind = assistant::AnswerPart::Kind;

int EventKind(Kind kind) {
  switch (kind) {
    case Kind::kContent:
      return BOWHEAD_EVENT_TEXT;
    case Kind::kReasoning:
      return BOWHEAD_EVENT_REASONING;
    case Kind::kCallBegin:
      return BOWHEAD_EVENT_CALL;
    case Kind::kCallArguments:
      return BOWHEAD_EVENT_CALL_ARGUMENTS;
  }
  return BOWHEAD_EVENT_TEXT;
}

Event EndEvent(std::uint64_t tag, assistant::AnswerResult result) {
  Event event{.tag = tag, .kind = BOWHEAD_EVENT_END};
  event.text = result.choice.status.message();
  event.result = std::move(result);
  return event;
}

/// The end of a request that never ran.
Event EarlyEnd(std::uint64_t tag, engine::FinishReason reason, base::Status status) {
  assistant::AnswerResult result;
  result.choice.reason = reason;
  result.choice.status = std::move(status);
  return EndEvent(tag, std::move(result));
}

/// Puts the answer of a conversation into the box, taken apart.
class ConversationSink final : public assistant::AnswerSink {
 public:
  ConversationSink(std::shared_ptr<EventBox> box, std::uint64_t tag) : box_(std::move(box)), tag_(tag) {}

  void OnStart() override {}
  void OnChunk(int /*choice*/, assistant::AnswerChunk chunk) override {
    if (chunk.parts.empty()) chunk.parts.emplace_back();  // tokens without text
    for (assistant::AnswerPart& part : chunk.parts) {
      Event event{.tag = tag_, .kind = EventKind(part.kind), .index = part.call, .text = std::move(part.text)};
      event.tokens = std::exchange(chunk.tokens, {});
      box_->Push(std::move(event));
    }
  }
  void OnChoiceDone(int /*choice*/, const assistant::AnswerResult& result) override {
    box_->Push(EndEvent(tag_, result));
  }
  void OnEnd() override {}

 private:
  const std::shared_ptr<EventBox> box_;
  const std::uint64_t tag_;
};

/// Puts what continues a prompt into the box, as it is.
class ContinuationSink final : public serving::TextSink {
 public:
  ContinuationSink(std::shared_ptr<EventBox> box, std::uint64_t tag) : box_(std::move(box)), tag_(tag) {}

  void OnStart() override {}
  void OnText(int /*choice*/, serving::TextPiece piece) override {
    Event event{.tag = tag_, .text = std::move(piece.text)};
    event.tokens = std::move(piece.tokens);
    box_->Push(std::move(event));
  }
  void OnChoiceDone(int /*choice*/, const serving::ChoiceResult& result) override {
    box_->Push(EndEvent(tag_, {result, 0, 0}));
  }
  void OnEnd() override {}

 private:
  const std::shared_ptr<EventBox> box_;
  const std::uint64_t tag_;
};

}  // namespace

void EventBox::Push(Event event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  arrived_.notify_one();
}

std::optional<Event> EventBox::PopUntil(steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (!arrived_.wait_until(lock, deadline, [this] { return !events_.empty(); })) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

RequestQueue::~RequestQueue() {
  CancelAll();
  Event event;
  while (Next(-1, event) == BOWHEAD_NEXT_EVENT) {
  }
}

Outcome RequestQueue::Submit(const bowhead_request& request, std::uint64_t tag) {
  Prepared prepared;
  if (Outcome outcome = Prepare(*model_->served, request, prepared); !outcome.ok()) return outcome;
  const std::lock_guard lock(mutex_);
  const bool waits = std::ranges::any_of(waiting_, [tag](const auto& one) { return one.first == tag; });
  if (waits || running_.contains(tag)) {
    return BadParam("tag", "a request of tag " + std::to_string(tag) + " is running; take another tag");
  }
  if (running_.size() >= kMostStarted) {
    waiting_.emplace_back(tag, std::move(prepared));
    return base::OkStatus();
  }
  return Start(prepared, tag);
}

base::Status RequestQueue::Start(Prepared& prepared, std::uint64_t tag) {
  std::shared_ptr<serving::TextSink> sink;
  if (prepared.reading) {
    sink = assistant::ReadAnswers(*prepared.reading, 1, std::make_shared<ConversationSink>(box_, tag));
  } else {
    sink = std::make_shared<ContinuationSink>(box_, tag);
  }
  auto generation = model_->service.Generate(*model_->served, serving::FanOut(prepared.choice, 1), std::move(sink));
  if (!generation.ok()) return generation.status();
  running_.emplace(tag, std::move(*generation));
  return base::OkStatus();
}

void RequestQueue::StartWaiting() {
  while (!waiting_.empty() && running_.size() < kMostStarted) {
    auto [tag, prepared] = std::move(waiting_.front());
    waiting_.pop_front();
    base::Status status = Start(prepared, tag);
    if (status.ok()) continue;
    running_.emplace(tag, nullptr);
    box_->Push(EarlyEnd(tag, engine::FinishReason::kError, std::move(status)));
  }
}

int RequestQueue::Next(std::int64_t timeout_ms, Event& event) {
  // A day at a time, so that no sum of times overflows.
  constexpr std::int64_t kLongest = 24LL * 3600 * 1000;
  const bool endless = timeout_ms < 0;
  do {
    const auto deadline =
        steady_clock::now() + std::chrono::milliseconds(endless ? kLongest : std::min(timeout_ms, kLongest));
    {
      const std::lock_guard lock(mutex_);
      if (running_.empty() && waiting_.empty()) return BOWHEAD_NEXT_EMPTY;
    }
    if (std::optional<Event> next = box_->PopUntil(deadline)) {
      event = std::move(*next);
      if (event.kind == BOWHEAD_EVENT_END) Ended(event.tag);
      return BOWHEAD_NEXT_EVENT;
    }
  } while (endless);
  return BOWHEAD_NEXT_TIMEOUT;
}

void RequestQueue::Ended(std::uint64_t tag) {
  const std::lock_guard lock(mutex_);
  running_.erase(tag);
  StartWaiting();
}

void RequestQueue::Cancel(std::uint64_t tag) {
  const std::lock_guard lock(mutex_);
  if (const auto running = running_.find(tag); running != running_.end()) {
    if (running->second != nullptr) running->second->Cancel();
    return;
  }
  const auto waiting = std::ranges::find_if(waiting_, [tag](const auto& one) { return one.first == tag; });
  if (waiting == waiting_.end()) return;
  waiting_.erase(waiting);
  running_.emplace(tag, nullptr);
  box_->Push(EarlyEnd(tag, engine::FinishReason::kCancelled, base::OkStatus()));
}

void RequestQueue::CancelAll() {
  const std::lock_guard lock(mutex_);
  for (const auto& [tag, generation] : running_) {
    if (generation != nullptr) generation->Cancel();
  }
  for (const auto& [tag, prepared] : waiting_) {
    running_.emplace(tag, nullptr);
    box_->Push(EarlyEnd(tag, engine::FinishReason::kCancelled, base::OkStatus()));
  }
  waiting_.clear();
}

namespace {

int FinishOf(const assistant::AnswerResult& result) {
  switch (result.choice.reason) {
    case engine::FinishReason::kStop:
      return result.num_calls > 0 ? BOWHEAD_FINISH_TOOL_CALLS : BOWHEAD_FINISH_STOP;
    case engine::FinishReason::kLength:
      return BOWHEAD_FINISH_LENGTH;
    case engine::FinishReason::kCancelled:
      return BOWHEAD_FINISH_CANCELLED;
    case engine::FinishReason::kError:
      return BOWHEAD_FINISH_ERROR;
  }
  return BOWHEAD_FINISH_ERROR;
}

/// Lays the tokens of the event out as the arrays that a bowhead_event points to.
void LayOutTokens(bowhead_queue& queue, bowhead_event& out) {
  queue.tokens.clear();
  queue.logprobs.clear();
  queue.top_tokens.clear();
  queue.top_logprobs.clear();
  const std::vector<serving::PlacedToken>& placed = queue.current.tokens;
  out.num_tokens = placed.size();
  out.num_top = placed.empty() ? 0 : placed.front().token.top.size();
  for (const serving::PlacedToken& one : placed) {
    queue.tokens.push_back(one.token.token);
    queue.logprobs.push_back(one.token.logprob);
    for (std::size_t i = 0; i < out.num_top; ++i) {
      const bool there = i < one.token.top.size();
      queue.top_tokens.push_back(there ? one.token.top[i].token : -1);
      queue.top_logprobs.push_back(there ? one.token.top[i].logprob : 0.0F);
    }
  }
  out.tokens = queue.tokens.data();
  out.logprobs = queue.logprobs.data();
  out.top_tokens = queue.top_tokens.data();
  out.top_logprobs = queue.top_logprobs.data();
}

bowhead_event Describe(bowhead_queue& queue) {
  const Event& event = queue.current;
  bowhead_event out = {};
  out.tag = event.tag;
  out.kind = event.kind;
  out.index = event.index;
  out.text = event.text.c_str();
  out.text_length = event.text.size();
  LayOutTokens(queue, out);
  if (event.kind != BOWHEAD_EVENT_END) return out;
  const serving::ChoiceResult& choice = event.result.choice;
  out.finish_reason = FinishOf(event.result);
  out.error_code = static_cast<int>(choice.status.code());
  out.prompt_tokens = choice.prompt_tokens;
  out.cached_tokens = choice.cached_tokens;
  out.completion_tokens = choice.completion_tokens;
  out.reasoning_tokens = event.result.reasoning_tokens;
  out.first_token_seconds = choice.first_token_seconds;
  out.decode_seconds = choice.decode_seconds;
  return out;
}

}  // namespace

}  // namespace bowhead::capi

namespace capi = bowhead::capi;

int bowhead_queue_new(bowhead_model* model, bowhead_queue** queue, bowhead_error** error) {
  return capi::Guarded(error, [&]() -> capi::Outcome {
    *queue = new bowhead_queue(model->loaded);  // the caller's to free
    return bowhead::base::OkStatus();
  });
}

void bowhead_queue_free(bowhead_queue* queue) {
  delete queue;
}

int bowhead_queue_submit(bowhead_queue* queue, const bowhead_request* request, uint64_t tag, bowhead_error** error) {
  return capi::Guarded(error, [&] { return queue->requests.Submit(*request, tag); });
}

int bowhead_queue_next(bowhead_queue* queue, int64_t timeout_ms, bowhead_event* event) {
  try {
    const int found = queue->requests.Next(timeout_ms, queue->current);
    if (found != BOWHEAD_NEXT_EVENT) return found;
    bowhead_event described = capi::Describe(*queue);
    described.size = event->size;
    // A caller of an older header has a shorter struct.
    std::memcpy(event, &described, std::min(event->size, sizeof described));
    return found;
  } catch (const std::exception&) {
    return BOWHEAD_NEXT_FAILED;
  }
}

void bowhead_queue_cancel(bowhead_queue* queue, uint64_t tag) {
  capi::Guarded(nullptr, [&]() -> capi::Outcome {
    queue->requests.Cancel(tag);
    return bowhead::base::OkStatus();
  });
}

void bowhead_queue_cancel_all(bowhead_queue* queue) {
  capi::Guarded(nullptr, [&]() -> capi::Outcome {
    queue->requests.CancelAll();
    return bowhead::base::OkStatus();
  });
}

int bowhead_queue_run(bowhead_queue* queue, bowhead_callback callback, void* user_data) {
  bool wanted = true;
  bowhead_event event = {};
  event.size = sizeof event;
  int found = bowhead_queue_next(queue, -1, &event);
  for (; found == BOWHEAD_NEXT_EVENT; found = bowhead_queue_next(queue, -1, &event)) {
    if (!wanted || callback(&event, user_data) == 0) continue;
    wanted = false;
    bowhead_queue_cancel_all(queue);
  }
  if (found == BOWHEAD_NEXT_FAILED) return BOWHEAD_RESOURCE_EXHAUSTED;
  return wanted ? BOWHEAD_OK : BOWHEAD_CANCELLED;
}
