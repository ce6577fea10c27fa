// One HTTP request on its way through the API: its ids, its answer, and what is measured about it.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/error.h"
#include "api/idempotency.h"
#include "net/http_server.h"
#include "telemetry/log.h"
#include "telemetry/serving_metrics.h"

namespace bowhead::api {

/// Wraps an exchange: adds the request id and the security headers to every answer, observes HttpMetrics once and
/// writes the access log (level debug; errors of the server: warning). Never logs prompts, answers, keys or raw paths.
/// Thread-safe as HttpExchange is; the setters belong to the router, before the handler runs.
class Call {
 public:
  Call(std::shared_ptr<net::HttpExchange> exchange, std::shared_ptr<telemetry::HttpMetrics> metrics,
       telemetry::Logger& logger, std::string request_id);
  virtual ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  [[nodiscard]] const net::HttpRequest& request() const { return exchange_->request(); }
  [[nodiscard]] const std::string& request_id() const { return request_id_; }
  /// The name of the API key; "" if there are none.
  [[nodiscard]] const std::string& tenant() const { return tenant_; }
  /// The body, decompressed.
  [[nodiscard]] const std::string& body() const { return body_ ? *body_ : request().body; }
  /// What stands in the path where the route has its first or second "*".
  [[nodiscard]] const std::string& path_argument(std::size_t index = 0) const { return path_arguments_[index]; }
  [[nodiscard]] const std::string& route() const { return route_; }

  [[nodiscard]] ApiShape shape() const { return shape_; }

  void set_shape(ApiShape shape) { shape_ = shape; }
  void set_tenant(std::string tenant) { tenant_ = std::move(tenant); }
  void set_route(std::string_view route, std::array<std::string, 2> arguments) {
    route_ = route;
    path_arguments_ = std::move(arguments);
  }
  void set_body(std::string body) { body_ = std::move(body); }
  /// Headers that every answer to this call has besides.
  void set_more_headers(net::Headers headers) { more_headers_ = std::move(headers); }
  /// From here on the answer is recorded for others with the same Idempotency-Key.
  void set_idempotent_run(std::unique_ptr<IdempotentRun> run) { run_ = std::move(run); }

  /// Compressed, if it is long and the client takes it so.
  void Send(net::HttpResponse response);
  void SendJson(int status, std::string body);
  /// The call ends with this error; for protocols that shape it otherwise to override.
  virtual void Fail(const ApiError& error) { Send(ErrorResponse(error, shape_)); }

  /// A stream of server-sent events.
  void BeginEvents();
  /// False once the client is gone. `name` "": an event without a name.
  bool WriteEvent(std::string_view data, std::string_view name = {});
  void EndEvents();
  /// A stream of lines of JSON; EndEvents() ends it.
  void BeginLines();
  /// False once the client is gone.
  bool WriteLine(std::string line);

  /// What was recorded for an earlier call.
  void Replay(const RecordedAnswer& answer);
  /// The stream ends with an error: it is not given again.
  void MarkFailed();

  void OnDisconnect(std::function<void()> callback) { exchange_->OnDisconnect(std::move(callback)); }

 protected:
  /// Metrics and log, once: the first status counts.
  void Observe(int status);

 private:
  void AddHeaders(net::Headers& headers) const;
  void Compress(net::HttpResponse& response) const;
  void BeginStream(net::Headers headers);
  bool Write(std::string bytes);

  const std::shared_ptr<net::HttpExchange> exchange_;
  const std::shared_ptr<telemetry::HttpMetrics> metrics_;  // calls may outlive the ApiServer
  telemetry::Logger& logger_;
  const std::string request_id_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::string tenant_;
  ApiShape shape_ = ApiShape::kOpenAi;
  std::string route_ = "other";
  std::array<std::string, 2> path_arguments_;
  std::optional<std::string> body_;
  net::Headers more_headers_;
  std::unique_ptr<IdempotentRun> run_;  // of the one who answers
  std::atomic<bool> observed_{false};
};

}  // namespace bowhead::api
