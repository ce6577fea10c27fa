#include "base/worker_team.h"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace bowhead::base {
namespace {

/// How long a waiting member spins before it sleeps. The whole team has the machine for itself: another thread of the
/// server interrupts a member for some tens of microseconds only, and to be woken from sleep would take as long again.
/// A part of the team shares the machine: the others want the processor more.
constexpr std::chrono::microseconds kCalmSpin{200};
constexpr std::chrono::microseconds kCrowdedSpin{20};
constexpr int kSpinsBetweenLooks = 32;  // at the clock
// Seconds of work between two looks at the kernel's account: a few ticks of the scheduler.
constexpr double kSamplePeriod = 0.01;

void CpuRelax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

WorkerTeam::WorkerTeam(int size)
    : size_(std::max(size, 1)),
      members_(std::make_unique<Member[]>(static_cast<std::size_t>(size_))),
      active_(size_),
      elastic_(size_) {
  for (int i = 1; i < size_; ++i) {
    members_[static_cast<std::size_t>(i)].thread = std::thread([this, i] { WorkerLoop(i); });
  }
}

WorkerTeam::~WorkerTeam() {
  stop_ = true;
  for (int i = 1; i < size_; ++i) {
    Member& member = members_[static_cast<std::size_t>(i)];
    member.starts.fetch_add(1, std::memory_order_seq_cst);
    member.starts.notify_one();
    member.thread.join();
  }
}

void WorkerTeam::WaitWhile(const std::atomic<std::uint32_t>& value, std::uint32_t old) const {
  std::chrono::steady_clock::time_point end{};
  while (true) {
    for (int i = 0; i < kSpinsBetweenLooks; ++i) {
      if (value.load(std::memory_order_acquire) != old) return;
      CpuRelax();
    }
    const auto now = std::chrono::steady_clock::now();
    if (end == std::chrono::steady_clock::time_point{}) {
      end = now + (crowded_.load(std::memory_order_relaxed) ? kCrowdedSpin : kCalmSpin);
    }
    if (now >= end) break;
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

void WorkerTeam::Run(const std::function<void(int)>& fn) {
  RunOn(size_, fn);
}

void WorkerTeam::RunElastic(const std::function<void(int)>& fn) {
  if (size_ == 1) return RunOn(1, fn);
  sample_ = discard_sample_ || unsampled_ >= kSamplePeriod;
  const auto begin = std::chrono::steady_clock::now();
  RunOn(elastic_.size(), fn);
  Adapt(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
}

void WorkerTeam::Adapt(double seconds) {
  unsampled_ += seconds;
  if (!std::exchange(sample_, false)) return;
  double ran = 0;
  double waited = 0;
  for (int i = 0; i < active_; ++i) {
    const ThreadAccount::Times& times = members_[static_cast<std::size_t>(i)].times;
    ran += static_cast<double>(times.ran_ns) * 1e-9;
    waited += static_cast<double>(times.waited_ns) * 1e-9;
  }
  const double elapsed = std::exchange(unsampled_, 0);
  if (std::exchange(discard_sample_, false)) return;
  discard_sample_ = elastic_.Note(elapsed, ran, waited);
}

void WorkerTeam::RunOn(int members, const std::function<void(int)>& fn) {
  job_ = &fn;
  active_ = members;
  crowded_.store(members < size_, std::memory_order_relaxed);
  for (int i = 1; i < members; ++i) {
    std::atomic<std::uint32_t>& starts = members_[static_cast<std::size_t>(i)].starts;
    starts.fetch_add(1, std::memory_order_seq_cst);  // as in Barrier
    starts.notify_one();
  }
  fn(0);
  if (sample_) members_[0].times = members_[0].account.Since();
  Barrier();
}

void WorkerTeam::Barrier() {
  const int members = active_;  // not to be read after the last one has arrived: the next run may change it
  if (members == 1) return;
  const std::uint32_t phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members) {
    arrived_.store(0, std::memory_order_relaxed);
    // Sequentially consistent: notify_all looks whether anybody sleeps, and that look must not come before the store.
    // With a release store the processor may swap the two, and a member that falls asleep in between is never woken.
    phase_.store(phase + 1, std::memory_order_seq_cst);
    phase_.notify_all();
  } else {
    WaitWhile(phase_, phase);
  }
}

void WorkerTeam::WorkerLoop(int index) {
  Member& member = members_[static_cast<std::size_t>(index)];
  for (std::uint32_t seen = 0;; ++seen) {
    WaitWhile(member.starts, seen);
    if (stop_) return;
    (*job_)(index);
    if (sample_) member.times = member.account.Since();
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
