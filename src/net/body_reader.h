// The body of a request: framed by Content-Length or in chunks (RFC 9112, 6 and 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bowhead::net {

/// Reads one body. Our own rather than Beast's: that one takes CR LF inside a quoted chunk extension for the end of the
/// line or not, depending on how the bytes are cut into reads (request_reader_test has the case).
class BodyReader {
 public:
  enum class State : std::uint8_t { kMore, kDone, kTooLarge, kMalformed };

  /// `content_length`: nothing for a chunked body.
  BodyReader(std::optional<std::size_t> content_length, std::size_t max_bytes);

  /// Reads from the front of what has come; returns how many bytes it used up. Call again while it uses some.
  std::size_t Read(std::string_view input);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] std::string& body() { return body_; }

 private:
  enum class Part : std::uint8_t { kSizeLine, kData, kDataEnd, kTrailers };

  std::size_t Fail(State state);
  std::size_t ReadData(std::string_view input);
  std::size_t ReadLine(std::string_view input);
  bool ParseSizeLine(std::string_view line);

  const bool chunked_;
  const std::size_t max_bytes_;
  State state_ = State::kMore;
  Part part_;
  std::size_t left_ = 0;      // of the data or of this chunk
  std::size_t overhead_ = 0;  // bytes of extensions and trailers so far
  std::string body_;
};

}  // namespace bowhead::net
