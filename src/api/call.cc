#include "api/call.h"

#include <utility>

#include "base/text.h"
#include "net/content_coding.h"
#include "net/sse.h"

namespace bowhead::api {

namespace {

/// Shorter answers fit few packets as they are, and compressing them only costs time.
constexpr std::size_t kMinCompressed = 4096;

}  // namespace

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
  headers.insert(headers.end(), more_headers_.begin(), more_headers_.end());
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

void Call::Compress(net::HttpResponse& response) const {
  if (response.body.size() < kMinCompressed) return;
  bool text = false;
  for (const auto& [name, value] : response.headers) {
    if (base::EqualsIgnoringCase(name, "content-encoding")) return;
    if (base::EqualsIgnoringCase(name, "content-type")) {
      text = value.starts_with("application/json") || value.starts_with("text/");
    }
  }
  if (!text) return;
  response.headers.emplace_back("Vary", "Accept-Encoding");
  const net::ContentCoding coding = net::ChooseContentCoding(request().Header("accept-encoding"));
  if (coding == net::ContentCoding::kIdentity) return;
  base::Result<std::string> compressed = net::EncodeContent(coding, response.body);
  if (!compressed.ok() || compressed->size() >= response.body.size()) return;
  response.body = std::move(*compressed);
  response.headers.emplace_back("Content-Encoding", std::string(net::ContentCodingName(coding)));
}

void Call::Send(net::HttpResponse response) {
  if (run_ != nullptr) {
    if (response.status >= 300) run_->Drop();
    run_->answer().status = response.status;
    run_->answer().headers = response.headers;
    run_->Append(response.body);
    run_->Finish();
  }
  Compress(response);
  AddHeaders(response.headers);
  const int status = response.status;
  exchange_->Send(std::move(response));
  Observe(status);
}

void Call::Replay(const RecordedAnswer& answer) {
  net::Headers headers = answer.headers;
  headers.emplace_back("Idempotent-Replayed", "true");
  if (!answer.stream) {
    Send({.status = answer.status, .headers = std::move(headers), .body = answer.body});
    return;
  }
  BeginStream(std::move(headers));
  static_cast<void>(Write(answer.body));
  EndEvents();
}

void Call::MarkFailed() {
  if (run_ != nullptr) run_->Drop();
}

void Call::SendJson(int status, std::string body) {
  Send({.status = status, .headers = {{"Content-Type", "application/json"}}, .body = std::move(body)});
}

void Call::BeginStream(net::Headers headers) {
  if (run_ != nullptr) {
    run_->answer().stream = true;
    run_->answer().headers = headers;
  }
  AddHeaders(headers);
  exchange_->BeginStream(200, std::move(headers));
}

bool Call::Write(std::string bytes) {
  if (run_ != nullptr) run_->Append(bytes);
  const bool there = exchange_->Write(std::move(bytes));
  if (!there) MarkFailed();
  return there;
}

void Call::BeginEvents() {
  BeginStream(net::SseHeaders());
}

bool Call::WriteEvent(std::string_view data, std::string_view name) {
  return Write(name.empty() ? net::SseData(data) : net::SseEvent(name, data));
}

void Call::BeginLines() {
  BeginStream({{"Content-Type", "application/x-ndjson"}, {"Cache-Control", "no-store"}});
}

bool Call::WriteLine(std::string line) {
  line.push_back('\n');
  return Write(std::move(line));
}

void Call::EndEvents() {
  if (run_ != nullptr) run_->Finish();
  exchange_->EndStream();
  Observe(200);
}

}  // namespace bowhead::api
