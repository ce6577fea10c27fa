#include "cli/mcp_options.h"

#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>

#include "mcp/server_config.h"

namespace bowhead::cli {

namespace {

constexpr std::size_t kMaxConfigBytes = 1 << 20;

base::Result<std::vector<mcp::ServerConfig>> ReadServers(const McpOptions& options) {
  std::vector<mcp::ServerConfig> servers;
  if (!options.config.empty()) {
    std::ifstream file(options.config, std::ios::binary);
    if (!file) return base::NotFound("--mcp-config: cannot read " + options.config);
    std::string text(kMaxConfigBytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.size() > kMaxConfigBytes) return base::InvalidArgument("--mcp-config: the file is larger than 1 MiB");
    auto read = mcp::ParseConfig(text);
    if (!read.ok()) return read.status().WithContext("--mcp-config " + options.config);
    servers = std::move(*read);
  }
  for (const std::string& spec : options.servers) {
    auto server = mcp::ParseServerSpec(spec);
    if (!server.ok()) return server.status().WithContext("--mcp");
    servers.push_back(std::move(*server));
  }
  if (base::Status status = mcp::CheckLabels(servers); !status.ok()) return status.WithContext("--mcp");
  for (const std::string& rule : options.allowed) {
    if (base::Status status = mcp::Allow(servers, rule); !status.ok()) return status.WithContext("--mcp-allow");
  }
  return servers;
}

}  // namespace

void AddMcpOptions(CLI::App& app, McpOptions& options) {
  app.add_option("--mcp", options.servers,
                 "A server of tools (Model Context Protocol) that the model may use: http://…, https://… or "
                 "'stdio:COMMAND ARGS…', with LABEL= before it or not (can be repeated; see docs/mcp.md)")
      ->type_name("SERVER")
      ->take_all();
  app.add_option("--mcp-config", options.config, "A JSON file with \"mcpServers\", as other programs have them")
      ->type_name("FILE");
  app.add_option(
         "--mcp-allow", options.allowed,
         "SERVER/TOOL or SERVER/*: the model may call it, and nobody is asked (can be repeated). It is not told of "
         "other tools")
      ->type_name("TOOL")
      ->take_all();
  app.add_option("--mcp-timeout", options.timeout_s, "Seconds that one call of a tool may take")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str()
      ->type_name("SECONDS");
  app.add_option("--mcp-max-rounds", options.max_rounds, "How often one answer may call tools and go on")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--mcp-max-result", options.max_result_bytes, "Most bytes of text that a call may give, e.g. 64KB")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(1, 16 << 20))
      ->capture_default_str()
      ->type_name("BYTES");
}

base::Result<std::unique_ptr<mcp::ToolHub>> MakeToolHub(const McpOptions& options, telemetry::Logger& logger,
                                                        telemetry::Registry& registry) {
  auto servers = ReadServers(options);
  if (!servers.ok()) return servers.status();
  if (servers->empty()) return std::unique_ptr<mcp::ToolHub>();
  mcp::Limits limits;
  limits.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(options.timeout_s * 1000.0));
  limits.max_result_bytes = options.max_result_bytes;
  return std::make_unique<mcp::ToolHub>(std::move(*servers), limits, BOWHEAD_VERSION, logger, registry);
}

}  // namespace bowhead::cli
