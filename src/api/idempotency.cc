#include "api/idempotency.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bowhead::api {

namespace {

constexpr std::size_t kMaxKeyBytes = 255;

ApiError Refusal(int status, std::string_view code, std::string message) {
  return {.status = status, .message = std::move(message), .param = "Idempotency-Key", .code = std::string(code)};
}

}  // namespace

bool IsIdempotencyKey(std::string_view key) {
  return !key.empty() && key.size() <= kMaxKeyBytes &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

IdempotentRun::IdempotentRun(std::shared_ptr<IdempotencyStore> store, std::string key)
    : store_(std::move(store)), key_(std::move(key)) {}

IdempotentRun::~IdempotentRun() {
  if (!done_) store_->Release(key_);
}

void IdempotentRun::Append(std::string_view bytes) {
  // One byte over the limit is enough to tell that there was more.
  const std::size_t most = store_->limits().max_answer_bytes + 1;
  if (answer_.body.size() < most) answer_.body.append(bytes.substr(0, most - answer_.body.size()));
}

void IdempotentRun::Finish() {
  if (std::exchange(done_, true)) return;
  if (dropped_) {
    store_->Release(key_);
  } else {
    store_->Finish(key_, std::move(answer_));
  }
}

IdempotencyStore::Claim IdempotencyStore::Begin(std::string_view owner, std::string_view key,
                                                const base::ContentHash& request, Clock::time_point now) {
  std::string whole(owner);
  whole.push_back('\0');  // no header, hence no owner or key, can hold one
  whole.append(key);
  Claim claim;
  const std::lock_guard lock(mutex_);
  TrimLocked(now);
  if (const auto found = by_key_.find(whole); found != by_key_.end()) {
    const Entry& entry = *found->second;
    if (!(entry.request == request)) {
      claim.error = Refusal(422, "idempotency_key_reused", "this Idempotency-Key came with another request before");
    } else if (entry.answer != nullptr) {
      claim.answer = entry.answer;
    } else if (entry.running) {
      claim.error = Refusal(409, "idempotency_key_in_use", "the first request with this Idempotency-Key still runs");
      claim.error->retry_after_seconds = 1;
    } else {
      claim.error = Refusal(409, "idempotency_answer_not_kept",
                            "this request was answered before, but its answer was too long to be given again");
    }
    return claim;
  }
  order_.push_back({.key = whole, .request = request, .begun = now, .answer = nullptr, .running = true, .bytes = 0});
  by_key_[whole] = std::prev(order_.end());
  claim.run = std::make_unique<IdempotentRun>(shared_from_this(), std::move(whole));
  return claim;
}

void IdempotencyStore::Finish(const std::string& key, RecordedAnswer answer) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  Entry& entry = *found->second;
  entry.running = false;
  entry.bytes = sizeof(Entry) + entry.key.size();
  if (answer.body.size() <= limits_.max_answer_bytes) {
    entry.bytes += answer.body.size();
    entry.answer = std::make_shared<const RecordedAnswer>(std::move(answer));
  }
  bytes_ += entry.bytes;
  TrimLocked(Clock::now());
}

void IdempotencyStore::Release(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) RemoveLocked(found->second);
}

void IdempotencyStore::TrimLocked(Clock::time_point now) {
  for (auto entry = order_.begin(); entry != order_.end();) {
    const bool over = order_.size() > limits_.max_entries || bytes_ > limits_.max_bytes;
    if (!over && now - entry->begun <= limits_.max_age) return;
    const auto next = std::next(entry);
    if (!entry->running) RemoveLocked(entry);
    entry = next;
  }
}

void IdempotencyStore::RemoveLocked(Order::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  order_.erase(entry);
}

}  // namespace bowhead::api
