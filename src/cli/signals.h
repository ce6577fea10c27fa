// SIGINT and SIGTERM as things to ask for, instead of handlers.
#pragma once

#include <chrono>
#include <csignal>
#include <ctime>

namespace bowhead::cli {

/// Blocks SIGINT and SIGTERM in this thread and all threads that it starts later, so that they can be waited for.
/// Construct it before anything that starts threads. SIGPIPE is ignored: a write to a closed pipe fails instead.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }

  /// The next signal within the time, or 0.
  [[nodiscard]] int Wait(std::chrono::milliseconds timeout) const {
    timespec time{};
    time.tv_sec = static_cast<std::time_t>(timeout.count() / 1000);
    time.tv_nsec = static_cast<long>(timeout.count() % 1000 * 1'000'000);
    const int signal = sigtimedwait(&set_, nullptr, &time);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_{};
};

}  // namespace bowhead::cli
