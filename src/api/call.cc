#include "api/call.h"

#include <utility>

#include "net/sse.h"

namespace bowhead::api {

Call::Call(std::shared_ptr<net::HttpExchange> exchange, std::shared_ptr<telemetry::HttpMetrics> metrics,
           telemetry::Logger& logger, std::string request_id)
    : exchange_(std::move(exchange)),
      metrics_(std::move(metrics)),
      logger_(logger),
      request_id_(std::move(request_id)) {
  metrics_->in_flight.Add(1.0);
}

Call::~Call() {
  Observe(499);  // nobody answered: the client went away first
  metrics_->in_flight.Add(-1.0);
}

void Call::AddHeaders(net::Headers& headers) const {
  headers.emplace_back("X-Request-Id", request_id_);
  if (shape_ == ApiShape::kAnthropic) headers.emplace_back("request-id", request_id_);
  for (const auto& header : headers) {
    if (header.first == "X-Content-Type-Options") return;
  }
  headers.emplace_back("X-Content-Type-Options", "nosniff");
}

void Call::Observe(int status) {
  if (observed_.exchange(true)) return;
  const std::string& method = request().method;
  const bool known = method == "GET" || method == "POST" || method == "HEAD" || method == "OPTIONS";
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  metrics_->Observe(route_, known ? method : "other", status, seconds);
  logger_.Log(status >= 500 && status != 503 ? telemetry::LogLevel::kWarning : telemetry::LogLevel::kDebug, "request",
              {{"route", route_},
               {"method", known ? method : "other"},
               {"status", status},
               {"ms", seconds * 1e3},
               {"peer", request().peer},
               {"tenant", tenant_},
               {"request_id", request_id_}});
}

void Call::Send(net::HttpResponse response) {
  AddHeaders(response.headers);
  const int status = response.status;
  exchange_->Send(std::move(response));
  Observe(status);
}

void Call::SendJson(int status, std::string body) {
  Send({.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)});
}

void Call::BeginEvents() {
  net::Headers headers = net::SseHeaders();
  AddHeaders(headers);
  exchange_->BeginStream(200, std::move(headers));
}

bool Call::WriteEvent(std::string_view data, std::string_view name) {
  return exchange_->Write(name.empty() ? net::SseData(data) : net::SseEvent(name, data));
}

void Call::BeginLines() {
  net::Headers headers = {{"Content-Type", "application/x-ndjson"}, {"Cache-Control", "no-store"}};
  AddHeaders(headers);
  exchange_->BeginStream(200, std::move(headers));
}

bool Call::WriteLine(std::string line) {
  line.push_back('\n');
  return exchange_->Write(std::move(line));
}

void Call::EndEvents() {
  exchange_->EndStream();
  Observe(200);
}

}  // namespace bowhead::api
