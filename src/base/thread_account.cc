#include "base/thread_account.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <ctime>
#include <string_view>
#include <utility>

namespace bowhead::base {
namespace {

/// The second number of the file: nanoseconds on a run queue. (The first one, time on a processor, is as old as the
/// last tick.) 0 if there is none.
std::uint64_t ReadWaited(int file) {
  std::array<char, 128> text;
  const ssize_t size = file < 0 ? 0 : pread(file, text.data(), text.size(), 0);
  if (size <= 0) return 0;
  const std::string_view line(text.data(), static_cast<std::size_t>(size));
  const std::size_t space = line.find(' ');
  std::uint64_t value = 0;
  if (space != std::string_view::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
  return value;
}

std::uint64_t ReadRan() {
  timespec time{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) != 0) return 0;
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

ThreadAccount::~ThreadAccount() {
  if (file_ >= 0) close(file_);
}

ThreadAccount::Times ThreadAccount::Since() {
  const bool other_thread = thread_ != std::this_thread::get_id();
  if (other_thread) {
    if (file_ >= 0) close(file_);
    thread_ = std::this_thread::get_id();
    file_ = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  }
  const Times now{ReadRan(), ReadWaited(file_)};
  const Times before = std::exchange(last_, now);
  if (other_thread || now.ran_ns < before.ran_ns || now.waited_ns < before.waited_ns) return {};
  return {now.ran_ns - before.ran_ns, now.waited_ns - before.waited_ns};
}

}  // namespace bowhead::base
