// All MCP servers of this program, kept connected, and their tools under names that models can write.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/client.h"
#include "mcp/server_config.h"
#include "net/http_client.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace bowhead::mcp {

/// A tool that the model may call.
struct Tool {
  std::string server;       // the label
  std::string name;         // as the server calls it
  std::string model_name;   // as the model calls it: SERVER__NAME, up to 64 of [A-Za-z0-9_-]
  std::string description;  // untrusted text
  std::string schema;       // of the arguments: JSON text of an object; untrusted
};

/// How a server does.
struct ServerState {
  std::string label;
  bool connected = false;
  std::string revision;                            // of the protocol
  std::string problem;                             // why it is not connected
  std::vector<std::shared_ptr<const Tool>> tools;  // without those that have no consent
  std::size_t not_allowed = 0;                     // tools without consent
};

/// Connects to each server on a thread of its own, again with growing pauses when it goes away, and lists its tools
/// again when it says that they changed, and each minute. Thread-safe.
class ToolHub {
 public:
  /// `version` is this program's. `logger` and `registry` must outlive the hub. The labels of `servers` are different.
  ToolHub(std::vector<ServerConfig> servers, const Limits& limits, std::string version, telemetry::Logger& logger,
          telemetry::Registry& registry);
  /// Ends running calls and all programs.
  ~ToolHub();
  ToolHub(const ToolHub&) = delete;
  ToolHub& operator=(const ToolHub&) = delete;

  [[nodiscard]] bool empty() const { return servers_.empty(); }
  [[nodiscard]] std::vector<ServerState> States() const;
  /// Nothing if no server has that label.
  [[nodiscard]] std::optional<ServerState> StateOf(std::string_view label) const;

  /// Calls a tool on the calling thread, for at most the configured time, waiting for a turn included. `arguments` is
  /// JSON text of an object. A tool without consent is not called.
  /// Errors say for the model what went wrong: those of Client::CallTool; kResourceExhausted (too many calls),
  /// kUnavailable (not connected), kPermissionDenied.
  base::Result<CallResult> Call(const Tool& tool, std::string_view arguments, std::stop_token stop);

 private:
  class Server;
  const std::shared_ptr<net::HttpClient> http_;
  telemetry::Logger& logger_;
  telemetry::Family<telemetry::Counter>& calls_;
  telemetry::Family<telemetry::Histogram>& seconds_;
  std::vector<std::unique_ptr<Server>> servers_;
};

/// SERVER__NAME as a model can write it: other characters become '_', and what is too long is cut.
std::string ModelName(std::string_view server, std::string_view tool);

}  // namespace bowhead::mcp
