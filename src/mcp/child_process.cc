#include "mcp/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace bowhead::mcp {

namespace {

constexpr const char* kInherited[] = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "TMPDIR"};

std::string ErrorText(int error) {
  return std::generic_category().message(error);
}

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;
};

/// A socket pair rather than a pipe: writing to a program that has gone raises no signal (MSG_NOSIGNAL).
base::Result<Pair> MakePair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return base::ResourceExhausted("no pipe: " + ErrorText(errno));
  }
  Pair pair{UniqueFd(ends[0]), UniqueFd(ends[1])};
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return base::Internal("no pipe: " + ErrorText(errno));
  return pair;
}

std::vector<std::string> MakeEnvironment(const std::map<std::string, std::string>& more) {
  std::map<std::string, std::string> all;
  for (const char* name : kInherited) {
    if (const char* value = std::getenv(name)) all[name] = value;
  }
  for (const auto& [name, value] : more) all[name] = value;
  std::vector<std::string> lines;
  lines.reserve(all.size());
  for (const auto& [name, value] : all) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

class SpawnPlan {
 public:
  SpawnPlan(int in, int out, int err) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, err, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  int Spawn(pid_t* pid, std::vector<std::string> arguments, std::vector<std::string> environment) const {
    const std::vector<char*> argv = Pointers(arguments);
    const std::vector<char*> envp = Pointers(environment);
    return posix_spawnp(pid, argv[0], &actions_, &attributes_, argv.data(), envp.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

void UniqueFd::Reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

base::Result<std::unique_ptr<ChildProcess>> ChildProcess::Start(const Command& command) {
  if (command.arguments.empty()) return base::InvalidArgument("no command");
  base::Result<Pair> in = MakePair();
  if (!in.ok()) return in.status();
  base::Result<Pair> out = MakePair();
  if (!out.ok()) return out.status();
  base::Result<Pair> err = MakePair();
  if (!err.ok()) return err.status();
  std::unique_ptr<ChildProcess> child(new ChildProcess());
  const SpawnPlan plan(in->theirs.get(), out->theirs.get(), err->theirs.get());
  const int error = plan.Spawn(&child->pid_, command.arguments, MakeEnvironment(command.environment));
  if (error != 0) {
    child->pid_ = -1;
    const std::string why = "cannot start '" + command.arguments.front() + "': " + ErrorText(error);
    return error == ENOENT ? base::NotFound(why) : base::Unavailable(why);
  }
  child->handle_.Reset(static_cast<int>(syscall(SYS_pidfd_open, child->pid_, 0)));
  child->input_ = std::move(in->ours);
  child->output_ = std::move(out->ours);
  child->errors_ = std::move(err->ours);
  return child;
}

bool ChildProcess::WaitFor(std::chrono::milliseconds limit) const {
  pollfd waiting{handle_.get(), POLLIN, 0};
  return poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  input_.Reset();
  if (!WaitFor(kPatience)) {
    kill(-pid_, SIGTERM);
    static_cast<void>(WaitFor(kPatience));
  }
  kill(-pid_, SIGKILL);  // also what it may have started itself
  waitpid(pid_, nullptr, 0);
}

}  // namespace bowhead::mcp
