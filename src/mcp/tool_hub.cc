#include "mcp/tool_hub.h"

#include <cctype>
#include <chrono>
#include <utility>

#include "mcp/connected_server.h"
#include "mcp/http_transport.h"
#include "mcp/stdio_transport.h"

namespace bowhead::mcp {

namespace {

constexpr std::size_t kMaxModelName = 64;

/// How connections to a configured server are made.
ClientMaker MakeClients(const ServerConfig& config, const Limits& limits, std::string version,
                        std::shared_ptr<net::HttpClient> http) {
  TransportMaker make;
  if (config.command.empty()) {
    make = [http = std::move(http), endpoint = HttpEndpoint{config.url, config.headers}](MessageHandler handler) {
      return base::Result<std::unique_ptr<Transport>>(
          std::make_unique<HttpTransport>(http, endpoint, TransportLimits{}, std::move(handler)));
    };
  } else {
    make = [command = ChildProcess::Command{config.command, config.environment}](
               MessageHandler handler) -> base::Result<std::unique_ptr<Transport>> {
      auto transport = StdioTransport::Start(command, TransportLimits{}, std::move(handler));
      if (!transport.ok()) return transport.status();
      return std::unique_ptr<Transport>(std::move(*transport));
    };
  }
  ClientOptions options;
  options.version = std::move(version);
  options.connect_timeout = limits.connect_timeout;
  options.timeout = config.timeout.count() > 0 ? config.timeout : limits.timeout;
  options.max_tools = limits.max_tools;
  options.max_result_bytes = limits.max_result_bytes;
  return [make = std::move(make), options = std::move(options)](std::stop_token stop) {
    return Client::Connect(make, options, std::move(stop));
  };
}

}  // namespace

/// A server, and its label for finding it.
class ToolHub::Server : public ConnectedServer {
 public:
  Server(const ServerConfig& config, const Limits& limits, ClientMaker make, telemetry::Logger& logger)
      : ConnectedServer(config, limits, std::move(make), logger), label(config.label) {}
  const std::string label;
};

ToolHub::ToolHub(std::vector<ServerConfig> servers, const Limits& limits, std::string version,
                 telemetry::Logger& logger, telemetry::Registry& registry)
    : http_(std::make_shared<net::HttpClient>(net::HttpClientOptions{.user_agent = "bowhead/" + version})),
      logger_(logger),
      calls_(registry.AddCounters({.name = "bowhead_mcp_calls_total",
                                   .help = "Calls of tools of MCP servers, by how they ended",
                                   .labels = {"server", "outcome"},
                                   .buckets = {}})),
      seconds_(registry.AddHistograms({.name = "bowhead_mcp_call_seconds",
                                       .help = "Time of calls of tools of MCP servers",
                                       .labels = {"server"},
                                       .buckets = {0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100}})) {
  for (const ServerConfig& config : servers) {
    servers_.push_back(std::make_unique<Server>(config, limits, MakeClients(config, limits, version, http_), logger));
  }
}

ToolHub::~ToolHub() = default;

std::vector<ServerState> ToolHub::States() const {
  std::vector<ServerState> states;
  states.reserve(servers_.size());
  for (const auto& server : servers_) states.push_back(server->State());
  return states;
}

std::optional<ServerState> ToolHub::StateOf(std::string_view label) const {
  for (const auto& server : servers_) {
    if (server->label == label) return server->State();
  }
  return std::nullopt;
}

base::Result<CallResult> ToolHub::Call(const Tool& tool, std::string_view arguments, std::stop_token stop) {
  const auto begin = std::chrono::steady_clock::now();
  base::Result<CallResult> result = base::NotFound("there is no such server");
  for (const auto& server : servers_) {
    if (server->label == tool.server) result = server->Call(tool, arguments, std::move(stop));
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const std::string_view outcome = !result.ok()       ? base::StatusCodeName(result.status().code())
                                   : result->is_error ? std::string_view("TOOL_ERROR")
                                                      : std::string_view("OK");
  calls_.With({tool.server, outcome}).Add();
  seconds_.With({tool.server}).Observe(seconds);
  if (result.ok()) {
    logger_.Debug("a tool was called", {{"server", tool.server}, {"tool", tool.name}, {"seconds", seconds}});
  } else {
    logger_.Warning(
        "a call of a tool failed",
        {{"server", tool.server}, {"tool", tool.name}, {"seconds", seconds}, {"why", result.status().message()}});
  }
  return result;
}

std::string ModelName(std::string_view server, std::string_view tool) {
  std::string name = std::string(server) + "__" + std::string(tool);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '-') c = '_';
  }
  return name.substr(0, kMaxModelName);
}

}  // namespace bowhead::mcp
