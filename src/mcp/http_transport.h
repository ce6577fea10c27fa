// MCP's streamable HTTP: each message is a POST; its answer is JSON or a stream of events.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "mcp/transport.h"
#include "net/http_client.h"

namespace bowhead::mcp {

struct HttpEndpoint {
  std::string url;
  net::Headers headers = {};  // of the configuration, such as Authorization
};

/// Speaks to one endpoint. The session id that the server gives (revisions before 2026-07-28) goes with every later
/// message, and the session is ended with DELETE when this object goes.
class HttpTransport final : public Transport {
 public:
  HttpTransport(std::shared_ptr<net::HttpClient> client, HttpEndpoint endpoint, TransportLimits limits,
                MessageHandler on_message);
  ~HttpTransport() override;
  HttpTransport(const HttpTransport&) = delete;
  HttpTransport& operator=(const HttpTransport&) = delete;

  base::Result<RpcMessage> Ask(const Outgoing& request, std::stop_token stop) override;
  base::Status Tell(const Outgoing& message) override;
  // In 2026-07-28 closing the stream says it.
  [[nodiscard]] bool wants_cancel_message(bool modern) const override { return !modern; }
  [[nodiscard]] base::Status Health() const override { return base::OkStatus(); }

 private:
  [[nodiscard]] net::ClientRequest MakeRequest(const Outgoing& message) const;

  const std::shared_ptr<net::HttpClient> client_;
  const HttpEndpoint endpoint_;
  const TransportLimits limits_;
  const MessageHandler on_message_;
  mutable std::mutex mutex_;
  std::string session_;   // guarded by mutex_
  std::string revision_;  // guarded by mutex_: of the session
};

}  // namespace bowhead::mcp
