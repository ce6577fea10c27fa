// Requests to other HTTP servers: bounded in time and bytes, cancellable, streamed if wanted (libcurl).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "net/http_server.h"

namespace bowhead::net {

/// What holds for every request of a client.
struct HttpClientOptions {
  std::string user_agent = "bowhead";
  std::chrono::milliseconds connect_timeout{5'000};  // of name, connection and TLS together
  std::string proxy = {};                   // URL; "": as http_proxy, https_proxy and no_proxy of the environment say
  std::string ca_file = {};                 // PEM; "": the system's. Certificates and names are always verified
  std::size_t max_idle = 8;                 // sets of idle connections kept for later requests
  std::size_t max_header_bytes = 64 << 10;  // of one answer
};

/// One request. Redirects are never followed: a secret in a header must not reach a host that the caller did not name.
struct ClientRequest {
  std::string method = "GET";
  std::string url = {};  // http or https
  Headers headers = {};
  std::string body = {};
  std::chrono::milliseconds timeout{30'000};  // of the whole exchange, from the call to the last byte
  std::chrono::milliseconds idle_timeout{0};  // longest silence of a server that has been asked; 0: only `timeout`
  std::size_t max_response_bytes = 16 << 20;  // of the body, as decoded
};

/// Status and headers of an answer, and the body unless it was streamed. Names of headers are in lower case.
struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;

  /// The first header of that name (in lower case), or "".
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

/// Takes a piece of the body as it arrives; the response has its status and headers. False: enough, the rest is not
/// read, and Fetch returns the response.
using BodyHandler = std::function<bool(const ClientResponse& response, std::string_view piece)>;

/// Makes requests on the calling thread and keeps connections open between them. Thread-safe; concurrent requests do
/// not wait for each other.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Any status of HTTP is a response, not an error. Without a handler the body is collected. Errors: kInvalidArgument
  /// (a URL or header that cannot be sent), kUnavailable (no connection, TLS refused, cut in the middle),
  /// kDeadlineExceeded, kResourceExhausted (more bytes than the limits), kCancelled (the token; within milliseconds).
  base::Result<ClientResponse> Fetch(const ClientRequest& request, std::stop_token stop = {},
                                     const BodyHandler& on_body = {});

 private:
  struct Connections;  // of one running request, or idle
  struct Transfer;
  std::unique_ptr<Connections> Take();
  void GiveBack(std::unique_ptr<Connections> connections);

  const HttpClientOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connections>> idle_;  // guarded by mutex_
};

}  // namespace bowhead::net
