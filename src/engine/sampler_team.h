// Samples many rows at once on a few threads.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/sampler.h"

namespace bowhead::engine {

/// Helper threads that sleep between rounds. One thread at a time calls Run.
class SamplerTeam {
 public:
  using Work = std::function<void(int index, SamplerScratch* scratch)>;

  explicit SamplerTeam(int helpers);
  ~SamplerTeam();
  SamplerTeam(const SamplerTeam&) = delete;
  SamplerTeam& operator=(const SamplerTeam&) = delete;

  /// Calls work(index, ...) once for every index in [0, count), on this thread and on helpers that wake up in time, and
  /// returns when all calls are done. With `alone` no helper is woken. An exception of a call is thrown here.
  void Run(int count, bool alone, const Work& work);

 private:
  void Help();
  void WorkOn(const Work& work, int count, SamplerScratch* scratch);

  SamplerScratch scratch_;
  std::atomic<int> next_ = 0;
  std::mutex mutex_;
  std::condition_variable started_;
  std::condition_variable left_;
  // Guarded by mutex_. A helper may join a round while `work_` is set; the round ends when no helper is in it.
  const Work* work_ = nullptr;
  int count_ = 0;
  int inside_ = 0;
  std::uint64_t round_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> helpers_;
};

}  // namespace bowhead::engine
