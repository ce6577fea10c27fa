#include "base/worker_team.h"

#include <sched.h>

#include <algorithm>

namespace bowhead::base {
namespace {

// About 20 microseconds: longer than a phase of a small model, shorter than a scheduler's time slice.
constexpr int kSpins = 2000;

void CpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

WorkerTeam::WorkerTeam(int size) : size_(std::max(size, 1)) {
  for (int i = 1; i < size_; ++i) threads_.emplace_back([this, i] { WorkerLoop(i); });
}

WorkerTeam::~WorkerTeam() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerTeam::WaitWhile(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    CpuRelax();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

void WorkerTeam::Run(const std::function<void(int)>& fn) {
  job_ = &fn;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  fn(0);
  Barrier();
}

void WorkerTeam::Barrier() {
  const std::uint32_t phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
  } else {
    WaitWhile(phase_, phase);
  }
}

void WorkerTeam::WorkerLoop(int index) {
  for (std::uint32_t seen = 0;; ++seen) {
    WaitWhile(generation_, seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    (*job_)(index);
    Barrier();
  }
}

int AvailableThreads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(CPU_COUNT(&set), 1);
  return std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
}

}  // namespace bowhead::base
