// bowhead serve: a model file becomes a live assistant.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/api_server.h"
#include "api/error.h"
#include "api/grpc/grpc_server.h"
#include "cli/command.h"
#include "cli/load_model.h"
#include "cli/mcp_options.h"
#include "cli/signals.h"
#include "net/http_server.h"
#include "net/uri.h"
#include "security/api_keys.h"
#include "serving/model_service.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/serving_metrics.h"

namespace bowhead::cli {

namespace {

using std::chrono::milliseconds;

struct ServeOptions {
  ModelOptions model;
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::string api_key_file;
  std::vector<std::string> cors_origins;
  std::size_t max_connections = 1024;
  double drain_timeout_s = 30.0;
  McpOptions mcp;
  std::string log_level = "info";
  std::string log_format = "logfmt";
};

void AddOptions(CLI::App& app, ServeOptions& options) {
  app.add_option("model", options.model.path,
                 "A GGUF file, or the name of one in the cache folder; default: the one of `make run`")
      ->required()
      ->type_name("MODEL");
  app.add_option("--host", options.host, "Address to listen on; any but loopback needs --api-key-file")
      ->capture_default_str()
      ->type_name("ADDRESS");
  app.add_option("--port", options.port, "Port to listen on; 0 takes a free one")
      ->capture_default_str()
      ->type_name("N");
  app.add_option("--alias", options.model.aliases, "A name that the model answers to (can be repeated)")
      ->type_name("NAME")
      ->take_all();
  app.add_option("--api-key-file", options.api_key_file, "A file with one key a line: KEY or KEY NAME")
      ->type_name("FILE");
  app.add_option("--cors-origin", options.cors_origins,
                 "An origin like https://app.example whose web pages may use the API (can be repeated); '*' allows all "
                 "and needs --api-key-file")
      ->type_name("ORIGIN")
      ->take_all();
  AddModelOptions(app, options.model);
  app.add_option("--max-running", options.model.max_running, "Most requests in the batch at a time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  app.add_option("--max-queue", options.model.max_queue, "Most requests that wait; more get a 429")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_option("--max-wait", options.model.max_wait_s,
                 "Longest predicted wait for a request's turn in seconds; longer ones get a 429 at once (0: no bound)")
      ->check(CLI::Range(0.0, 86'400.0))
      ->capture_default_str()
      ->type_name("SECONDS");
  app.add_option("--request-timeout", options.model.request_timeout_s,
                 "Seconds after which an unfinished request ends with an error (0: never)")
      ->check(CLI::Range(0.0, 604'800.0))
      ->capture_default_str()
      ->type_name("SECONDS");
  app.add_option("--prefix-cache", options.model.prefix_sharing,
                 "Who reuses the computed beginning of a prompt: tenant (requests with the same API key), shared (all; "
                 "tells by the time of an answer whether somebody has sent the same text) or off")
      ->check(CLI::IsMember({"tenant", "shared", "off"}))
      ->capture_default_str()
      ->type_name("WHO");
  app.add_option("--prefix-cache-dir", options.model.prefix_cache_dir,
                 "A folder for what the prefix cache has no memory for; it survives a restart. It holds what the "
                 "prompts' tokens were computed to, and the tokens: only its owner may read it")
      ->type_name("DIR");
  app.add_option("--prefix-cache-disk", options.model.prefix_cache_disk, "Most bytes in that folder, e.g. 8GB")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str()
      ->type_name("BYTES");
  app.add_option("--max-tokens-cap", options.model.max_tokens_cap, "Most tokens of one answer (0: the context)")
      ->check(CLI::Range(0, 1 << 24))
      ->capture_default_str();
  app.add_option("--max-connections", options.max_connections, "Most open connections")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--drain-timeout", options.drain_timeout_s, "Seconds that running answers get after SIGTERM")
      ->check(CLI::Range(0.0, 86'400.0))
      ->capture_default_str();
  AddMcpOptions(app, options.mcp);
  app.add_option("--log-level", options.log_level, "debug, info, warning, error or off")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
  app.add_option("--log-format", options.log_format, "logfmt or json")
      ->check(CLI::IsMember({"logfmt", "json"}))
      ->capture_default_str();
}

int Fail(const base::Status& status) {
  std::cerr << "bowhead serve: " << status.message() << '\n';
  switch (status.code()) {
    case base::StatusCode::kUnavailable:
      return kExitUnavailable;
    case base::StatusCode::kInvalidArgument:
    case base::StatusCode::kNotFound:
    default:
      return kExitFailure;
  }
}

/// Keys from the file; none without one, which is allowed on loopback only.
base::Result<security::ApiKeys> LoadKeys(const ServeOptions& options, telemetry::Logger& logger) {
  if (options.api_key_file.empty()) {
    if (net::IsLoopbackHost(options.host)) return security::ApiKeys();
    return base::FailedPrecondition("refusing to listen on " + options.host +
                                    " without API keys: anybody who reaches it could use the model. Give "
                                    "--api-key-file FILE, or listen on 127.0.0.1");
  }
  std::vector<std::string> warnings;
  base::Result<security::ApiKeys> keys = security::ApiKeys::Load(options.api_key_file, &warnings);
  for (const std::string& warning : warnings) logger.Warning(warning);
  return keys;
}

/// Origins are compared as text, so one that no browser would send is a mistake.
base::Status CheckOrigins(const ServeOptions& options) {
  for (const std::string& origin : options.cors_origins) {
    if (origin == "*") {
      if (!options.api_key_file.empty()) continue;
      return base::FailedPrecondition(
          "--cors-origin '*' without --api-key-file would let every web page that a user "
          "of this machine opens use the model; name the origins, or use keys");
    }
    const std::size_t host = origin.starts_with("http://") ? 7 : origin.starts_with("https://") ? 8 : 0;
    if (host == 0 || host == origin.size() || origin.find_first_of("/ ,*?#@", host) != std::string::npos) {
      return base::InvalidArgument("--cors-origin must be like https://app.example or http://localhost:3000, not '" +
                                   origin + "'");
    }
  }
  return base::OkStatus();
}

/// Shows the load's progress: a bar on a terminal, a line for each quarter in a log.
class ProgressReport {
 public:
  explicit ProgressReport(telemetry::Logger& logger) : logger_(logger), terminal_(isatty(STDERR_FILENO) != 0) {}

  void Show(double fraction) {
    if (terminal_) {
      std::cerr << "\rPreparing the model " << ProgressBar(fraction) << std::flush;
      shown_ = true;
      return;
    }
    const int quarter = static_cast<int>(fraction * 4.0);
    if (quarter == quarter_) return;
    quarter_ = quarter;
    logger_.Info("preparing the model", {{"percent", quarter * 25}});
  }
  void End() {
    if (std::exchange(shown_, false)) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  telemetry::Logger& logger_;
  const bool terminal_;
  bool shown_ = false;
  int quarter_ = 0;
};

std::string UrlOf(const std::string& host, std::uint16_t port) {
  const bool any = host == "0.0.0.0" || host == "::" || host == "[::]";
  return "http://" + net::HostAndPort(any ? "127.0.0.1" : host, port);
}

/// Waits until the model is loaded, the load fails or a signal asks to end. 0: loaded; else the signal or -1.
int WaitForLoad(const Signals& signals, std::future<base::Status>& load, const serving::ModelService& service,
                std::atomic<bool>& cancelled, telemetry::Logger& logger) {
  ProgressReport report(logger);
  int signal = 0;
  while (load.wait_for(milliseconds(0)) != std::future_status::ready) {
    const int got = signals.Wait(milliseconds(50));
    if (got != 0) {
      if (signal != 0) std::_Exit(kExitFailure);  // asked twice
      signal = got;
      cancelled = true;
    }
    report.Show(service.progress());
  }
  report.End();
  return signal;
}

/// Lets running answers end; a second signal cuts them.
void DrainAndStop(const Signals& signals, const ServeOptions& options, serving::ModelService& service,
                  api::GrpcServer& grpc, net::HttpServer& http, telemetry::Logger& logger) {
  const milliseconds grace(static_cast<std::int64_t>(options.drain_timeout_s * 1000.0));
  logger.Info("draining; a second signal cuts running answers", {{"grace_s", options.drain_timeout_s}});
  service.Drain();
  auto stopped = std::async(std::launch::async, [&] {
    const auto grpc_stopped = std::async(std::launch::async, [&] { grpc.Stop(grace); });
    http.Stop(grace);
  });
  while (stopped.wait_for(milliseconds(0)) != std::future_status::ready) {
    if (signals.Wait(milliseconds(20)) != 0) {
      logger.Warning("cut by a second signal");
      std::_Exit(kExitFailure);
    }
  }
  service.Stop();
  logger.Info("stopped");
}

int Serve(const ServeOptions& options) {
  const Signals signals;
  telemetry::Logger logger(*telemetry::ParseLogLevel(options.log_level),
                           *telemetry::ParseLogFormat(options.log_format));
  const base::Result<security::ApiKeys> keys = LoadKeys(options, logger);
  if (!keys.ok()) {
    std::cerr << "bowhead serve: " << keys.status().message() << '\n';
    return kExitUsage;
  }
  if (const base::Status origins = CheckOrigins(options); !origins.ok()) {
    std::cerr << "bowhead serve: " << origins.message() << '\n';
    return kExitUsage;
  }
  telemetry::Registry registry;
  telemetry::RegisterProcessMetrics(registry);
  std::unique_ptr<telemetry::ServingMetrics> metrics;
  serving::ModelService service;
  const auto tools = MakeToolHub(options.mcp, logger, registry);
  if (!tools.ok()) {
    std::cerr << "bowhead serve: " << tools.status().message() << '\n';
    return kExitUsage;
  }
  api::ApiOptions api_options;
  api_options.version = BOWHEAD_VERSION;
  api_options.keys = &*keys;
  api_options.local_only = keys->empty();
  api_options.tools = tools->get();
  api_options.max_tool_rounds = options.mcp.max_rounds;
  api_options.cors_origins = options.cors_origins;
  api::ApiServer api(std::move(api_options), service, registry, logger);

  net::HttpServerOptions http_options;
  http_options.host = options.host;
  http_options.port = options.port;
  http_options.max_connections = options.max_connections;
  http_options.error_body = api::TransportError;
  api::GrpcOptions grpc_options;
  grpc_options.max_calls = options.max_connections;
  base::Result<std::unique_ptr<api::GrpcServer>> grpc = api::GrpcServer::Start(grpc_options, api);
  if (!grpc.ok()) return Fail(grpc.status());
  http_options.take_http2 = [&grpc](int socket, const std::string& peer) { (*grpc)->Adopt(socket, peer); };
  base::Result<std::unique_ptr<net::HttpServer>> http = net::HttpServer::Start(
      http_options, [&api](std::shared_ptr<net::HttpExchange> exchange) { api.Handle(std::move(exchange)); });
  if (!http.ok()) return Fail(http.status());
  const std::string url = UrlOf(options.host, (*http)->port());
  logger.Info("listening", {{"url", url}, {"keys", keys->size()}});

  // From here on /health answers, and /ready tells how far the load is.
  std::atomic<bool> cancelled{false};
  const auto begin = std::chrono::steady_clock::now();
  std::future<base::Status> load = std::async(std::launch::async, [&]() -> base::Status {
    try {
      auto model = LoadServedModel(
          options.model, &registry, metrics,
          [&](double fraction) {
            service.SetProgress(fraction);
            return !cancelled.load();
          },
          [&](const std::string& warning) { logger.Warning(warning); });
      if (!model.ok()) return model.status();
      service.SetReady(std::move(*model));
      return base::OkStatus();
    } catch (const std::bad_alloc&) {
      return base::ResourceExhausted("not enough memory to load the model; try a smaller --ctx or --kv-memory");
    }
  });
  int signal = WaitForLoad(signals, load, service, cancelled, logger);
  const base::Status loaded = load.get();
  if (!loaded.ok()) {
    service.SetFailed(loaded);
    (*http)->Stop(milliseconds(0));
    if (signal != 0) return kExitOk;
    return Fail(loaded);
  }

  const auto model = service.model();
  const engine::ModelInfo& info = model->backend->info();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  logger.Info("ready", {{"model", model->id},
                        {"architecture", info.architecture},
                        {"quantization", info.quantization},
                        {"context", info.context_length},
                        {"isa", info.isa},
                        {"threads", info.threads},
                        {"seconds", seconds}});
  std::cout << model->id << " is ready at " << url << std::endl;
  while (signal == 0) signal = signals.Wait(milliseconds(3'600'000));
  DrainAndStop(signals, options, service, **grpc, **http, logger);
  return kExitOk;
}

}  // namespace

int RunServe(int argc, char** argv) {
  ServeOptions options;
  CLI::App app("Serve a model: REST API, metrics and the chat page", "bowhead serve");
  AddOptions(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return Serve(options);
}

}  // namespace bowhead::cli
