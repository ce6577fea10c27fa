#include "api/grpc/live_chat.h"

#include <string>
#include <utility>
#include <variant>

#include "api/grpc/proto_json.h"

namespace bowhead::api {

namespace {

ApiError GoingAway() {
  return FromStatus(base::Unavailable("the server is shutting down; go on with another one"));
}

}  // namespace

void LiveChat::Begin() {
  call_->rpc().OnDrain([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnDrain();
  });
  ReadNext();
}

void LiveChat::ReadNext() {
  call_->rpc().Read(
      std::exchange(timeout_, turn_timeout_),
      [self = shared_from_this()](std::optional<::grpc::ByteBuffer> bytes) { self->OnMessage(std::move(bytes)); });
}

void LiveChat::OnMessage(std::optional<::grpc::ByteBuffer> bytes) {
  if (!bytes) {
    {
      const std::lock_guard lock(mutex_);
      client_done_ = true;
      if (state_ == State::kAnswering) return;  // the end of the answer ends the call
    }
    if (!call_->rpc().cancelled()) call_->Done();
    return;
  }
  api_.RunOnWorker(call_, [self = shared_from_this(), bytes = std::move(*bytes)] {
    v1::LiveChatRequest request;
    if (!ParseMessage(bytes, request)) return self->Fail("the message is no bowhead.v1.LiveChatRequest");
    self->Handle(request);
  });
}

void LiveChat::Handle(const v1::LiveChatRequest& request) {
  State state{};
  {
    const std::lock_guard lock(mutex_);
    state = state_;
  }
  if (state == State::kNew && !request.has_start()) return Fail("the first message must be 'start'");
  switch (request.action_case()) {
    case v1::LiveChatRequest::kStart:
      if (state != State::kNew) return Fail("'start' can only be the first message");
      return Start(request.start());
    case v1::LiveChatRequest::kTurn:
      return TakeTurn(request.turn());
    case v1::LiveChatRequest::kInterrupt:
      Interrupt();
      return ReadNext();
    case v1::LiveChatRequest::ACTION_NOT_SET:
      return Fail("the message has neither 'start', 'turn' nor 'interrupt'");
  }
}

void LiveChat::Start(const v1::ChatRequest& request) {
  if (request.has_n() && request.n() != 1) {
    call_->Fail(BadParameter("n", "'n' can only be 1 in a live conversation"));
    return;
  }
  auto body = ToJson(request);
  if (const auto* error = std::get_if<ApiError>(&body)) return call_->Fail(*error);
  body_ = std::move(std::get<JsonObject>(std::get<JsonValue>(body).data()));
  Answer();
  ReadNext();
}

void LiveChat::Add(const v1::Message& message) {
  auto json = ToJson(message);
  if (const auto* error = std::get_if<ApiError>(&json)) return call_->Fail(*error);
  for (auto& [name, value] : body_) {
    if (name == "messages") std::get<JsonArray>(value.data()).push_back(std::move(std::get<JsonValue>(json)));
  }
}

void LiveChat::TakeTurn(const v1::LiveTurn& turn) {
  if (turn.messages().empty()) {
    call_->Fail(BadParameter("messages", "'messages' is empty; give at least one message"));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::kAnswering) {
      waiting_ = turn;  // read no further: what comes next is about a later answer
      return;
    }
  }
  for (const v1::Message& message : turn.messages()) Add(message);
  Answer();
  ReadNext();
}

void LiveChat::Answer() {
  {
    const std::lock_guard lock(mutex_);
    if (client_done_ && call_->rpc().cancelled()) return;
    state_ = State::kAnswering;
    interrupted_ = false;
  }
  if (!api_.Admit(call_, /*open=*/false, /*loads=*/true)) return;
  api_.RunChat(call_, JsonValue(body_), [this](AnswerHead head, const ChatRequest&) {
    const auto self = shared_from_this();
    return MakeTurnSink(
        call_, std::move(head), [self] { return self->interrupted(); },
        [self](TurnEnd end) { self->OnTurnEnd(std::move(end)); });
  });
  if (interrupted()) call_->rpc().Interrupt();  // it came before there was something to interrupt
}

/// On the delivery thread.
void LiveChat::OnTurnEnd(TurnEnd end) {
  if (end.error) return call_->Fail(*end.error);
  Add(end.message);
  std::optional<v1::LiveTurn> next;
  bool done = false;
  bool draining = false;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::kIdle;
    next.swap(waiting_);
    done = client_done_;
    draining = draining_;
  }
  if (draining && (next || !done)) return call_->Fail(GoingAway());
  if (next) {
    api_.RunOnWorker(call_, [self = shared_from_this(), turn = std::move(*next)] { self->TakeTurn(turn); });
  } else if (done) {
    call_->Done();
  }
}

void LiveChat::Interrupt() {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kAnswering) return;  // the answer was over before the client knew
    interrupted_ = true;
  }
  call_->rpc().Interrupt();
}

bool LiveChat::interrupted() const {
  const std::lock_guard lock(mutex_);
  return interrupted_;
}

void LiveChat::OnDrain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    if (state_ == State::kAnswering) return;
  }
  call_->Fail(GoingAway());
}

void LiveChat::Fail(const std::string& message) {
  call_->Fail({.message = message});
}

}  // namespace bowhead::api
