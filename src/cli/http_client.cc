#include "cli/http_client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.h"

namespace bowhead::cli {

namespace {

constexpr std::size_t kMaxHeadBytes = 64 << 10;

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

base::Result<std::unique_ptr<Socket>> Connect(const ServerUrl& server) {
  const std::string where = server.host + ":" + std::to_string(server.port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found) != 0) {
    return base::Unavailable("the host '" + server.host + "' is not known");
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    auto socket = std::make_unique<Socket>(
        ::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol));
    if (socket->fd() >= 0 && connect(socket->fd(), address->ai_addr, address->ai_addrlen) == 0) return socket;
  }
  return base::Unavailable("no server answers at " + where + "; is 'bowhead serve' running there?");
}

bool SendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Takes an answer's bytes as they come and gives out its body.
class AnswerReader {
 public:
  explicit AnswerReader(const std::function<bool(std::string_view)>& on_body) : on_body_(on_body) {}

  /// False once there is nothing more to read.
  bool Add(std::string_view bytes) {
    buffer_.append(bytes);
    if (!head_done_ && !ReadHead()) return buffer_.size() < kMaxHeadBytes;
    return chunked_ ? ReadChunks() : ReadPlain();
  }
  [[nodiscard]] bool head_done() const { return head_done_; }
  [[nodiscard]] bool complete() const { return complete_; }
  /// The end of the connection ends a body of unknown length.
  [[nodiscard]] bool complete_at_end() const { return complete_ || (head_done_ && !chunked_ && !left_); }
  [[nodiscard]] int status() const { return status_; }

 private:
  bool ReadHead() {
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string head = base::ToLower(std::string_view(buffer_).substr(0, end));
    buffer_.erase(0, end + 4);
    if (head.size() >= 12 && head.starts_with("http/1.")) {
      std::from_chars(head.data() + 9, head.data() + 12, status_);
    }
    chunked_ = head.find("\r\ntransfer-encoding: chunked") != std::string::npos;
    constexpr std::string_view kLength = "\r\ncontent-length:";
    if (const std::size_t at = head.find(kLength); at != std::string::npos) {
      std::size_t from = at + kLength.size();
      while (from < head.size() && head[from] == ' ') ++from;
      std::size_t length = 0;
      std::from_chars(head.data() + from, head.data() + head.size(), length);
      left_ = length;
    }
    head_done_ = true;
    return true;
  }

  bool ReadPlain() {
    const std::size_t take = left_ ? std::min(*left_, buffer_.size()) : buffer_.size();
    if (take > 0 && !on_body_(std::string_view(buffer_).substr(0, take))) return false;
    buffer_.erase(0, take);
    if (left_) {
      *left_ -= take;
      complete_ = *left_ == 0;
    }
    return !complete_;
  }

  bool ReadChunks() {
    while (true) {
      if (chunk_left_ > 0) {
        const std::size_t take = std::min(chunk_left_, buffer_.size());
        if (take == 0) return true;
        if (!on_body_(std::string_view(buffer_).substr(0, take))) return false;
        buffer_.erase(0, take);
        chunk_left_ -= take;
        if (chunk_left_ > 0) return true;
        chunk_end_ = true;
      }
      if (chunk_end_) {
        if (buffer_.size() < 2) return true;
        buffer_.erase(0, 2);
        chunk_end_ = false;
      }
      const std::size_t line = buffer_.find("\r\n");
      if (line == std::string::npos) return buffer_.size() < kMaxHeadBytes;
      const auto parsed = std::from_chars(buffer_.data(), buffer_.data() + line, chunk_left_, 16);
      if (parsed.ec != std::errc()) return false;
      buffer_.erase(0, line + 2);
      if (chunk_left_ == 0) {
        complete_ = true;
        return false;
      }
    }
  }

  const std::function<bool(std::string_view)>& on_body_;
  std::string buffer_;
  bool head_done_ = false;
  bool chunked_ = false;
  bool complete_ = false;
  bool chunk_end_ = false;
  std::size_t chunk_left_ = 0;
  std::optional<std::size_t> left_;
  int status_ = 0;
};

}  // namespace

base::Result<ServerUrl> ParseServerUrl(std::string_view url) {
  const std::string text(url);
  if (url.starts_with("https://")) {
    return base::Unimplemented("'" + text + "': TLS is not supported here; use a plain http:// address");
  }
  if (url.starts_with("http://")) url.remove_prefix(7);
  ServerUrl server;
  const std::size_t slash = std::min(url.find('/'), url.size());
  server.base = std::string(url.substr(slash));
  while (server.base.ends_with('/')) server.base.pop_back();
  if (server.base.ends_with("/v1")) server.base.resize(server.base.size() - 3);  // as official clients write it
  std::string_view authority = url.substr(0, slash);
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return base::InvalidArgument("'" + text + "' is not a server's address");
    port = authority.substr(close + 1);
    server.host = std::string(authority.substr(1, close - 1));
    if (port.starts_with(':')) port.remove_prefix(1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    server.host = std::string(authority.substr(0, colon));
    if (colon < authority.size()) port = authority.substr(colon + 1);
  }
  if (!port.empty()) {
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), server.port);
    if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) {
      return base::InvalidArgument("'" + text + "': the port must be a number up to 65535");
    }
  }
  if (server.host.empty()) return base::InvalidArgument("'" + text + "' is not a server's address");
  return server;
}

base::Result<int> Exchange(const ServerUrl& server, const ClientRequest& request,
                           const std::function<bool(std::string_view)>& on_body,
                           const std::function<bool()>& keep_going) {
  base::Result<std::unique_ptr<Socket>> socket = Connect(server);
  if (!socket.ok()) return socket.status();
  const int fd = (*socket)->fd();
  const bool v6 = server.host.find(':') != std::string::npos;
  std::string head = request.method + " " + server.base + request.path +
                     " HTTP/1.1\r\nHost: " + (v6 ? "[" + server.host + "]" : server.host) + ":" +
                     std::to_string(server.port) + "\r\nConnection: close\r\n";
  if (!request.api_key.empty()) head += "Authorization: Bearer " + request.api_key + "\r\n";
  if (!request.body.empty()) head += "Content-Type: application/json\r\n";
  head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
  if (!SendAll(fd, head) || !SendAll(fd, request.body)) return base::Unavailable("the server closed the connection");

  AnswerReader reader(on_body);
  std::array<char, 16384> buffer{};
  while (true) {
    if (!keep_going()) return base::Cancelled("stopped");
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, 50) <= 0) continue;
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    if (!reader.Add({buffer.data(), static_cast<std::size_t>(got)})) break;
  }
  if (!reader.head_done() || reader.status() == 0) return base::DataLoss("the answer is not HTTP");
  if (!reader.complete_at_end()) return base::Unavailable("the connection was lost in the middle of the answer");
  return reader.status();
}

}  // namespace bowhead::cli
