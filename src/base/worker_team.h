// A fixed team of threads that runs one function together, with barriers inside.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace bowhead::base {

/// A team of `size` threads, the caller of Run among them. Waiting spins for some microseconds and then sleeps, so that
/// short phases cost little and an oversubscribed machine is not held up. Run is called by one thread at a time.
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

  /// Inside Run: returns once every thread has called it. What any thread wrote before is visible to all after.
  void Barrier();

 private:
  void WorkerLoop(int index);
  static void WaitWhile(const std::atomic<std::uint32_t>& value, std::uint32_t old);

  const int size_;
  const std::function<void(int)>* job_ = nullptr;
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<std::uint32_t> phase_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

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

/// Threads that the process may run at once (its CPU affinity), at least 1.
int AvailableThreads();

}  // namespace bowhead::base
