// One gRPC call on its connection: messages in, messages out, its end.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/http_server.h"

namespace bowhead::api {

struct RpcLimits {
  std::size_t max_queued_bytes = 4 << 20;  // of a slow reader; over it the call is cancelled
  std::chrono::milliseconds write_timeout{30'000};
};

/// Keeps itself alive until gRPC has let go of it; may be held longer. No method blocks, and gRPC calls none of the
/// callbacks from within them. Thread-safe.
class Rpc final : public ::grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<Rpc> {
 public:
  using Clock = std::chrono::steady_clock;
  using Context = ::grpc::GenericCallbackServerContext;
  /// A message, or nothing: the client sends no more, or is gone.
  using Reader = std::function<void(std::optional<::grpc::ByteBuffer>)>;

  /// `on_done` hears of the end, on one of gRPC's threads.
  static std::shared_ptr<Rpc> Start(Context& context, const RpcLimits& limits, std::function<void(Rpc*)> on_done);

  /// Reads one message; not before the last one has been given. After `timeout` the call ends with DEADLINE_EXCEEDED.
  void Read(std::chrono::milliseconds timeout, Reader reader);
  /// Sends a message when those before it are sent. With `merge` it may become part of the one before it, as
  /// Message::MergeFrom does it, if that still waits. False once the call has ended.
  bool Write(const google::protobuf::Message& message, bool merge);
  /// Ends the call when all messages are sent. Only the first time counts.
  void End(const ::grpc::Status& status);

  /// Called once if the call is cancelled (by the client, its deadline, or the end of its connection) before it has
  /// ended, or by Interrupt(); at once, if it already was. The last callback counts.
  void OnCancelled(std::function<void()> callback);
  /// Runs what OnCancelled has been given, as if the client were gone; but it is not.
  void Interrupt();
  [[nodiscard]] bool cancelled() const;
  /// Nothing can be written any more.
  [[nodiscard]] bool ended() const;

  /// Called when the server stops, for calls that wait for their client.
  void OnDrain(std::function<void()> callback);
  void Drain();
  void CheckDeadlines(Clock::time_point now);

 private:
  Rpc(Context& context, const RpcLimits& limits, std::function<void(Rpc*)> on_done)
      : limits_(limits), on_done_(std::move(on_done)), context_(&context) {}

  // ServerGenericBidiReactor
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void SendLocked(const google::protobuf::Message& message);
  void FinishLocked(const ::grpc::Status& status);

  const RpcLimits limits_;
  const std::function<void(Rpc*)> on_done_;
  mutable std::mutex mutex_;
  // All under mutex_, but for the buffers while gRPC works on them:
  Context* context_;  // nullptr once gRPC has let go
  std::shared_ptr<Rpc> self_;
  ::grpc::ByteBuffer in_;
  ::grpc::ByteBuffer out_;
  Reader reader_;
  Clock::time_point read_deadline_ = Clock::time_point::max();
  Clock::time_point write_deadline_ = Clock::time_point::max();
  std::deque<std::unique_ptr<google::protobuf::Message>> queue_;
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;
  bool cancelled_ = false;
  bool finished_ = false;                 // gRPC knows the status
  std::optional<::grpc::Status> status_;  // how it is to end
  std::function<void()> on_cancelled_;
  std::function<void()> on_drain_;
};

/// Reads a message; false if it is none of that kind.
bool ParseMessage(::grpc::ByteBuffer bytes, google::protobuf::Message& message);

}  // namespace bowhead::api
