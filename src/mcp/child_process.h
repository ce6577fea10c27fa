// A program started by us, with pipes to its input, output and errors; it ends with its owner.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace bowhead::mcp {

/// A file descriptor with an owner.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;

  [[nodiscard]] int get() const { return fd_; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Reset(int fd = -1);

 private:
  int fd_;
};

/// The program runs in a process group of its own, with no descriptors but its three pipes. Its environment is PATH,
/// HOME, USER, LOGNAME, SHELL, TERM, LANG and TMPDIR of ours, and what the configuration adds: keys of this server's
/// environment are not for it.
class ChildProcess {
 public:
  struct Command {
    std::vector<std::string> arguments;  // the first is the program, looked up in PATH
    std::map<std::string, std::string> environment;
  };

  /// kNotFound or kUnavailable if it cannot be started.
  static base::Result<std::unique_ptr<ChildProcess>> Start(const Command& command);

  /// Ends it: its input is closed; after `kPatience` the group gets SIGTERM, then SIGKILL. Waits for that.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  static constexpr std::chrono::milliseconds kPatience{500};

  // Ours are non-blocking.
  [[nodiscard]] int input() const { return input_.get(); }
  [[nodiscard]] int output() const { return output_.get(); }
  [[nodiscard]] int errors() const { return errors_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  ChildProcess() = default;
  /// Whether it has ended within the time.
  [[nodiscard]] bool WaitFor(std::chrono::milliseconds limit) const;

  UniqueFd input_;
  UniqueFd output_;
  UniqueFd errors_;
  UniqueFd handle_;  // a pidfd: readable when it has ended
  pid_t pid_ = -1;
};

}  // namespace bowhead::mcp
