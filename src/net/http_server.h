// An HTTP/1.1 server: connections, limits, timeouts, streaming with backpressure. It knows no routes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace bowhead::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  // upper case
  std::string path;    // percent-decoded, starts with '/'; never contains ".." segments
  std::string query;   // raw, after '?'
  Headers headers;     // names in lower case
  std::string body;    // whole; bounded by HttpServerOptions::max_body_bytes
  std::string peer;    // "127.0.0.1:51234"

  /// The first value of a header (name in lower case), or "".
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  Headers headers;  // Content-Length is added
  std::string body;
};

/// One request being answered. Thread-safe: the engine's thread may write while the server's thread reads. Exactly one
/// of Send or (BeginStream, Write..., EndStream) is used. Once the last reference is gone without an answer, the client
/// gets a 500.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;
  [[nodiscard]] virtual const HttpRequest& request() const = 0;

  virtual void Send(HttpResponse response) = 0;

  virtual void BeginStream(int status, Headers headers) = 0;  // chunked
  /// Queues bytes; never blocks. False once the client is gone or fell further behind than max_queued_bytes (the
  /// connection is closed then): the caller stops producing.
  virtual bool Write(std::string bytes) = 0;
  virtual void EndStream() = 0;

  /// Called once if the client goes away before the answer is complete (at once, if it already has); on a server
  /// thread.
  virtual void OnDisconnect(std::function<void()> callback) = 0;
  [[nodiscard]] virtual bool disconnected() const = 0;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;                          // 0: any free one
  std::size_t max_header_bytes = 16 << 10;            // 431 over it
  std::size_t max_body_bytes = 8 << 20;               // 413 over it
  std::size_t max_connections = 1024;                 // 503 and close over it
  std::size_t max_queued_bytes = 4 << 20;             // of one slow reader
  std::chrono::milliseconds request_timeout{30'000};  // from the first byte to the whole request: 408
  std::chrono::milliseconds first_byte_timeout{10'000};
  std::chrono::milliseconds idle_timeout{75'000};   // keep-alive
  std::chrono::milliseconds write_timeout{30'000};  // a write that makes no progress

  /// Takes over connections that begin with HTTP/2's preface (prior knowledge, RFC 9113, section 3.3). Empty: they are
  /// refused like any other text that is no HTTP/1.1. Called on a server thread, must not block. The taker owns
  /// `socket`, a connected, non-blocking descriptor from which nothing has been read, and ends it with shutdown(2).
  /// Until then the connection counts; Stop() ends it when the grace time is over.
  std::function<void(int socket, const std::string& peer)> take_http2;

  /// Makes the answer to a request that the server refuses itself (400, 408, 413, 414, 431, 500, 501, 503), so that the
  /// layer above can give it its own shape. Called on a server thread. Empty: the message as plain text.
  std::function<HttpResponse(int status, std::string_view message)> error_body;
};

/// Gets every well-formed request; called on a server thread, must not block.
using HttpHandler = std::function<void(std::shared_ptr<HttpExchange>)>;

class HttpServer {
 public:
  virtual ~HttpServer() = default;  // Stop(0)

  /// Binds and serves on its own thread. Errors: kUnavailable (address in use: the message says what to do),
  /// kInvalidArgument (host), kPermissionDenied (port).
  static base::Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options, HttpHandler handler);

  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual std::size_t connections() const = 0;

  /// Stops accepting, closes idle connections, waits until running answers end or the grace time is over.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace bowhead::net
