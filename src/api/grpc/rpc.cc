#include "api/grpc/rpc.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace bowhead::api {

std::shared_ptr<Rpc> Rpc::Start(Context& context, const RpcLimits& limits, std::function<void(Rpc*)> on_done) {
  std::shared_ptr<Rpc> rpc(new Rpc(context, limits, std::move(on_done)));  // NOLINT: the constructor is private
  rpc->self_ = rpc;
  return rpc;
}

void Rpc::Read(std::chrono::milliseconds timeout, Reader reader) {
  {
    const std::lock_guard lock(mutex_);
    if (!finished_ && context_ != nullptr) {
      reader_ = std::move(reader);
      read_deadline_ = Clock::now() + timeout;
      StartRead(&in_);
      return;
    }
  }
  reader(std::nullopt);
}

void Rpc::OnReadDone(bool ok) {
  Reader reader;
  std::optional<::grpc::ByteBuffer> bytes;
  {
    const std::lock_guard lock(mutex_);
    read_deadline_ = Clock::time_point::max();
    reader.swap(reader_);
    if (ok) bytes.emplace().Swap(&in_);
  }
  if (reader) reader(std::move(bytes));
}

bool Rpc::Write(const google::protobuf::Message& message, bool merge) {
  const std::lock_guard lock(mutex_);
  if (cancelled_ || finished_ || status_) return false;
  if (!writing_) {
    SendLocked(message);
    return true;
  }
  queued_bytes_ += message.ByteSizeLong();
  if (queued_bytes_ > limits_.max_queued_bytes) {
    context_->TryCancel();
    return false;
  }
  if (merge && !queue_.empty()) {
    queue_.back()->MergeFrom(message);
  } else {
    queue_.emplace_back(message.New())->CopyFrom(message);
  }
  return true;
}

void Rpc::SendLocked(const google::protobuf::Message& message) {
  const ::grpc::Slice slice(message.ByteSizeLong());
  // The slice is ours alone until it is in the buffer.
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  out_ = ::grpc::ByteBuffer(&slice, 1);
  writing_ = true;
  write_deadline_ = Clock::now() + limits_.write_timeout;
  StartWrite(&out_);
}

void Rpc::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  write_deadline_ = Clock::time_point::max();
  if (!ok || finished_) return;  // it is being cancelled: OnCancel does the rest
  if (!queue_.empty()) {
    const auto next = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= std::min(queued_bytes_, next->ByteSizeLong());
    SendLocked(*next);
  } else if (status_) {
    FinishLocked(*status_);
  }
}

void Rpc::End(const ::grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  if (status_ || finished_) return;
  status_ = status;
  if (!writing_) FinishLocked(status);
}

void Rpc::FinishLocked(const ::grpc::Status& status) {
  if (std::exchange(finished_, true) || context_ == nullptr) return;
  Finish(status);
}

void Rpc::OnCancel() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    queue_.clear();
    callback.swap(on_cancelled_);
    FinishLocked(::grpc::Status::CANCELLED);
  }
  if (callback) callback();
}

void Rpc::OnDone() {
  const std::shared_ptr<Rpc> self = std::move(self_);  // gRPC calls nothing after this
  Reader reader;
  std::function<void()> cancelled;
  std::function<void()> drain;
  {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
    reader.swap(reader_);
    cancelled.swap(on_cancelled_);
    drain.swap(on_drain_);
  }
  on_done_(this);
}

void Rpc::OnCancelled(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!cancelled_) {
      on_cancelled_.swap(callback);
      return;
    }
  }
  callback();
}

void Rpc::Interrupt() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    callback.swap(on_cancelled_);
  }
  if (callback) callback();
}

bool Rpc::cancelled() const {
  const std::lock_guard lock(mutex_);
  return cancelled_;
}

bool Rpc::ended() const {
  const std::lock_guard lock(mutex_);
  return cancelled_ || finished_ || status_.has_value();
}

void Rpc::OnDrain(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  on_drain_.swap(callback);
}

void Rpc::Drain() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    callback.swap(on_drain_);
  }
  if (callback) callback();
}

void Rpc::CheckDeadlines(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (context_ == nullptr || finished_) return;
  if (now >= write_deadline_) {
    context_->TryCancel();
  } else if (now >= read_deadline_ && !status_) {
    read_deadline_ = Clock::time_point::max();
    status_.emplace(::grpc::StatusCode::DEADLINE_EXCEEDED, "the next message did not arrive in time");
    if (!writing_) FinishLocked(*status_);
  }
}

bool ParseMessage(::grpc::ByteBuffer bytes, google::protobuf::Message& message) {
  ::grpc::ProtoBufferReader reader(&bytes);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

}  // namespace bowhead::api
