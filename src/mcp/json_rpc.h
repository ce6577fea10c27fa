// JSON-RPC 2.0 as MCP uses it: one message at a time, from servers that are not trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace bowhead::mcp {

// Codes of errors: JSON-RPC's own, and the one with which MCP servers name the revisions that they speak.
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kUnsupportedVersion = -32022;

struct RpcMessage {
  enum class Kind : std::uint8_t { kRequest, kNotification, kResult, kError };
  Kind kind = Kind::kNotification;
  std::string id;      // JSON text (`7`, `"a"`); "" for notifications, "null" where the sender could not tell
  std::string method;  // of requests and notifications
  std::string body;    // JSON text: params, result, or the error's data; "" for none
  int code = 0;        // of errors
  std::string text;    // of errors: what the sender says, untrusted
};

/// JSON deeper than this is refused before it is parsed.
inline constexpr int kMaxJsonDepth = 64;

/// Whether no list or object of the text is nested deeper than kMaxJsonDepth; says nothing about its syntax.
[[nodiscard]] bool DepthIsBounded(std::string_view json);

/// kInvalidArgument with the reason: no JSON, too deep, no message of JSON-RPC 2.0, or several in a list.
base::Result<RpcMessage> ParseRpc(std::string_view text);

/// A request; `params` is a JSON object.
std::string WriteRequest(std::int64_t id, std::string_view method, std::string_view params);
/// A notification; `params` is a JSON object, "" for none.
std::string WriteNotification(std::string_view method, std::string_view params);
/// The answers to a request of the other side, whose id is JSON text.
std::string WriteResult(std::string_view id, std::string_view result);
std::string WriteError(std::string_view id, int code, std::string_view message);

}  // namespace bowhead::mcp
