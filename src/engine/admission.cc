#include "engine/admission.h"

#include <algorithm>
#include <cmath>

namespace bowhead::engine {
namespace {

constexpr double kGuessedAnswer = 128;
constexpr double kNewShare = 0.1;  // of a mean over recent requests

void Average(double* mean, double value) {
  *mean = *mean <= 0 ? value : *mean + kNewShare * (value - *mean);
}

std::string Seconds(double seconds) {
  return std::to_string(static_cast<std::int64_t>(std::ceil(seconds))) + " s";
}

}  // namespace

base::Status Admission::Enter(const Ticket& ticket) {
  const std::lock_guard lock(mutex_);
  const std::int64_t tokens = std::int64_t{ticket.prompt_tokens} + ticket.max_tokens;
  if (base::Status status = CheckLocked(ticket.tenant, ticket.prompt_tokens, tokens); !status.ok()) return status;
  Queue& queue = queues_[ticket.tenant];
  ++queue.requests;
  queue.prompt_tokens += ticket.prompt_tokens;
  ++queued_;
  reserved_tokens_ += tokens;
  return base::OkStatus();
}

base::Status Admission::Check(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  return CheckLocked(tenant, 1, 1);
}

base::Status Admission::CheckLocked(const std::string& tenant, int prompt_tokens, std::int64_t tokens) const {
  // One tenant's queue must not keep the others out: who has nobody waiting gets a place behind a full queue, too.
  const bool first_of_tenant = !queues_.contains(tenant) && !queues_.empty();
  const int places = first_of_tenant ? 2 * limits_.max_queue : limits_.max_queue;
  if (queued_ >= places) {
    return base::ResourceExhausted("the queue is full (" + std::to_string(queued_.load()) +
                                   " requests wait); try again in " + Seconds(RetryAfterLocked(tenant)));
  }
  if (limits_.max_total_tokens > 0 && reserved_tokens_ + tokens > limits_.max_total_tokens) {
    return base::ResourceExhausted("the requests in work reach the server's cap of " +
                                   std::to_string(limits_.max_total_tokens) + " tokens; try again in " +
                                   Seconds(RetryAfterLocked(tenant)));
  }
  const double wait = PredictLocked(tenant, prompt_tokens);
  if (limits_.max_wait_s > 0 && wait > limits_.max_wait_s) {
    return base::ResourceExhausted("a request would wait about " + Seconds(wait) + " for its turn, more than the " +
                                   Seconds(limits_.max_wait_s) + " that this server allows; try again in " +
                                   Seconds(RetryAfterLocked(tenant)));
  }
  return base::OkStatus();
}

void Admission::Started(Ticket* ticket) {
  const std::lock_guard lock(mutex_);
  ticket->started = true;
  ++running_;
  --queued_;
  const auto queue = queues_.find(ticket->tenant);
  queue->second.prompt_tokens -= ticket->prompt_tokens;
  if (--queue->second.requests == 0) queues_.erase(queue);
}

void Admission::Left(const Ticket& ticket, int completion_tokens) {
  const std::lock_guard lock(mutex_);
  reserved_tokens_ -= std::int64_t{ticket.prompt_tokens} + ticket.max_tokens;
  if (ticket.started) {
    --running_;
    if (completion_tokens == 0) return;  // cancelled early, or no answer at all: tells nothing
    Average(&mean_answer_, completion_tokens);
    Average(&mean_request_, ticket.prompt_tokens + completion_tokens);
    return;
  }
  --queued_;
  const auto queue = queues_.find(ticket.tenant);
  queue->second.prompt_tokens -= ticket.prompt_tokens;
  if (--queue->second.requests == 0) queues_.erase(queue);
}

void Admission::SetCosts(double prompt_token_ms, double answer_token_ms, double computed_share) {
  const std::lock_guard lock(mutex_);
  prompt_token_ms_ = prompt_token_ms;
  answer_token_ms_ = answer_token_ms;
  computed_share_ = std::clamp(computed_share, 0.02, 1.0);
}

double Admission::PredictWait(const std::string& tenant, int prompt_tokens) const {
  const std::lock_guard lock(mutex_);
  return PredictLocked(tenant, prompt_tokens);
}

double Admission::PredictLocked(const std::string& tenant, int prompt_tokens) const {
  if (prompt_token_ms_ <= 0) return 0;
  const auto own = queues_.find(tenant);
  const Queue mine = own == queues_.end() ? Queue() : own->second;
  // Tenants take turns: of another's queue goes first what is no more than mine with the newcomer.
  std::int64_t ahead = mine.requests;
  std::int64_t tokens_ahead = mine.prompt_tokens;
  for (const auto& [name, queue] : queues_) {
    if (name == tenant) continue;
    ahead += std::min(queue.requests, mine.requests + 1);
    tokens_ahead += std::min(queue.prompt_tokens, mine.prompt_tokens + prompt_tokens);
  }
  double places = limits_.max_running;
  if (mean_request_ > 0 && limits_.kv_tokens > 0) {
    places = std::min(places, std::max(1.0, static_cast<double>(limits_.kv_tokens) / mean_request_));
  }
  // Those who find no free place in the batch wait until as many answers are finished; the batch finishes them one
  // after the other, as it were, each taking the time that is its own share of the steps.
  const double without_place = std::max(0.0, static_cast<double>(ahead) + 1 - (places - running_));
  const double answer = mean_answer_ > 0 ? mean_answer_ : kGuessedAnswer;
  const double ms = static_cast<double>(tokens_ahead) * computed_share_ * prompt_token_ms_ +
                    without_place * answer * answer_token_ms_;
  return ms / 1e3;
}

int Admission::RetryAfter(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  return RetryAfterLocked(tenant);
}

int Admission::RetryAfterLocked(const std::string& tenant) const {
  const double wait = PredictLocked(tenant, 1);
  // By time: until the wait is what is allowed. By count: until there is a place for each of about as many who try.
  const double over = limits_.max_wait_s > 0 ? wait - limits_.max_wait_s : 0;
  const double full = queued_ >= limits_.max_queue ? wait / 2 : 0;
  return static_cast<int>(std::clamp(std::ceil(std::max(over, full)), 1.0, 600.0));
}

}  // namespace bowhead::engine
