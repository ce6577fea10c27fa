#include "mcp/stdio_transport.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace bowhead::mcp {

namespace {

constexpr std::size_t kLastWords = 500;
constexpr std::chrono::seconds kWindow{10};
constexpr std::chrono::milliseconds kTellTimeout{2'000};

/// Milliseconds until `end`, at least 0, for poll().
int MillisecondsTo(std::chrono::steady_clock::time_point end) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

}  // namespace

base::Result<std::unique_ptr<StdioTransport>> StdioTransport::Start(const ChildProcess::Command& command,
                                                                    TransportLimits limits, MessageHandler on_message) {
  auto child = ChildProcess::Start(command);
  if (!child.ok()) return child.status();
  return std::unique_ptr<StdioTransport>(new StdioTransport(std::move(*child), limits, std::move(on_message)));
}

StdioTransport::StdioTransport(std::unique_ptr<ChildProcess> child, TransportLimits limits, MessageHandler on_message)
    : child_(std::move(child)),
      limits_(limits),
      on_message_(std::move(on_message)),
      wake_(eventfd(0, EFD_CLOEXEC)),
      reader_([this] { Read(); }) {}

StdioTransport::~StdioTransport() {
  const std::uint64_t one = 1;
  static_cast<void>(!write(wake_.get(), &one, sizeof(one)));
  reader_.join();
}

base::Status StdioTransport::Health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

void StdioTransport::Fail(base::Status why) {
  const std::lock_guard lock(mutex_);
  if (health_.ok()) health_ = std::move(why);
  changed_.notify_all();
}

base::Status StdioTransport::WriteLine(std::string_view text, Clock::time_point end) {
  const std::string line = std::string(text) + "\n";
  const std::lock_guard lock(write_mutex_);
  if (torn_) return base::Unavailable("the program has stopped reading its input");
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t sent = send(child_->input(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return base::Unavailable("the program has closed its input");
    pollfd ready{child_->input(), POLLOUT, 0};
    if (poll(&ready, 1, MillisecondsTo(end)) == 0) {
      torn_ = rest.size() < line.size();
      if (torn_) Fail(base::Unavailable("the program has stopped reading its input"));
      return {base::StatusCode::kDeadlineExceeded, "the program does not read its input"};
    }
  }
  return base::OkStatus();
}

base::Result<RpcMessage> StdioTransport::Ask(const Outgoing& request, std::stop_token stop) {
  const Clock::time_point end = Clock::now() + request.timeout;
  const std::string id = std::to_string(request.id);
  {
    const std::lock_guard lock(mutex_);
    if (!health_.ok()) return health_;
    waiting_[id] = std::nullopt;
  }
  const base::Status sent = WriteLine(request.text, end);
  std::unique_lock lock(mutex_);
  const auto entry = waiting_.find(id);
  if (sent.ok()) {
    changed_.wait_until(lock, stop, end, [&] { return entry->second.has_value() || !health_.ok(); });
  }
  const std::optional<RpcMessage> answer = std::move(entry->second);
  waiting_.erase(entry);
  if (answer) return *answer;
  if (!health_.ok()) return health_;
  if (!sent.ok()) return sent;
  if (stop.stop_requested()) return base::Cancelled("the request was cancelled");
  return base::Status(base::StatusCode::kDeadlineExceeded,
                      "the server did not answer within " + std::to_string(request.timeout.count()) + " ms");
}

base::Status StdioTransport::Tell(const Outgoing& message) {
  return WriteLine(message.text, Clock::now() + std::min(message.timeout, kTellTimeout));
}

void StdioTransport::Read() {
  std::array<char, 16384> buffer;
  std::array<pollfd, 3> files{{{child_->output(), POLLIN, 0}, {child_->errors(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  while (true) {
    if (poll(files.data(), files.size(), -1) < 0 && errno != EINTR) return;
    if (files[2].revents != 0) return;
    if (files[1].revents != 0) {
      const ssize_t got = read(child_->errors(), buffer.data(), buffer.size());
      if (got > 0) last_words_.append(buffer.data(), static_cast<std::size_t>(got));
      if (last_words_.size() > kLastWords) last_words_.erase(0, last_words_.size() - kLastWords);
      if (got == 0) files[1].fd = -1;  // poll ignores it from here on
    }
    if (files[0].revents != 0) {
      const ssize_t got = read(child_->output(), buffer.data(), buffer.size());
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) {
        Fail(base::Unavailable("the program has ended" + (last_words_.empty() ? "" : "; it said: " + last_words_)));
        return;
      }
      if (!TakeOutput({buffer.data(), static_cast<std::size_t>(got)})) return;
    }
  }
}

bool StdioTransport::TakeOutput(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() > limits_.max_message_bytes) {
      Fail(base::ResourceExhausted("the program wrote a message of more than " +
                                   std::to_string(limits_.max_message_bytes) + " bytes"));
      return false;
    }
    if (end == std::string_view::npos) return true;
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    if (!TakeLine(line)) return false;
  }
  return true;
}

bool StdioTransport::TakeLine(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  auto message = ParseRpc(line);
  if (message.ok() && (message->kind == RpcMessage::Kind::kResult || message->kind == RpcMessage::Kind::kError)) {
    const std::lock_guard lock(mutex_);
    const auto asked = waiting_.find(message->id);
    if (asked != waiting_.end()) {
      if (!asked->second) asked->second = std::move(*message);
      changed_.notify_all();
      return true;
    }
  } else if (message.ok()) {
    on_message_(*message);
  }
  // Also lines that are no messages, which careless programs print, and late answers to cancelled requests.
  return CountOther();
}

bool StdioTransport::CountOther() {
  const Clock::time_point now = Clock::now();
  if (now - window_ > kWindow) {
    window_ = now;
    others_ = 0;
  }
  if (++others_ <= limits_.max_other_messages) return true;
  Fail(base::ResourceExhausted("the program wrote more than " + std::to_string(limits_.max_other_messages) +
                               " lines that nobody asked for in 10 s"));
  return false;
}

}  // namespace bowhead::mcp
