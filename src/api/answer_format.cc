#include "api/answer_format.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <utility>

namespace bowhead::api {

namespace {

/// What OpenAI writes for a token that cannot be.
constexpr double kImpossible = -9999.0;

}  // namespace

std::int64_t UnixSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

JsonWriter BeginAnswer(const AnswerHead& head, std::string_view object) {
  JsonWriter json;
  json.BeginObject().Field("id", head.id).Field("object", object).Field("created", head.created);
  json.Field("model", head.model).Field("system_fingerprint", head.fingerprint);
  return json;
}

std::string EndChunk(const AnswerHead& head, JsonWriter json) {
  if (head.include_usage) json.Key("usage").Null();
  return json.EndObject().Take();
}

Usage CountUsage(const std::vector<serving::ChoiceResult>& results, int choices_per_prompt) {
  Usage usage;
  for (std::size_t i = 0; i < results.size(); ++i) {
    usage.completion_tokens += results[i].completion_tokens;
    if (i % static_cast<std::size_t>(choices_per_prompt) != 0) continue;
    usage.prompt_tokens += results[i].prompt_tokens;
    usage.cached_tokens += results[i].cached_tokens;
  }
  return usage;
}

Timings MeasureTimings(const std::vector<serving::ChoiceResult>& results) {
  double first = 0.0;
  double decode = 0.0;
  int prompt = 0;
  int steps = 0;
  for (const serving::ChoiceResult& result : results) {
    if (first == 0.0 || result.first_token_seconds < first) first = result.first_token_seconds;
    decode = std::max(decode, result.decode_seconds);
    prompt = std::max(prompt, result.prompt_tokens - result.cached_tokens);
    steps += std::max(0, result.completion_tokens - 1);
  }
  Timings timings{.first_token_ms = first * 1e3, .decode_ms = decode * 1e3};
  if (first > 0.0) timings.prompt_tokens_per_second = static_cast<double>(prompt) / first;
  if (decode > 0.0) timings.completion_tokens_per_second = static_cast<double>(steps) / decode;
  return timings;
}

void WriteUsage(JsonWriter& json, const std::vector<serving::ChoiceResult>& results, int choices_per_prompt,
                int reasoning_tokens) {
  const Usage usage = CountUsage(results, choices_per_prompt);
  json.Key("usage").BeginObject();
  json.Field("prompt_tokens", usage.prompt_tokens).Field("completion_tokens", usage.completion_tokens);
  json.Field("total_tokens", usage.prompt_tokens + usage.completion_tokens);
  json.Key("prompt_tokens_details").BeginObject().Field("cached_tokens", usage.cached_tokens).EndObject();
  if (reasoning_tokens >= 0) {
    json.Key("completion_tokens_details").BeginObject().Field("reasoning_tokens", reasoning_tokens).EndObject();
  }
  json.EndObject();
}

void WriteTimings(JsonWriter& json, const std::vector<serving::ChoiceResult>& results) {
  const Timings timings = MeasureTimings(results);
  json.Key("bowhead").BeginObject();
  json.Field("time_to_first_token_ms", timings.first_token_ms);
  json.Field("decode_ms", timings.decode_ms);
  if (timings.first_token_ms > 0.0) json.Field("prompt_tokens_per_second", timings.prompt_tokens_per_second);
  if (timings.decode_ms > 0.0) json.Field("completion_tokens_per_second", timings.completion_tokens_per_second);
  json.EndObject();
}

double FiniteLogprob(float value) {
  return std::isfinite(value) ? static_cast<double>(value) : kImpossible;
}

std::string_view FinishReasonName(engine::FinishReason reason) {
  return reason == engine::FinishReason::kLength ? "length" : "stop";
}

std::optional<ApiError> ErrorOf(const serving::ChoiceResult& result) {
  switch (result.reason) {
    case engine::FinishReason::kStop:
    case engine::FinishReason::kLength:
      return std::nullopt;
    case engine::FinishReason::kCancelled:
      return FromStatus(
          base::Unavailable("the answer was cut short: the server shuts down, or the client closed its side"));
    case engine::FinishReason::kError:
      return FromStatus(result.status.ok() ? base::Internal("the engine failed") : result.status);
  }
  return std::nullopt;
}

void EventStream::Write(const std::string& data) {
  if (!gone_) gone_ = !call_->WriteEvent(data);
}

void EventStream::Fail(const ApiError& error) {
  failed_ = true;
  call_->MarkFailed();
  Write(ErrorBody(error));
}

void EventStream::End() {
  Write("[DONE]");
  call_->EndEvents();
}

}  // namespace bowhead::api
