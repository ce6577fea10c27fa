// Threads that run tasks in the order in which they were posted.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <thread>
#include <vector>

namespace bowhead::serving {

/// A bounded queue of tasks and the threads that run them. With one thread, tasks run one at a time and in order, so
/// that what they share needs no lock. Its threads come on soon beside threads that compute (base::PreferShortTurns).
/// Thread-safe. Tasks must not throw.
class TaskQueue {
 public:
  explicit TaskQueue(int threads, std::size_t max_waiting = std::numeric_limits<std::size_t>::max());
  /// Runs what is waiting, then joins.
  ~TaskQueue();
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  /// False if max_waiting tasks wait already, or after Stop: the task is dropped.
  [[nodiscard]] bool Post(std::function<void()> task);

  /// Runs what is waiting, then joins; later posts are refused. Not from one of its own tasks.
  void Stop();

 private:
  void Run();

  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;  // guarded by mutex_
  bool stopping_ = false;                      // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace bowhead::serving
