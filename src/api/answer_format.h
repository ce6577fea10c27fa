// What all answers of generating routes have in common: their head, usage and timings, and streams of events.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/error.h"
#include "api/json.h"
#include "model/tokenizer/tokenizer.h"
#include "serving/generation.h"

namespace bowhead::api {

/// What every chunk and answer of a call carries, and what its choices need.
struct AnswerHead {
  std::string id;  // "chatcmpl-..."
  std::string model;
  std::string fingerprint;  // which build and generation of the model answered
  std::int64_t created = 0;
  int choices_per_prompt = 1;  // choice i belongs to prompt i / choices_per_prompt
  bool include_usage = false;  // streams: a last chunk with usage, "usage": null in the others
  int num_logprobs = -1;
  std::vector<std::string> echoes;  // completions with echo: the text of each prompt
  std::shared_ptr<const model::Tokenizer> tokenizer;
};

/// Now, in seconds since 1970.
std::int64_t UnixSeconds();

/// An object of that kind with the head's fields, open.
JsonWriter BeginAnswer(const AnswerHead& head, std::string_view object);

/// Ends a chunk that has its choice.
std::string EndChunk(const AnswerHead& head, JsonWriter json);

/// The tokens of a call; choices of one prompt share it.
struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompts
  int completion_tokens = 0;
};
Usage CountUsage(const std::vector<serving::ChoiceResult>& results, int choices_per_prompt);

/// Rates are 0 where there is nothing to measure.
struct Timings {
  double first_token_ms = 0.0;
  double decode_ms = 0.0;
  double prompt_tokens_per_second = 0.0;
  double completion_tokens_per_second = 0.0;
};
Timings MeasureTimings(const std::vector<serving::ChoiceResult>& results);

/// The "usage" of a call; `reasoning_tokens` below 0 leaves that detail out.
void WriteUsage(JsonWriter& json, const std::vector<serving::ChoiceResult>& results, int choices_per_prompt,
                int reasoning_tokens = -1);

/// Our own extension "bowhead"; official clients ignore it.
void WriteTimings(JsonWriter& json, const std::vector<serving::ChoiceResult>& results);

/// A logprob as JSON can have it.
double FiniteLogprob(float value);

/// "stop" or "length".
std::string_view FinishReasonName(engine::FinishReason reason);

/// The error that a choice ended with, if it did: the engine's, or that the server cut it short.
std::optional<ApiError> ErrorOf(const serving::ChoiceResult& result);

/// Server-sent events; an error in mid-stream is an event of its own, then "[DONE]". Once the client is gone it falls
/// silent; Call::OnDisconnect tells the one who has to cancel.
class EventStream {
 public:
  explicit EventStream(std::shared_ptr<Call> call) : call_(std::move(call)) {}

  void Begin() { call_->BeginEvents(); }
  void Write(const std::string& data);
  void Fail(const ApiError& error);
  void End();

  [[nodiscard]] bool gone() const { return gone_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  const std::shared_ptr<Call> call_;
  bool gone_ = false;
  bool failed_ = false;
};

}  // namespace bowhead::api
