#include "api/grpc/rpc_call.h"

#include <google/rpc/error_details.pb.h>

#include <cctype>
#include <string_view>
#include <utility>

namespace bowhead::api {

namespace {

/// What api::Call needs of an HTTP exchange. Its answers go through RpcCall, never through this.
class RpcExchange final : public net::HttpExchange {
 public:
  RpcExchange(std::shared_ptr<Rpc> rpc, net::HttpRequest request)
      : rpc_(std::move(rpc)), request_(std::move(request)) {}
  [[nodiscard]] const net::HttpRequest& request() const override { return request_; }
  void Send(net::HttpResponse) override {}
  void BeginStream(int, net::Headers) override {}
  bool Write(std::string) override { return false; }
  void EndStream() override {}
  void OnDisconnect(std::function<void()> callback) override { rpc_->OnCancelled(std::move(callback)); }
  [[nodiscard]] bool disconnected() const override { return rpc_->cancelled(); }

 private:
  const std::shared_ptr<Rpc> rpc_;
  const net::HttpRequest request_;
};

/// ErrorInfo's reason is a constant in capitals.
std::string ReasonOf(const ApiError& error) {
  std::string reason = error.code.empty() ? error.type : error.code;
  for (char& c : reason) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return reason;
}

}  // namespace

::grpc::Status ToGrpcStatus(const ApiError& error, const std::string& request_id) {
  const auto code = static_cast<::grpc::StatusCode>(GrpcCodeOf(error));
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(error.message);
  google::rpc::ErrorInfo info;
  info.set_reason(ReasonOf(error));
  info.set_domain("bowhead");
  status.add_details()->PackFrom(info);
  if (!error.param.empty()) {
    google::rpc::BadRequest bad;
    auto& violation = *bad.add_field_violations();
    violation.set_field(error.param);
    violation.set_description(error.message);
    status.add_details()->PackFrom(bad);
  }
  if (error.retry_after_seconds > 0) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(error.retry_after_seconds);
    status.add_details()->PackFrom(retry);
  }
  google::rpc::RequestInfo request;
  request.set_request_id(request_id);
  status.add_details()->PackFrom(request);
  return {code, error.message, status.SerializeAsString()};
}

net::HttpRequest ToHttpRequest(const Rpc::Context& context, std::string peer) {
  net::HttpRequest request;
  request.method = "POST";
  request.path = context.method();
  request.peer = std::move(peer);
  request.headers.emplace_back("host", context.host());
  for (const auto& [name, value] : context.client_metadata()) {
    const std::string_view key(name.data(), name.size());
    if (!key.ends_with("-bin")) request.headers.emplace_back(key, std::string(value.data(), value.size()));
  }
  return request;
}

RpcCall::RpcCall(std::shared_ptr<Rpc> rpc, net::HttpRequest request, ApiServer& api, std::string request_id)
    : Call(std::make_shared<RpcExchange>(rpc, std::move(request)), api.http_metrics(), api.logger(),
           std::move(request_id)),
      rpc_(std::move(rpc)) {}

RpcCall::~RpcCall() {
  if (ended_) return;
  rpc_->End(ToGrpcStatus(FromStatus(base::Internal("the server dropped the call without an answer")), request_id()));
  if (!rpc_->cancelled()) Observe(500);
}

void RpcCall::Fail(const ApiError& error) {
  if (ended_.exchange(true)) return;
  rpc_->End(ToGrpcStatus(error, request_id()));
  Observe(error.status);
}

void RpcCall::Done() {
  if (ended_.exchange(true)) return;
  rpc_->End(::grpc::Status::OK);
  Observe(rpc_->cancelled() ? 499 : 200);
}

void RpcCall::Answer(const google::protobuf::Message& message) {
  rpc_->Write(message, /*merge=*/false);
  Done();
}

}  // namespace bowhead::api
