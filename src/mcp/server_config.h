// Which MCP servers there are, and what the model may do with their tools.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace bowhead::mcp {

/// Whether a tool may be called.
enum class Consent : std::uint8_t {
  kNever,   // the model is not told of the tool
  kAlways,  // the model may call it, and nobody is asked
};

/// "never", "always".
std::string_view ConsentName(Consent consent);

struct ServerConfig {
  std::string label;  // [A-Za-z0-9_-]{1,32}; how requests and tools name the server
  // Either a URL of streamable HTTP, or a program.
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  Consent consent = Consent::kNever;     // of tools without an entry below
  std::map<std::string, Consent> tools;  // by the server's names of them
  std::chrono::milliseconds timeout{0};  // of a call; 0: Limits::timeout

  [[nodiscard]] Consent ConsentOf(std::string_view tool) const;
};

/// What servers, and the model with them, may use.
struct Limits {
  std::chrono::milliseconds timeout{30'000};          // of one call or listing
  std::chrono::milliseconds connect_timeout{15'000};  // of the first exchange with a server
  std::size_t max_result_bytes = 64 << 10;            // of text that a call gives to the model
  std::size_t max_tools = 128;                        // of one server
  int max_concurrent_calls = 4;                       // to one server; more wait for their turn within `timeout`
  int max_calls_per_minute = 120;                     // to one server, over all requests
};

/// "http://…", "https://…" or "stdio:COMMAND ARG…" (arguments as a shell would split them, quotes and backslashes
/// included, without expansions), with an optional "LABEL=" before. Without it the label is made of the host or the
/// program. kInvalidArgument says what is wrong.
base::Result<ServerConfig> ParseServerSpec(std::string_view spec);

/// A file of the usual form: {"mcpServers": {LABEL: {"url", "headers"} or {"command", "args", "env"}}}, each also with
/// "type" ("http", "streamable-http" or "stdio"), "disabled", "consent", "tools": {NAME: consent} and "timeout_ms" of
/// our own.
/// `${NAME}` in url, headers, args and env is replaced by that variable of our environment. Unknown keys are errors.
base::Result<std::vector<ServerConfig>> ParseConfig(std::string_view json);

/// Applies "SERVER/TOOL" or "SERVER/*": those are allowed. kInvalidArgument: no such server.
base::Status Allow(std::vector<ServerConfig>& servers, std::string_view rule);

/// Every label once. kInvalidArgument names one that comes twice.
base::Status CheckLabels(const std::vector<ServerConfig>& servers);

}  // namespace bowhead::mcp
