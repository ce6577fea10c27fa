#include "net/answer_channel.h"

#include <utility>

#include "net/response_head.h"

namespace bowhead::net {
namespace {

class Exchange final : public HttpExchange {
 public:
  Exchange(HttpRequest request, std::shared_ptr<AnswerChannel> channel)
      : request_(std::move(request)), channel_(std::move(channel)) {}
  ~Exchange() override { channel_->Abandon(); }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] const HttpRequest& request() const override { return request_; }
  void Send(HttpResponse response) override { channel_->Send(std::move(response)); }
  void BeginStream(int status, Headers headers) override { channel_->Begin(status, std::move(headers)); }
  bool Write(std::string bytes) override { return channel_->Write(std::move(bytes)); }
  void EndStream() override { channel_->End(); }
  void OnDisconnect(std::function<void()> callback) override { channel_->OnDisconnect(std::move(callback)); }
  [[nodiscard]] bool disconnected() const override { return channel_->disconnected(); }

 private:
  const HttpRequest request_;
  const std::shared_ptr<AnswerChannel> channel_;
};

}  // namespace

AnswerChannel::AnswerChannel(std::size_t max_queued_bytes, std::function<void(Task)> post, Task flush)
    : max_queued_bytes_(max_queued_bytes), post_(std::move(post)), flush_(std::move(flush)) {}

void AnswerChannel::WakeLocked() {
  if (wake_posted_ || !post_) return;
  wake_posted_ = true;
  post_(flush_);
}

void AnswerChannel::BreakLocked() {
  broken_ = true;
  if (post_) post_(flush_);  // even if a flush waits for the write in flight
}

void AnswerChannel::Send(HttpResponse response) {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kWaiting) return;
  head_ =
      Head{.status = response.status, .headers = std::move(response.headers), .content_length = response.body.size()};
  pending_ = std::move(response.body);
  phase_ = Phase::kEnded;
  WakeLocked();
}

void AnswerChannel::Begin(int status, Headers headers) {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kWaiting) return;
  head_ = Head{.status = status, .headers = std::move(headers), .content_length = std::nullopt};
  phase_ = Phase::kStreaming;
  WakeLocked();
}

bool AnswerChannel::Write(std::string bytes) {
  const std::lock_guard lock(mutex_);
  if (gone_ || broken_ || phase_ != Phase::kStreaming) return false;
  const std::size_t queued = rest_.size() + pending_.size() + in_flight_;
  if (queued == 0 && SendLocked(bytes)) return true;
  if (queued != 0 && queued + bytes.size() > max_queued_bytes_) {
    BreakLocked();
    return false;
  }
  if (pending_.empty()) {
    pending_ = std::move(bytes);
  } else {
    pending_ += bytes;
  }
  WakeLocked();
  return true;
}

bool AnswerChannel::SendLocked(std::string_view bytes) {
  if (!direct_ || bytes.empty()) return false;
  chunk_.clear();
  AppendChunkSize(bytes.size(), chunk_);
  chunk_.append(bytes).append("\r\n");
  const std::size_t sent = direct_(chunk_);
  if (sent < chunk_.size()) {
    // A full socket, or a broken one: the server's thread finds out which.
    rest_ = chunk_.substr(sent);
    WakeLocked();
  }
  return true;
}

void AnswerChannel::StartDirect(Sender sender) {
  const std::lock_guard lock(mutex_);
  direct_ = std::move(sender);
}

void AnswerChannel::StopDirect() {
  const std::lock_guard lock(mutex_);
  direct_ = nullptr;
}

void AnswerChannel::End() {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::kStreaming) return;
  phase_ = Phase::kEnded;
  if (gone_) {
    BreakLocked();  // writes were refused: a client that only stopped sending must not take what it got for the whole
    return;
  }
  WakeLocked();
}

void AnswerChannel::Abandon() {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::kWaiting) {
    head_ = Head{.status = 500, .headers = {}, .content_length = 0, .abandoned = true};
    phase_ = Phase::kEnded;
  } else if (phase_ == Phase::kStreaming) {
    BreakLocked();  // half an answer: only a cut tells the client so
  }
  WakeLocked();
}

void AnswerChannel::OnDisconnect(Task callback) {
  std::unique_lock lock(mutex_);
  if (!gone_) {
    if (post_) on_disconnect_ = std::move(callback);  // else the answer is complete
    return;
  }
  if (post_) {
    post_(std::move(callback));
    return;
  }
  lock.unlock();
  callback();
}

bool AnswerChannel::disconnected() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

AnswerChannel::Piece AnswerChannel::Take() {
  const std::lock_guard lock(mutex_);
  wake_posted_ = false;
  Piece piece;
  piece.head = std::exchange(head_, std::nullopt);
  piece.rest = std::exchange(rest_, {});
  piece.body = std::exchange(pending_, {});
  piece.last = phase_ == Phase::kEnded;
  in_flight_ = piece.rest.size() + piece.body.size();
  return piece;
}

void AnswerChannel::Written() {
  const std::lock_guard lock(mutex_);
  in_flight_ = 0;
}

bool AnswerChannel::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

bool AnswerChannel::started() const {
  const std::lock_guard lock(mutex_);
  return phase_ != Phase::kWaiting;
}

bool AnswerChannel::ended() const {
  const std::lock_guard lock(mutex_);
  return phase_ == Phase::kEnded;
}

void AnswerChannel::Disconnect() {
  Task callback;
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    callback = std::exchange(on_disconnect_, {});
  }
  if (callback) callback();
}

void AnswerChannel::Detach() {
  Task callback;  // destroyed outside the lock: it may hold the exchange
  std::function<void(Task)> post;
  Task flush;
  const std::lock_guard lock(mutex_);
  callback.swap(on_disconnect_);
  post.swap(post_);
  flush.swap(flush_);
  direct_ = nullptr;
}

std::shared_ptr<HttpExchange> MakeExchange(HttpRequest request, std::shared_ptr<AnswerChannel> channel) {
  return std::make_shared<Exchange>(std::move(request), std::move(channel));
}

}  // namespace bowhead::net
