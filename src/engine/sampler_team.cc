#include "engine/sampler_team.h"

namespace bowhead::engine {

SamplerTeam::SamplerTeam(int helpers) {
  for (int i = 0; i < helpers; ++i) helpers_.emplace_back([this] { Help(); });
}

SamplerTeam::~SamplerTeam() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  started_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void SamplerTeam::WorkOn(const Work& work, int count, SamplerScratch* scratch) {
  for (int i = next_.fetch_add(1); i < count; i = next_.fetch_add(1)) work(i, scratch);
}

void SamplerTeam::Run(int count, bool alone, const Work& work) {
  if (alone || helpers_.empty()) {
    for (int i = 0; i < count; ++i) work(i, &scratch_);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    next_ = 0;
    work_ = &work;
    count_ = count;
    ++round_;
    error_ = nullptr;
  }
  started_.notify_all();
  std::exception_ptr own_error;
  try {
    WorkOn(work, count, &scratch_);
  } catch (...) {
    own_error = std::current_exception();
    next_ = count;
  }
  std::unique_lock lock(mutex_);
  work_ = nullptr;  // who is late stays out
  left_.wait(lock, [this] { return inside_ == 0; });
  if (own_error == nullptr) own_error = error_;
  if (own_error != nullptr) std::rethrow_exception(own_error);
}

void SamplerTeam::Help() {
  SamplerScratch scratch;
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    started_.wait(lock, [&] { return stop_ || (work_ != nullptr && round_ != seen); });
    if (stop_) return;
    seen = round_;
    const Work* work = work_;
    const int count = count_;
    ++inside_;
    lock.unlock();
    std::exception_ptr error;
    try {
      WorkOn(*work, count, &scratch);
    } catch (...) {
      error = std::current_exception();
      next_ = count;
    }
    lock.lock();
    if (error != nullptr) error_ = error;
    if (--inside_ == 0) left_.notify_all();
  }
}

}  // namespace bowhead::engine
