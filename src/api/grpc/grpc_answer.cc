#include "api/grpc/grpc_answer.h"

#include <bowhead/v1/generate.pb.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace bowhead::api {

namespace {

using Kind = assistant::AnswerPart::Kind;

void SetHead(const AnswerHead& head, v1::AnswerHead& out) {
  out.set_id(head.id);
  out.set_model(head.model);
  out.set_system_fingerprint(head.fingerprint);
  out.set_created(head.created);
}

template <typename Delta>
void AddLogprobs(const AnswerHead& head, const std::vector<serving::PlacedToken>& tokens, Delta& delta) {
  if (head.num_logprobs < 0) return;
  const auto set = [&](v1::TokenLogprob& out, model::TokenId token, float logprob) {
    out.set_token_id(token);
    out.set_token(std::string(head.tokenizer->TokenBytes(token)));
    out.set_logprob(static_cast<float>(FiniteLogprob(logprob)));
  };
  for (const serving::PlacedToken& placed : tokens) {
    v1::TokenLogprob& out = *delta.add_logprobs();
    set(out, placed.token.token, placed.token.logprob);
    for (const engine::TokenLogprob& other : placed.token.top) set(*out.add_top(), other.token, other.logprob);
  }
}

v1::FinishReason ReasonOf(engine::FinishReason reason) {
  return reason == engine::FinishReason::kLength ? v1::FINISH_REASON_LENGTH : v1::FINISH_REASON_STOP;
}

template <typename Response>
void SetUsage(const AnswerHead& head, const std::vector<serving::ChoiceResult>& results, int reasoning_tokens,
              Response& response) {
  const Usage usage = CountUsage(results, head.choices_per_prompt);
  v1::Usage& out = *response.mutable_usage();
  out.set_prompt_tokens(usage.prompt_tokens);
  out.set_completion_tokens(usage.completion_tokens);
  out.set_total_tokens(usage.prompt_tokens + usage.completion_tokens);
  out.set_cached_tokens(usage.cached_tokens);
  out.set_reasoning_tokens(reasoning_tokens);
  const Timings timings = MeasureTimings(results);
  v1::Timings& times = *response.mutable_timings();
  times.set_time_to_first_token_ms(timings.first_token_ms);
  times.set_decode_ms(timings.decode_ms);
  times.set_prompt_tokens_per_second(timings.prompt_tokens_per_second);
  times.set_completion_tokens_per_second(timings.completion_tokens_per_second);
}

/// Sends the messages of one answer: the first has the head, the last the usage. What ends a choice waits for the next
/// message, so that the end of the last one and the usage are one.
template <typename Response>
class AnswerWriter {
 public:
  AnswerWriter(std::shared_ptr<RpcCall> call, AnswerHead head, int num_choices)
      : call_(std::move(call)), head_(std::move(head)), results_(static_cast<std::size_t>(num_choices)) {}

  [[nodiscard]] const AnswerHead& head() const { return head_; }
  [[nodiscard]] RpcCall& call() const { return *call_; }
  [[nodiscard]] const std::optional<ApiError>& error() const { return error_; }

  /// The message to add to; Send() it.
  Response& next() { return next_; }
  void Send() {
    const bool first = !std::exchange(begun_, true);
    if (first) SetHead(head_, *next_.mutable_head());
    call_->rpc().Write(next_, /*merge=*/!first);
    next_.Clear();
  }
  /// Adds the end of a choice; keeps its error, if it has one that is not to be passed over.
  void EndChoice(int choice, const serving::ChoiceResult& result, v1::FinishReason reason) {
    results_[static_cast<std::size_t>(choice)] = result;
    if (reason != v1::FINISH_REASON_INTERRUPTED && !error_) error_ = ErrorOf(result);
    auto& delta = *next_.add_choices();
    delta.set_index(choice);
    delta.set_finish_reason(reason);
  }
  /// Ends the answer, unless there was an error.
  void SendEnd(int reasoning_tokens) {
    if (error_) return;
    SetUsage(head_, results_, reasoning_tokens, next_);
    Send();
  }
  /// Ends the answer and the call.
  void EndCall(int reasoning_tokens) {
    SendEnd(reasoning_tokens);
    if (error_) {
      call_->Fail(*error_);
    } else {
      call_->Done();
    }
  }

 private:
  const std::shared_ptr<RpcCall> call_;
  const AnswerHead head_;
  Response next_;
  bool begun_ = false;
  std::optional<ApiError> error_;
  std::vector<serving::ChoiceResult> results_;
};

void SetPart(const AnswerHead& head, int choice, assistant::AnswerPart part, v1::ChatDelta& delta) {
  switch (part.kind) {
    case Kind::kContent:
      delta.set_content(std::move(part.text));
      return;
    case Kind::kReasoning:
      delta.set_reasoning_content(std::move(part.text));
      return;
    case Kind::kCallBegin:
      delta.mutable_tool_call()->set_index(part.call);
      delta.mutable_tool_call()->set_id(CallId(head, choice, part.call));
      delta.mutable_tool_call()->set_name(std::move(part.text));
      return;
    case Kind::kCallArguments:
      delta.mutable_tool_call()->set_index(part.call);
      delta.mutable_tool_call()->set_arguments(std::move(part.text));
      return;
  }
}

class ChatSink : public assistant::AnswerSink {
 public:
  ChatSink(std::shared_ptr<RpcCall> call, AnswerHead head, int num_choices)
      : writer_(std::move(call), std::move(head), num_choices) {}

  void OnStart() override {}

  void OnChunk(int choice, assistant::AnswerChunk chunk) override {
    const AnswerHead& head = writer_.head();
    const bool tokens_only = chunk.parts.empty() && head.num_logprobs >= 0 && !chunk.tokens.empty();
    if (tokens_only) chunk.parts.push_back({});
    if (chunk.parts.empty()) return;
    for (std::size_t i = 0; i < chunk.parts.size(); ++i) {
      v1::ChatDelta& delta = *writer_.next().add_choices();
      delta.set_index(choice);
      if (i == 0) AddLogprobs(head, chunk.tokens, delta);
      SetPart(head, choice, std::move(chunk.parts[i]), delta);
    }
    writer_.Send();
  }

  void OnChoiceDone(int choice, const assistant::AnswerResult& result) override {
    const bool called = result.num_calls > 0 && result.choice.reason == engine::FinishReason::kStop;
    EndChoice(choice, result, called ? v1::FINISH_REASON_TOOL_CALLS : ReasonOf(result.choice.reason));
  }

  void OnEnd() override { writer_.EndCall(reasoning_tokens_); }

 protected:
  void EndChoice(int choice, const assistant::AnswerResult& result, v1::FinishReason reason) {
    reasoning_tokens_ += result.reasoning_tokens;
    writer_.EndChoice(choice, result.choice, reason);
  }

  AnswerWriter<v1::ChatResponse> writer_;
  int reasoning_tokens_ = 0;
};

/// Also keeps the answer, for the turns that follow it.
class TurnSink final : public ChatSink {
 public:
  TurnSink(std::shared_ptr<RpcCall> call, AnswerHead head, std::function<bool()> interrupted,
           std::function<void(TurnEnd)> done)
      : ChatSink(std::move(call), std::move(head), 1), interrupted_(std::move(interrupted)), done_(std::move(done)) {
    message_.set_role("assistant");
    message_.set_content("");
  }

  void OnChunk(int choice, assistant::AnswerChunk chunk) override {
    for (const assistant::AnswerPart& part : chunk.parts) Keep(part);
    ChatSink::OnChunk(choice, std::move(chunk));
  }

  void OnChoiceDone(int choice, const assistant::AnswerResult& result) override {
    if (result.choice.reason == engine::FinishReason::kCancelled && interrupted_()) {
      EndChoice(choice, result, v1::FINISH_REASON_INTERRUPTED);
    } else {
      ChatSink::OnChoiceDone(choice, result);
    }
  }

  void OnEnd() override {
    writer_.SendEnd(reasoning_tokens_);
    done_({std::move(message_), writer_.error()});
  }

 private:
  void Keep(const assistant::AnswerPart& part) {
    switch (part.kind) {
      case Kind::kContent:
        message_.mutable_content()->append(part.text);
        return;
      case Kind::kReasoning:
        message_.mutable_reasoning_content()->append(part.text);
        return;
      case Kind::kCallBegin: {
        v1::ToolCall& call = *message_.add_tool_calls();
        call.set_id(CallId(writer_.head(), 0, part.call));
        call.set_type("function");
        call.mutable_function()->set_name(part.text);
        return;
      }
      case Kind::kCallArguments:
        message_.mutable_tool_calls(message_.tool_calls_size() - 1)
            ->mutable_function()
            ->mutable_arguments()
            ->append(part.text);
        return;
    }
  }

  const std::function<bool()> interrupted_;
  const std::function<void(TurnEnd)> done_;
  v1::Message message_;
};

class TextSink final : public serving::TextSink {
 public:
  TextSink(std::shared_ptr<RpcCall> call, AnswerHead head, int num_choices)
      : writer_(std::move(call), std::move(head), num_choices), num_choices_(num_choices) {}

  void OnStart() override {
    const AnswerHead& head = writer_.head();
    if (head.echoes.empty()) return;
    for (int i = 0; i < num_choices_; ++i) {
      v1::TextDelta& delta = *writer_.next().add_choices();
      delta.set_index(i);
      delta.set_text(head.echoes[static_cast<std::size_t>(i / head.choices_per_prompt)]);
    }
    writer_.Send();
  }

  void OnText(int choice, serving::TextPiece piece) override {
    if (piece.text.empty() && writer_.head().num_logprobs < 0) return;
    v1::TextDelta& delta = *writer_.next().add_choices();
    delta.set_index(choice);
    AddLogprobs(writer_.head(), piece.tokens, delta);
    delta.set_text(std::move(piece.text));
    writer_.Send();
  }

  void OnChoiceDone(int choice, const serving::ChoiceResult& result) override {
    writer_.EndChoice(choice, result, ReasonOf(result.reason));
  }

  void OnEnd() override { writer_.EndCall(0); }

 private:
  AnswerWriter<v1::GenerateResponse> writer_;
  const int num_choices_;
};

}  // namespace

std::shared_ptr<assistant::AnswerSink> MakeGrpcChatSink(std::shared_ptr<RpcCall> call, AnswerHead head,
                                                        int num_choices) {
  return std::make_shared<ChatSink>(std::move(call), std::move(head), num_choices);
}

std::shared_ptr<assistant::AnswerSink> MakeTurnSink(std::shared_ptr<RpcCall> call, AnswerHead head,
                                                    std::function<bool()> interrupted,
                                                    std::function<void(TurnEnd)> done) {
  return std::make_shared<TurnSink>(std::move(call), std::move(head), std::move(interrupted), std::move(done));
}

std::shared_ptr<serving::TextSink> MakeGrpcTextSink(std::shared_ptr<RpcCall> call, AnswerHead head, int num_choices) {
  return std::make_shared<TextSink>(std::move(call), std::move(head), num_choices);
}

}  // namespace bowhead::api
