#include "mcp/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "mcp/tool_json.h"

namespace bowhead::mcp {

namespace {

constexpr int kMaxPages = 64;
/// Servers of older revisions may say nothing at all to server/discover.
constexpr std::chrono::milliseconds kProbeTimeout{5'000};
constexpr std::array<std::string_view, 4> kHandshakeRevisions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                                 "2024-11-05"};
using Kind = RpcMessage::Kind;

bool IsHandshakeRevision(std::string_view revision) {
  for (const std::string_view known : kHandshakeRevisions) {
    if (known == revision) return true;
  }
  return false;
}

base::Status Refusal(const RpcMessage& error) {
  return base::InvalidArgument("the server refuses: " + error.text + " (" + std::to_string(error.code) + ")");
}

}  // namespace

base::Result<std::unique_ptr<Client>> Client::Connect(const TransportMaker& make, ClientOptions options,
                                                      std::stop_token stop) {
  std::unique_ptr<Client> client(new Client(std::move(options)));
  if (base::Status status = client->Agree(make, std::move(stop)); !status.ok()) return status;
  return client;
}

Client::~Client() {
  live_ = nullptr;
}

base::Status Client::Open(const TransportMaker& make) {
  live_ = nullptr;
  transport_.reset();  // the old program ends before the new one starts
  auto transport = make([this](const RpcMessage& message) { Hear(message); });
  if (!transport.ok()) return transport.status();
  transport_ = std::move(*transport);
  live_ = transport_.get();
  return base::OkStatus();
}

base::Status Client::Agree(const TransportMaker& make, std::stop_token stop) {
  if (base::Status status = Open(make); !status.ok()) return status;
  base::Status status = Discover(stop);
  if (status.ok() || status.code() != base::StatusCode::kUnimplemented) return status;
  // Programs of the older revisions may end, or be confused, after a request before initialize.
  if (!transport_->Health().ok()) {
    if (status = Open(make); !status.ok()) return status;
  }
  status = Initialize(stop);
  // A server that was slow to start may have taken the late probe as its first word: it is a new one after all.
  return status.code() == base::StatusCode::kUnimplemented ? Discover(stop) : status;
}

base::Status Client::Discover(std::stop_token stop) {
  modern_ = true;
  revision_ = kNewestRevision;
  const auto answer = Ask("server/discover", {}, {}, std::min(options_.connect_timeout, kProbeTimeout), stop);
  const base::Status older = base::Unimplemented("the server speaks an older revision");
  if (answer.ok() && answer->kind == Kind::kResult) {
    const auto offer = ReadDiscovery(answer->body);
    if (!offer.ok() || !offer->Speaks(kNewestRevision)) return older;
    has_tools_ = offer->has_tools;
    return base::OkStatus();
  }
  if (answer.ok()) {
    if (answer->code != kUnsupportedVersion) return older;
    const std::vector<std::string> supported = ReadSupported(answer->body);
    bool common = supported.empty();
    for (const std::string& revision : supported) common = common || IsHandshakeRevision(revision);
    if (common) return older;
    return base::FailedPrecondition("the server speaks only revisions of MCP that this program does not know");
  }
  switch (answer.status().code()) {
    case base::StatusCode::kCancelled:
    case base::StatusCode::kUnauthenticated:
      return answer.status();
    case base::StatusCode::kUnavailable:
      // A server of HTTP that is not there will not be there for the handshake either; that will tell.
    default:
      return older;
  }
}

base::Status Client::Initialize(std::stop_token stop) {
  modern_ = false;
  revision_.clear();
  const auto answer = Ask("initialize", InitializeParams(kNewestHandshakeRevision, options_.version), {},
                          options_.connect_timeout, stop);
  if (!answer.ok()) return answer.status();
  if (answer->kind == Kind::kError) {
    if (answer->code == kUnsupportedVersion) return base::Unimplemented("the server has no handshake");
    return Refusal(*answer);
  }
  const auto hello = ReadHello(answer->body);
  if (!hello.ok()) return hello.status();
  if (!IsHandshakeRevision(hello->revision)) {
    return base::FailedPrecondition("the server wants revision '" + hello->revision.substr(0, 40) +
                                    "' of MCP, which this program does not know");
  }
  revision_ = hello->revision;
  has_tools_ = hello->has_tools;
  return transport_->Tell(Make(WriteNotification("notifications/initialized", {}), "notifications/initialized"));
}

Outgoing Client::Make(std::string text, std::string_view method) const {
  Outgoing message;
  message.text = std::move(text);
  message.method = method;
  message.revision = revision_;
  message.modern = modern_;
  message.timeout = options_.timeout;
  return message;
}

base::Result<RpcMessage> Client::Ask(std::string_view method, std::string params, std::string_view name,
                                     std::chrono::milliseconds timeout, std::stop_token stop) {
  const std::int64_t id = next_id_++;
  if (modern_) params = ModernMeta(revision_, options_.version) + (params.empty() ? "" : ",") + params;
  Outgoing request = Make(WriteRequest(id, method, "{" + params + "}"), method);
  request.id = id;
  request.name = name;
  request.timeout = timeout;
  auto answer = transport_->Ask(request, stop);
  const base::StatusCode code = answer.status().code();
  const bool given_up = code == base::StatusCode::kCancelled || code == base::StatusCode::kDeadlineExceeded;
  if (given_up && method != "initialize" && transport_->wants_cancel_message(modern_)) {
    const std::string why = R"({"requestId":)" + std::to_string(id) + R"(,"reason":")" +
                            (code == base::StatusCode::kCancelled ? "no longer needed" : "took too long") + R"("})";
    Outgoing cancel = Make(WriteNotification("notifications/cancelled", why), "notifications/cancelled");
    cancel.timeout = std::chrono::seconds(1);
    static_cast<void>(transport_->Tell(cancel));  // a courtesy: the server may be beyond it
  }
  return answer;
}

void Client::Hear(const RpcMessage& message) {
  if (message.kind == Kind::kNotification) {
    if (message.method == "notifications/tools/list_changed") tools_changed_ = true;
    return;  // progress and logs are of no use to the model
  }
  Transport* transport = live_;
  if (transport == nullptr) return;
  // We offer no sampling, roots or elicitation, so the only request with an answer is ping.
  const std::string reply = message.method == "ping" ? WriteResult(message.id, "{}")
                                                     : WriteError(message.id, kMethodNotFound, "not offered here");
  static_cast<void>(transport->Tell(Make(reply, {})));
}

base::Result<ToolList> Client::ListTools(std::stop_token stop) {
  ToolList list;
  std::string cursor;
  for (int page = 0; has_tools_ && page < kMaxPages; ++page) {
    const auto answer = Ask("tools/list", CursorParams(cursor), {}, options_.timeout, stop);
    if (!answer.ok()) return answer.status();
    if (answer->kind == Kind::kError) return Refusal(*answer);
    auto next = ReadToolPage(answer->body, options_.max_tools, modern_, &list);
    if (!next.ok()) return next.status();
    if (next->empty()) return list;
    cursor = std::move(*next);
  }
  if (!has_tools_) return list;
  return base::ResourceExhausted("the server's list of tools has more than " + std::to_string(kMaxPages) + " pages");
}

base::Result<CallResult> Client::CallTool(std::string_view name, std::string_view arguments,
                                          std::chrono::milliseconds timeout, std::stop_token stop) {
  const auto answer = Ask("tools/call", CallParams(name, arguments), name, timeout, std::move(stop));
  if (!answer.ok()) return answer.status();
  if (answer->kind == Kind::kError) return Refusal(*answer);
  return ReadCallResult(answer->body, options_.max_result_bytes);
}

}  // namespace bowhead::mcp
