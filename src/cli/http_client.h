// A small HTTP/1.1 client for `bowhead chat --url`: one request per connection, the body in pieces as it comes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace bowhead::cli {

/// "http://host:port/base" in its parts. TLS is not spoken here.
struct ServerUrl {
  std::string host;
  std::uint16_t port = 80;
  std::string base;  // "" or "/prefix", without a slash at the end
};
base::Result<ServerUrl> ParseServerUrl(std::string_view url);

struct ClientRequest {
  std::string method = "GET";
  std::string path;
  std::string body;     // JSON, if not empty
  std::string api_key;  // sent as a bearer token, if not empty
};

/// Sends the request and calls on_body with each piece of the answer's body; false from it ends the exchange. Between
/// pieces keep_going is asked about every 50 ms; false ends the exchange too. Returns the status code. Errors:
/// kUnavailable (cannot connect, connection lost), kDataLoss (not HTTP), kCancelled.
base::Result<int> Exchange(const ServerUrl& server, const ClientRequest& request,
                           const std::function<bool(std::string_view)>& on_body,
                           const std::function<bool()>& keep_going);

}  // namespace bowhead::cli
