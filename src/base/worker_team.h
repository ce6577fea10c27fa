// A fixed team of threads that runs one function together, with barriers inside.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/elastic_size.h"
#include "base/thread_account.h"

namespace bowhead::base {

/// The half-open share of `count` things that member `index` of `size` works on; shares differ by at most one.
struct Share {
  std::size_t begin = 0;
  std::size_t end = 0;
};
constexpr Share ShareOf(std::size_t count, int index, int size) {
  const auto i = static_cast<std::size_t>(index);
  const auto n = static_cast<std::size_t>(size);
  return {count * i / n, count * (i + 1) / n};
}

/// A team of `size` threads, the caller of Run among them. Waiting spins for some microseconds and then sleeps, so that
/// short phases cost little and an oversubscribed machine is not held up. Run and RunElastic are called by one thread
/// at a time.
class WorkerTeam {
 public:
  /// Starts size - 1 threads; size >= 1.
  explicit WorkerTeam(int size);
  ~WorkerTeam();
  WorkerTeam(const WorkerTeam&) = delete;
  WorkerTeam& operator=(const WorkerTeam&) = delete;

  [[nodiscard]] int size() const { return size_; }

  /// Calls fn(index) on every thread, index 0 on the caller's, and returns when all are done. fn must not throw.
  void Run(const std::function<void(int)>& fn);

  /// The same on as few threads as get the processor when asked: less than `size` while others keep it busy. For work
  /// that is repeated often; fn shares its work out with ShareFor, or over active() members.
  void RunElastic(const std::function<void(int)>& fn);

  /// Inside Run and RunElastic: the members that take part, indices 0 to active() - 1.
  [[nodiscard]] int active() const { return active_; }

  /// Inside Run and RunElastic: what member `index` of those that take part works on.
  [[nodiscard]] Share ShareFor(int index, std::size_t count) const { return ShareOf(count, index, active_); }

  /// Inside Run and RunElastic: returns once every member that takes part has called it. What any of them wrote before
  /// is visible to all after.
  void Barrier();

 private:
  struct alignas(64) Member {
    std::atomic<std::uint32_t> starts{0};
    ThreadAccount account;
    ThreadAccount::Times times;  // since the last sample; written by the member, read by the caller after the run
    std::thread thread;          // none for the caller
  };

  void RunOn(int members, const std::function<void(int)>& fn);
  void WorkerLoop(int index);
  void Adapt(double seconds);
  void WaitWhile(const std::atomic<std::uint32_t>& value, std::uint32_t old) const;

  const int size_;
  const std::unique_ptr<Member[]> members_;
  // Written between runs only:
  const std::function<void(int)>* job_ = nullptr;
  int active_;
  bool sample_ = false;
  bool stop_ = false;
  std::atomic<bool> crowded_{false};  // also read by members that wait for the next run
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> phase_{0};

  // The caller's:
  ElasticSize elastic_;
  double unsampled_ = 0;        // seconds of work since the last sample
  bool discard_sample_ = true;  // the next sample only marks the beginning of a size
};

/// Threads that the process may run at once (its CPU affinity), at least 1.
int AvailableThreads();

}  // namespace bowhead::base
