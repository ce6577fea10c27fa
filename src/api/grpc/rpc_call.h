// A gRPC call as a Call of the API: what it asks with, and how it fails.
#pragma once

#include <grpcpp/support/status.h>

#include <atomic>
#include <memory>
#include <string>

#include "api/api_server.h"
#include "api/call.h"
#include "api/grpc/rpc.h"

namespace bowhead::api {

/// The error with its details in the trailer grpc-status-details-bin: ErrorInfo (`code`, or else `type`), BadRequest
/// (the parameter), RetryInfo, RequestInfo.
::grpc::Status ToGrpcStatus(const ApiError& error, const std::string& request_id);

/// The metadata of a call as an HTTP request without a body. `peer`: whom the listener saw.
net::HttpRequest ToHttpRequest(const Rpc::Context& context, std::string peer);

/// Ends its Rpc with what happened to it; if nothing did, with INTERNAL.
class RpcCall final : public Call {
 public:
  RpcCall(std::shared_ptr<Rpc> rpc, net::HttpRequest request, ApiServer& api, std::string request_id);
  ~RpcCall() override;
  RpcCall(const RpcCall&) = delete;
  RpcCall& operator=(const RpcCall&) = delete;

  [[nodiscard]] Rpc& rpc() const { return *rpc_; }
  void Fail(const ApiError& error) override;
  /// It has been answered.
  void Done();
  /// An answer of one message.
  void Answer(const google::protobuf::Message& message);

 private:
  const std::shared_ptr<Rpc> rpc_;
  std::atomic<bool> ended_{false};
};

}  // namespace bowhead::api
