// The way of an answer from whoever makes it (any thread) to its connection (the server's thread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace bowhead::net {

/// A bounded queue of one answer's bytes. Thread-safe. It calls into the server only while attached, so an exchange may
/// outlive its server. A chunked stream whose reader keeps up does without the queue: who writes also sends, which
/// saves waking the server's thread for each event.
class AnswerChannel {
 public:
  using Task = std::function<void()>;
  /// Sends what the kernel takes at once, from any thread, and returns how many bytes that was.
  using Sender = std::function<std::size_t(std::string_view bytes)>;

  /// `post` runs a task on the server's thread; `flush` is what it runs when there is something to take. Both are
  /// called under the channel's lock.
  AnswerChannel(std::size_t max_queued_bytes, std::function<void(Task)> post, Task flush);

  // For the one who answers.
  void Send(HttpResponse response);
  void Begin(int status, Headers headers);
  bool Write(std::string bytes);
  void End();
  void Abandon();  // nobody will answer any more
  void OnDisconnect(Task callback);
  [[nodiscard]] bool disconnected() const;

  // For the connection, on the server's thread.
  struct Head {
    int status = 200;
    Headers headers;
    std::optional<std::size_t> content_length;  // nothing: a stream
    bool abandoned = false;                     // nobody answered: the connection makes a 500
  };
  struct Piece {
    std::optional<Head> head;  // of the first piece
    std::string rest;          // of a chunk that was sent in part: goes out as it is, before the body
    std::string body;
    bool last = false;
  };
  /// What has gathered since the last time.
  Piece Take();
  /// The bytes that were taken are with the kernel.
  void Written();
  /// The head of a chunked stream is written: from now on Write may send chunks itself while nothing is queued or in
  /// flight.
  void StartDirect(Sender sender);
  /// The sender is not used any more once this returns (the socket may close).
  void StopDirect();
  /// The answer cannot be completed (its reader is too slow, or it was dropped half-way): cut the connection.
  [[nodiscard]] bool broken() const;
  /// Whether any of the answer has been given.
  [[nodiscard]] bool started() const;
  [[nodiscard]] bool ended() const;
  /// The client is gone: calls the callback, unless the answer was complete.
  void Disconnect();
  /// The answer is written, or the connection is gone: no more calls into the server.
  void Detach();

 private:
  enum class Phase : std::uint8_t { kWaiting, kStreaming, kEnded };

  void WakeLocked();
  /// True if the bytes are on their way, by direct_ alone or with their rest queued.
  bool SendLocked(std::string_view bytes);
  void BreakLocked();

  const std::size_t max_queued_bytes_;
  mutable std::mutex mutex_;
  // All under mutex_:
  std::function<void(Task)> post_;
  Task flush_;
  Task on_disconnect_;
  Sender direct_;
  std::string chunk_;  // memory of SendLocked
  Phase phase_ = Phase::kWaiting;
  std::optional<Head> head_;
  std::string rest_;
  std::string pending_;
  std::size_t in_flight_ = 0;
  bool wake_posted_ = false;
  bool gone_ = false;
  bool broken_ = false;
};

/// The HttpExchange over a channel.
std::shared_ptr<HttpExchange> MakeExchange(HttpRequest request, std::shared_ptr<AnswerChannel> channel);

}  // namespace bowhead::net
