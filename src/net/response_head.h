// Status line and header fields of an answer.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace bowhead::net {

/// "OK" of 200.
std::string_view ReasonPhrase(int status);

/// Whether answers of this status have no body (RFC 9110).
bool IsBodyless(int status);

/// What frames the body after the header.
struct Framing {
  std::optional<std::size_t> content_length;  // nothing: chunked, or up to the end of the connection
  bool chunked = false;
  bool close = false;           // says "Connection: close"
  bool say_keep_alive = false;  // HTTP/1.0 clients want to hear it
};

/// The header up to and with the empty line. Fields that framing decides (Content-Length, Transfer-Encoding,
/// Connection, Date) are taken from `framing`, not from `headers`; fields with characters that could end a line are
/// left out.
std::string FormatHead(int status, const Headers& headers, const Framing& framing, std::string_view date);

/// Adds the line that opens a chunk of `size` > 0 bytes (RFC 9112, 7.1).
void AppendChunkSize(std::size_t size, std::string& out);

/// Whether the one who answers asks for "Connection: close".
bool AsksToClose(const Headers& headers);

/// Now, as Date wants it (IMF-fixdate); formatted once a second.
class DateClock {
 public:
  std::string_view Now();

 private:
  long second_ = -1;
  std::string text_;
};

}  // namespace bowhead::net
