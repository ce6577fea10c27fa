// Chooses the next token from a row of logits.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "engine/backend.h"
#include "engine/logit_scan.h"
#include "grammar/token_mask.h"

namespace bowhead::engine {

/// Most alternatives that a request may ask for.
inline constexpr int kMaxLogprobs = 20;

/// Checks every field against the ranges that SamplingParams states. Errors: kInvalidArgument, naming the parameter.
base::Status CheckSamplingParams(const SamplingParams& params, int vocab_size);

/// Memory for Sample, to be used again for the next row; one per thread.
struct SamplerScratch {
  std::vector<float> logits;
  std::vector<float> allowed_logits;
  std::vector<TokenId> allowed;
  std::vector<float> keys;
  std::vector<float> weights;
  std::vector<double> block_sums;
  std::vector<Candidate> candidates;
};

/// One request's sampler. What it does to the logits, in this order:
///   0. tokens that the mask does not allow do not exist for what follows;
///   1. repeat penalty (tokens of prompt and answer: positive logits divided, others multiplied), presence and
///   frequency
///      penalty (tokens of the answer), logit bias;
///   2. temperature 0 (or below 1e-5): the largest, of equal ones the lowest token; else division by the temperature;
///   3. top-k; top-p of what is left; min-p relative to the likeliest; typical-p of what is left, each after
///      renormalising; every filter keeps at least one token, and of equal ones the lower tokens first;
///   4. a draw by inverse transform over the tokens in ascending order, with a random number that depends only on the
///      seed and the position. So neither batch mates nor preemption nor threads change an answer.
/// Logprobs are of the logits as they came. Not thread-safe.
class Sampler {
 public:
  /// `params` passed CheckSamplingParams.
  Sampler(SamplingParams params, std::span<const TokenId> prompt);

  /// `position` is where the new token will stand in the sequence. `mask`: which tokens may come, at least one; null
  /// for all. Errors: kInternal if a logit is not finite.
  base::Result<GeneratedToken> Sample(std::span<const float> logits, std::uint64_t position, SamplerScratch* scratch,
                                      const grammar::TokenMask* mask = nullptr) const;
  /// Tells which token was taken.
  void Accept(TokenId token);

 private:
  [[nodiscard]] bool changes_logits() const { return uses_penalties_ || !params_.logit_bias.empty(); }
  void ChangeLogits(std::span<float> logits) const;
  [[nodiscard]] TokenId Draw(std::span<const float> logits, const MaxScan& scan, double uniform,
                             SamplerScratch* scratch) const;
  /// Leaves the tokens that may be drawn in scratch->candidates, ascending, with their weights.
  void Filter(std::span<const float> logits, float max, SamplerScratch* scratch) const;
  void FilterTopP(double total, SamplerScratch* scratch) const;
  void FilterTypical(float max, SamplerScratch* scratch) const;
  void AddLogprobs(std::span<const float> logits, float max, SamplerScratch* scratch, GeneratedToken* token) const;

  SamplingParams params_;
  bool uses_penalties_;
  // Tokens seen so far, with their count in the answer; kept only if there are penalties.
  std::unordered_map<TokenId, int> counts_;
};

}  // namespace bowhead::engine
