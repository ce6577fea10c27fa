#include "assistant/tool_loop.h"

#include <exception>
#include <utility>

namespace bowhead::assistant {

namespace {

using Kind = AnswerPart::Kind;

void AddTo(serving::ChoiceResult& total, const serving::ChoiceResult& round) {
  total.reason = round.reason;
  total.status = round.status;
  total.stop = round.stop;
  total.prompt_tokens += round.prompt_tokens;
  total.cached_tokens += round.cached_tokens;
  total.completion_tokens += round.completion_tokens;
  if (total.first_token_seconds == 0.0) total.first_token_seconds = round.first_token_seconds;
  total.decode_seconds += round.decode_seconds;
}

}  // namespace

ToolLoop::ToolLoop(ToolLoopOptions options, std::shared_ptr<ServerTools> tools,
                   std::shared_ptr<serving::TaskQueue> threads, std::shared_ptr<AnswerSink> sink)
    : options_(std::move(options)), tools_(std::move(tools)), threads_(std::move(threads)), sink_(std::move(sink)) {}

void ToolLoop::OnStart() {
  if (!std::exchange(started_, true)) sink_->OnStart();
}

bool ToolLoop::Take(AnswerPart& part) {
  switch (part.kind) {
    case Kind::kContent:
      spoken_.content += part.text;
      return true;
    case Kind::kReasoning:
      spoken_.reasoning_content += part.text;
      return true;
    case Kind::kCallBegin:
      if (!tools_->Has(part.text)) {
        call_indexes_.push_back(client_calls_++);
      } else {
        call_indexes_.push_back(-1);
        calls_.push_back({.id = options_.new_id(), .name = part.text, .arguments = {}});
      }
      break;
    case Kind::kCallArguments:
      if (call_indexes_.back() < 0) calls_.back().arguments += part.text;
      break;
  }
  part.call = call_indexes_.back();
  return part.call >= 0;
}

void ToolLoop::OnChunk(int choice, AnswerChunk chunk) {
  std::vector<AnswerPart> shown;
  for (AnswerPart& part : chunk.parts) {
    if (Take(part)) shown.push_back(std::move(part));
  }
  const bool had_parts = !chunk.parts.empty();
  chunk.parts = std::move(shown);
  if (!chunk.parts.empty() || !had_parts || !chunk.tokens.empty()) sink_->OnChunk(choice, std::move(chunk));
}

void ToolLoop::OnChoiceDone(int /*choice*/, const AnswerResult& result) {
  AddTo(total_.choice, result.choice);
  total_.reasoning_tokens += result.reasoning_tokens;
  // A call that was cut, or an answer that failed, is not acted upon.
  if (result.choice.reason != engine::FinishReason::kStop) calls_.clear();
}

void ToolLoop::OnEnd() {
  if (calls_.empty()) {
    Finish(total_);
    return;
  }
  if (!threads_->Post([self = shared_from_this()] { self->RunCalls(); })) {
    Fail(base::Unavailable("the server is ending, or too many tools are running"));
  }
}

ToolOutput ToolLoop::RunCall(const ServerCall& call, int index) {
  if (index >= options_.max_calls_per_round) return {"too many calls at once; make fewer", true};
  try {
    return tools_->Run(call.name, call.arguments, stop_.get_token());
  } catch (const std::exception& error) {
    return {std::string("the call could not be made: ") + error.what(), true};
  }
}

void ToolLoop::RunCalls() {
  // The callback may outlive this answer in its connection, and must not keep the connection alive through it.
  options_.watch([stop = stop_]() mutable { stop.request_stop(); });
  std::vector<Message> results;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    const ServerCall& call = calls_[i];
    spoken_.tool_calls.push_back(options_.as_message(call));
    const ToolOutput output = RunCall(call, static_cast<int>(i));
    Message result{.role = "tool", .content = (output.failed ? "Error: " : "") + output.text};
    result.name = call.name;
    result.tool_call_id = call.id;
    results.push_back(std::move(result));
  }
  spoken_.role = "assistant";
  round_.added.push_back(std::move(spoken_));
  for (Message& result : results) round_.added.push_back(std::move(result));
  if (stop_.stop_requested()) {
    Fail(base::Cancelled("the client has gone"));
  } else if (client_calls_ > 0) {
    Finish(total_);
  } else {
    NextRound();
  }
}

void ToolLoop::NextRound() {
  spoken_ = {};
  calls_.clear();
  call_indexes_.clear();
  round_.offer_tools = ++rounds_ < options_.max_rounds;
  round_.used_tokens = total_.choice.completion_tokens;
  base::Status status;
  try {
    status = options_.next(round_, shared_from_this());
  } catch (const std::exception& error) {
    status = base::Internal(error.what());
  }
  if (!status.ok()) Fail(std::move(status));
}

void ToolLoop::Finish(const AnswerResult& result) {
  AnswerResult whole = result;
  whole.num_calls = client_calls_;
  sink_->OnChoiceDone(0, whole);
  sink_->OnEnd();
}

void ToolLoop::Fail(base::Status status) {
  total_.choice.reason =
      status.code() == base::StatusCode::kCancelled ? engine::FinishReason::kCancelled : engine::FinishReason::kError;
  total_.choice.status = std::move(status);
  Finish(total_);
}

}  // namespace bowhead::assistant
