// LiveChat: one call is one conversation of many turns.
#pragma once

#include <bowhead/v1/chat.pb.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "api/api_server.h"
#include "api/grpc/grpc_answer.h"
#include "api/grpc/rpc_call.h"

namespace bowhead::api {

/// Reads turns and interruptions, answers one turn at a time, and keeps the conversation. Thread-safe.
class LiveChat : public std::enable_shared_from_this<LiveChat> {
 public:
  /// `api` outlives all calls. `first_timeout`: until the first message; `turn_timeout`: between messages.
  LiveChat(std::shared_ptr<RpcCall> call, ApiServer& api, std::chrono::milliseconds first_timeout,
           std::chrono::milliseconds turn_timeout)
      : call_(std::move(call)), api_(api), timeout_(first_timeout), turn_timeout_(turn_timeout) {}

  void Begin();

 private:
  enum class State : std::uint8_t { kNew, kIdle, kAnswering };

  void ReadNext();
  void OnMessage(std::optional<::grpc::ByteBuffer> bytes);
  void Handle(const v1::LiveChatRequest& request);
  void Start(const v1::ChatRequest& request);
  void Add(const v1::Message& message);
  void TakeTurn(const v1::LiveTurn& turn);
  void Answer();
  void OnTurnEnd(TurnEnd end);
  void Interrupt();
  [[nodiscard]] bool interrupted() const;
  void OnDrain();
  void Fail(const std::string& message);

  const std::shared_ptr<RpcCall> call_;
  ApiServer& api_;
  std::chrono::milliseconds timeout_;  // of the next read
  const std::chrono::milliseconds turn_timeout_;

  JsonObject body_;  // of the request to the chat route; changed between answers only

  mutable std::mutex mutex_;
  State state_ = State::kNew;            // guarded by mutex_
  bool interrupted_ = false;             // guarded by mutex_
  bool client_done_ = false;             // guarded by mutex_: no more turns come
  bool draining_ = false;                // guarded by mutex_
  std::optional<v1::LiveTurn> waiting_;  // guarded by mutex_: a turn that came before the last answer was over
};

}  // namespace bowhead::api
