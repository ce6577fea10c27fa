// How messages get to an MCP server and back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "mcp/json_rpc.h"

namespace bowhead::mcp {

/// What a server may do at most; beyond it the exchange ends with an error, or the connection does.
struct TransportLimits {
  std::size_t max_message_bytes = 4 << 20;
  int max_other_messages = 1000;  // that are not the answer: in one exchange (HTTP), in 10 seconds (stdio)
};

/// A message on its way to the server.
struct Outgoing {
  std::string text = {};      // the JSON-RPC message
  std::int64_t id = 0;        // of a request
  std::string method = {};    // for headers of HTTP
  std::string name = {};      // of the tool that a request calls, for the same; "" for none
  std::string revision = {};  // the revision of the protocol, once it is known
  bool modern = false;        // 2026-07-28 or later: no session, and its headers
  std::chrono::milliseconds timeout{30'000};
};

/// Hears every message that is no answer to a request of ours. May be called on any thread.
using MessageHandler = std::function<void(const RpcMessage& message)>;

/// A connection to one server. Thread-safe: exchanges may run side by side.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Sends a request and waits for the message that answers it (kResult or kError). Errors: kDeadlineExceeded,
  /// kCancelled, kUnavailable (the connection is not there, or broke), kResourceExhausted (over the limits),
  /// kDataLoss (not the protocol), kNotFound (the server has forgotten the session), kUnauthenticated.
  virtual base::Result<RpcMessage> Ask(const Outgoing& request, std::stop_token stop) = 0;

  /// Sends what has no answer.
  virtual base::Status Tell(const Outgoing& message) = 0;

  /// Whether a cancelled request has to be followed by notifications/cancelled.
  [[nodiscard]] virtual bool wants_cancel_message(bool modern) const = 0;

  /// OK, or why no request can succeed any more.
  [[nodiscard]] virtual base::Status Health() const = 0;
};

}  // namespace bowhead::mcp
