// The parameters that every generating route shares.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "api/params.h"
#include "engine/backend.h"

namespace bowhead::api {

inline constexpr int kMaxChoices = 32;        // of one request
inline constexpr std::size_t kMaxStops = 16;  // OpenAI allows 4
inline constexpr std::size_t kMaxStopBytes = 1024;
inline constexpr int kMaxTopLogprobs = 20;
inline constexpr std::int64_t kMaxTokens = 1 << 24;

/// What ReadGenerationParams reads.
inline constexpr std::array kGenerationParams = {
    Honoured("model", schema::kString, "the served model answers where it is left out"),
    Honoured("max_tokens", schema::kTokenCount),
    Honoured("temperature", R"({"type":"number","minimum":0,"maximum":2})", "0 always takes the likeliest token"),
    Honoured("top_p", R"({"type":"number","exclusiveMinimum":0,"maximum":1})"),
    Honoured("top_k", R"({"type":"integer","minimum":-1,"maximum":2147483647})", "0 and -1 are off"),
    Honoured("min_p", R"({"type":"number","minimum":0,"maximum":1})"),
    Honoured("typical_p", R"({"type":"number","exclusiveMinimum":0,"maximum":1})"),
    Honoured("repeat_penalty", R"({"type":"number","exclusiveMinimum":0,"maximum":10})", "over prompt and answer"),
    Honoured("repetition_penalty", R"({"type":"number","exclusiveMinimum":0,"maximum":10})",
             "another name of repeat_penalty"),
    Honoured("presence_penalty", R"({"type":"number","minimum":-2,"maximum":2})", "over the answer"),
    Honoured("frequency_penalty", R"({"type":"number","minimum":-2,"maximum":2})", "over the answer"),
    Honoured("logit_bias", R"({"type":"object","propertyNames":{"pattern":"^[0-9]{1,9}$"},
        "additionalProperties":{"type":"number","minimum":-100,"maximum":100}})",
             "keys are ids of the vocabulary"),
    Honoured("seed", R"({"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807})",
             "the same seed gives the same answer, whoever else is served"),
    Honoured("n", R"({"type":"integer","minimum":1,"maximum":32})", "choice i has seed + i"),
    Honoured("stop", R"({"anyOf":[{"type":"string","minLength":1,"maxLength":1024},{"type":"array","maxItems":16,
        "items":{"type":"string","minLength":1,"maxLength":1024}}]})",
             "at most 1024 bytes each"),
    Honoured("ignore_eos", schema::kBool, "go on after the model's end token; for measuring"),
    Honoured("stream", schema::kBool),
    Honoured("stream_options", R"({"$ref":"#/components/schemas/StreamOptions"})", "needs stream"),
};

/// What clients send along and no answer depends on. CheckClientParams reads them.
inline constexpr std::array kClientParams = {
    Harmless("user", schema::kString),
    Harmless("safety_identifier", schema::kString),
    Harmless("prompt_cache_key", schema::kString, "the prefix cache needs no key"),
    Harmless("metadata", schema::kObject),
    Harmless("store", schema::kOnlyFalse, "answers of this route are not kept"),
    Harmless("service_tier", R"({"enum":["auto","default"]})"),
};

/// The object inside: StreamOptions.
std::span<const ParamTable> GenerationTables();

/// What a generating request asks for besides its prompt.
struct GenerationParams {
  std::string model;  // "" is the default
  engine::SamplingParams sampling;
  bool has_seed = false;
  int n = 1;
  int max_tokens = 0;  // 0: as many as fit
  std::vector<std::string> stops;
  bool ignore_eos = false;
  bool stream = false;
  bool include_usage = false;
};

/// Reads kGenerationParams, as far as the reader's table has them. Mistakes go to the reader.
GenerationParams ReadGenerationParams(ParamReader& reader);

/// Checks kClientParams but `store`. They change nothing here, but a wrong type tells that the client means something
/// else.
void CheckClientParams(ParamReader& reader);
/// `store`, on the routes that keep nothing.
void RefuseStore(ParamReader& reader);

/// Logit biases name tokens, so they can be checked only once the model is known.
void CheckLogitBias(ParamReader& reader, const GenerationParams& params, std::size_t vocab_size);

}  // namespace bowhead::api
