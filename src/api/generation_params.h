// The parameters that every generating route shares.
#pragma once

#include <cstdint>
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

/// Reads what chat and completions have in common: model, temperature, top_p, top_k, min_p, typical_p, repeat_penalty,
/// repetition_penalty, presence_penalty, frequency_penalty, logit_bias, seed, n, stop, ignore_eos, max_tokens, stream,
/// stream_options, and the harmless ones. Mistakes go to the reader.
GenerationParams ReadGenerationParams(ParamReader& reader);

/// Logit biases name tokens, so they can be checked only once the model is known.
void CheckLogitBias(ParamReader& reader, const GenerationParams& params, std::size_t vocab_size);

}  // namespace bowhead::api
