// How long a thread ran, and how long it was ready to run while others had the processor.
#pragma once

#include <cstdint>
#include <thread>

namespace bowhead::base {

/// Reads the kernel's account of one thread (/proc/thread-self/schedstat, proc(5)); about a microsecond a call. Used by
/// one thread at a time.
class ThreadAccount {
 public:
  struct Times {
    std::uint64_t ran_ns = 0;
    std::uint64_t waited_ns = 0;  // for a processor; sleeping is neither
  };

  ThreadAccount() = default;
  ~ThreadAccount();
  ThreadAccount(const ThreadAccount&) = delete;
  ThreadAccount& operator=(const ThreadAccount&) = delete;

  /// The calling thread's times since the last call from the same thread; nothing at the first call of a thread, and
  /// where the kernel keeps no such account.
  Times Since();

 private:
  int file_ = -1;
  std::thread::id thread_;
  Times last_;
};

}  // namespace bowhead::base
