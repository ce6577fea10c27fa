// The flags of `bowhead serve` about MCP servers.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "mcp/tool_hub.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace bowhead::cli {

struct McpOptions {
  std::vector<std::string> servers;  // [LABEL=]URL or [LABEL=]stdio:COMMAND
  std::string config;                // a file
  std::vector<std::string> allowed;  // SERVER/TOOL
  double timeout_s = 30.0;
  int max_rounds = 8;
  std::size_t max_result_bytes = 64 << 10;
};

void AddMcpOptions(CLI::App& app, McpOptions& options);

/// Connects to the servers of the options, in the background; null if there are none. kInvalidArgument or kNotFound
/// says which flag is wrong.
base::Result<std::unique_ptr<mcp::ToolHub>> MakeToolHub(const McpOptions& options, telemetry::Logger& logger,
                                                        telemetry::Registry& registry);

}  // namespace bowhead::cli
