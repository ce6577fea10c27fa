#include "mcp/http_transport.h"

#include <optional>
#include <utility>

#include "net/sse_reader.h"

namespace bowhead::mcp {

namespace {

constexpr std::string_view kSessionHeader = "mcp-session-id";
constexpr std::size_t kMaxSessionBytes = 1024;
constexpr std::chrono::milliseconds kGoodbyeTimeout{1'000};

bool IsSessionId(std::string_view id) {
  if (id.empty() || id.size() > kMaxSessionBytes) return false;
  for (const char c : id) {
    if (c < 0x21 || c > 0x7E) return false;
  }
  return true;
}

/// Collects the answer to one request out of what the server sends.
class AnswerCollector {
 public:
  AnswerCollector(std::int64_t id, const TransportLimits& limits, const MessageHandler& on_message)
      : id_(std::to_string(id)), limits_(limits), on_message_(on_message), events_(limits.max_message_bytes) {}

  /// False once there is nothing more to read.
  bool Add(const net::ClientResponse& response, std::string_view piece) {
    if (!response.Header("content-type").starts_with("text/event-stream")) {
      body_.append(piece);
      return true;
    }
    auto events = events_.Add(piece);
    if (!events.ok()) {
      failure_ = events.status();
      return false;
    }
    for (const net::ReceivedEvent& event : *events) {
      if (event.name == "message" && !event.data.empty()) Take(event.data);
      if (answer_ || !failure_.ok()) return false;
    }
    return true;
  }

  /// After the last byte.
  base::Result<RpcMessage> Finish(const net::ClientResponse& response) {
    if (failure_.ok() && !answer_ && !body_.empty()) Take(body_);
    if (answer_) return std::move(*answer_);
    if (response.status == 404) return base::NotFound("the server answers 404: no such session or path");
    if (response.status == 401 || response.status == 403) {
      return base::Unauthenticated("the server answers " + std::to_string(response.status) +
                                   ": give it its Authorization header in the configuration");
    }
    if (response.status < 200 || response.status >= 300) {
      return base::Unavailable("the server answers " + std::to_string(response.status));
    }
    if (!failure_.ok()) return failure_;
    return base::DataLoss("the server ended its answer without the result");
  }

 private:
  void Take(std::string_view text) {
    auto message = ParseRpc(text);
    if (!message.ok()) {
      failure_ = base::DataLoss("the server breaks the protocol: " + message.status().message());
      return;
    }
    const bool answers = message->kind == RpcMessage::Kind::kResult || message->kind == RpcMessage::Kind::kError;
    // A server that could not read the request does not know its id.
    if (answers && (message->id == id_ || (message->id == "null" && message->kind == RpcMessage::Kind::kError))) {
      answer_ = std::move(*message);
      return;
    }
    if (answers) {
      failure_ = base::DataLoss("the server breaks the protocol: an answer to a request that nobody made");
      return;
    }
    if (++others_ > limits_.max_other_messages) {
      failure_ = base::ResourceExhausted("the server sent " + std::to_string(limits_.max_other_messages) +
                                         " messages without an answer");
      return;
    }
    on_message_(*message);
  }

  const std::string id_;
  const TransportLimits& limits_;
  const MessageHandler& on_message_;
  net::SseReader events_;
  std::string body_;
  std::optional<RpcMessage> answer_;
  base::Status failure_;
  int others_ = 0;
};

}  // namespace

HttpTransport::HttpTransport(std::shared_ptr<net::HttpClient> client, HttpEndpoint endpoint, TransportLimits limits,
                             MessageHandler on_message)
    : client_(std::move(client)), endpoint_(std::move(endpoint)), limits_(limits), on_message_(std::move(on_message)) {}

HttpTransport::~HttpTransport() {
  if (session_.empty()) return;
  net::ClientRequest request = MakeRequest({.text = {}, .revision = revision_});
  request.method = "DELETE";
  request.timeout = kGoodbyeTimeout;
  static_cast<void>(client_->Fetch(request));  // the server forgets us in any case, sooner or later
}

net::ClientRequest HttpTransport::MakeRequest(const Outgoing& message) const {
  net::ClientRequest request{.method = "POST", .url = endpoint_.url, .headers = endpoint_.headers};
  request.headers.emplace_back("Content-Type", "application/json");
  request.headers.emplace_back("Accept", "application/json, text/event-stream");
  request.headers.emplace_back("Expect", "");  // libcurl would wait for a 100 before larger bodies
  if (!message.revision.empty()) request.headers.emplace_back("MCP-Protocol-Version", message.revision);
  if (message.modern) {
    request.headers.emplace_back("Mcp-Method", message.method);
    if (!message.name.empty()) request.headers.emplace_back("Mcp-Name", message.name);
  } else {
    const std::lock_guard lock(mutex_);
    if (!session_.empty()) request.headers.emplace_back("Mcp-Session-Id", session_);
  }
  request.body = message.text;
  request.timeout = message.timeout;
  request.max_response_bytes = 2 * limits_.max_message_bytes;
  return request;
}

base::Result<RpcMessage> HttpTransport::Ask(const Outgoing& request, std::stop_token stop) {
  AnswerCollector collector(request.id, limits_, on_message_);
  const auto response = client_->Fetch(
      MakeRequest(request), stop,
      [&](const net::ClientResponse& head, std::string_view piece) { return collector.Add(head, piece); });
  if (!response.ok()) return response.status();
  if (const std::string_view session = response->Header(kSessionHeader);
      request.method == "initialize" && IsSessionId(session)) {
    const std::lock_guard lock(mutex_);
    session_ = session;
  }
  return collector.Finish(*response);
}

base::Status HttpTransport::Tell(const Outgoing& message) {
  {
    const std::lock_guard lock(mutex_);
    revision_ = message.revision;
  }
  net::ClientRequest request = MakeRequest(message);
  // Nothing of the answer's body matters.
  const auto response = client_->Fetch(request, {}, [](const net::ClientResponse&, std::string_view) { return false; });
  if (!response.ok()) return response.status();
  if (response->status >= 200 && response->status < 300) return base::OkStatus();
  return base::Unavailable("the server answers a notification with " + std::to_string(response->status));
}

}  // namespace bowhead::mcp
