// Bytes of one connection to one HTTP/1.x request, strictly: whatever two servers could read in two ways is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/body_reader.h"
#include "net/http_server.h"

namespace bowhead::net {

/// Reads one request at a time (RFC 9112). Not thread-safe. Refused with a status: bare CR or LF, NUL and other control
/// characters, line folding, space before a colon, Content-Length twice or beside Transfer-Encoding, codings other than
/// chunked (501), no Host or several in HTTP/1.1, unknown methods (501) and versions (505), and what is over a limit.
class RequestReader {
 public:
  struct Limits {
    std::size_t max_target_bytes = 8 << 10;   // 414
    std::size_t max_header_bytes = 16 << 10;  // 431; request line and all fields
    std::size_t max_fields = 100;             // 431
    std::size_t max_body_bytes = 8 << 20;     // 413
  };

  enum class State : std::uint8_t { kHeader, kBody, kDone, kFailed };

  explicit RequestReader(const Limits& limits);

  /// Reads from the front of what has come and not been used yet; returns how many bytes it used up (0: it needs more).
  /// Bytes after the end of a request are left alone. Call again while it uses bytes and is not done.
  std::size_t Read(std::string_view input);

  [[nodiscard]] State state() const { return state_; }

  /// Of a failed request: the answer's status, and why.
  [[nodiscard]] int error_status() const { return error_status_; }
  [[nodiscard]] const std::string& error_message() const { return error_message_; }

  /// Whether the client waits for "100 Continue" before its body; asked once, then false.
  [[nodiscard]] bool TakeExpectContinue();

  /// Valid from the end of the header on.
  [[nodiscard]] bool keep_alive() const { return keep_alive_; }
  [[nodiscard]] bool is_version_one_zero() const { return is_version_one_zero_; }

  /// The whole request, without its peer; only when done. The reader starts anew.
  HttpRequest Take();

 private:
  std::size_t Fail(int status, std::string message);
  std::size_t ReadHeader(std::string_view input);
  std::size_t ReadBody(std::string_view input);
  bool CheckFields(std::string_view block);
  bool ParseHeader(std::string_view block);
  void StateOfBody();

  const Limits limits_;
  std::optional<BodyReader> body_;  // from the end of the header on
  State state_ = State::kHeader;
  HttpRequest request_;
  std::size_t scanned_ = 0;     // bytes of the input that were looked at for the end of the header
  std::size_t line_start_ = 0;  // of the line that `scanned_` is in
  bool first_line_done_ = false;
  bool expect_continue_ = false;
  bool keep_alive_ = false;
  bool is_version_one_zero_ = false;
  int error_status_ = 0;
  std::string error_message_;
};

}  // namespace bowhead::net
