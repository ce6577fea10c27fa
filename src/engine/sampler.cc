#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "engine/hashing.h"
#include "engine/mass_prefix.h"

namespace bowhead::engine {
namespace {

constexpr float kGreedyBelow = 1e-5F;

base::Status CheckRange(const char* name, float value, float low, float high, bool low_allowed = true) {
  const bool inside = (low_allowed ? value >= low : value > low) && value <= high;  // false for NaN
  if (inside) return base::OkStatus();
  return base::InvalidArgument(std::string(name) + " must be " + (low_allowed ? "at least " : "above ") +
                               std::to_string(low) + " and at most " + std::to_string(high) + ", not " +
                               std::to_string(value));
}

double SumWeights(const std::vector<Candidate>& candidates) {
  double total = 0;
  for (const Candidate& candidate : candidates) total += double{candidate.weight};
  return total;
}

/// Gives every candidate its weight exp((logit - max) * scale).
void Weigh(float max, float scale, SamplerScratch* scratch) {
  const std::size_t count = scratch->candidates.size();
  scratch->keys.resize(count);
  scratch->weights.resize(count);
  for (std::size_t i = 0; i < count; ++i) scratch->keys[i] = scratch->candidates[i].logit;
  ExpAll(scratch->keys, max, scale, scratch->weights);
  for (std::size_t i = 0; i < count; ++i) scratch->candidates[i].weight = scratch->weights[i];
}

/// The index where the running sum of weights passes `target`; the last one that has any weight if rounding prevents
/// it.
template <class WeightAt>
std::size_t PassIndex(std::size_t count, double target, WeightAt weight_at) {
  double passed = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double weight = weight_at(i);
    if (weight <= 0) continue;
    passed += weight;
    last = i;
    if (passed > target) break;
  }
  return last;
}

/// A draw from the whole vocabulary: first the block, then the token in it.
TokenId DrawUnfiltered(std::span<const float> logits, float max, float scale, double uniform, SamplerScratch* scratch) {
  const double total = SumExp(logits, max, scale, &scratch->block_sums);
  double target = uniform * total;
  const auto& sums = scratch->block_sums;
  const std::size_t block = PassIndex(sums.size(), target, [&](std::size_t i) { return sums[i]; });
  for (std::size_t i = 0; i < block; ++i) target -= sums[i];
  const std::size_t begin = block * kSumBlock;
  const auto values = logits.subspan(begin, std::min(kSumBlock, logits.size() - begin));
  scratch->weights.resize(values.size());
  ExpAll(values, max, scale, scratch->weights);
  const std::size_t index =
      PassIndex(values.size(), target, [&](std::size_t i) { return double{scratch->weights[i]}; });
  return static_cast<TokenId>(begin + index);
}

}  // namespace

base::Status CheckSamplingParams(const SamplingParams& params, int vocab_size) {
  const base::Status checks[] = {
      CheckRange("temperature", params.temperature, 0, 1e6F),
      CheckRange("top_k", static_cast<float>(params.top_k), 0, 2147483648.0F),
      CheckRange("top_p", params.top_p, 0, 1, false),
      CheckRange("min_p", params.min_p, 0, 1),
      CheckRange("typical_p", params.typical_p, 0, 1, false),
      CheckRange("repeat_penalty", params.repeat_penalty, 0, 1e6F, false),
      CheckRange("presence_penalty", params.presence_penalty, -2, 2),
      CheckRange("frequency_penalty", params.frequency_penalty, -2, 2),
  };
  for (const base::Status& status : checks) {
    if (!status.ok()) return status;
  }
  if (params.num_logprobs < -1 || params.num_logprobs > kMaxLogprobs) {
    return base::InvalidArgument("logprobs must be at most " + std::to_string(kMaxLogprobs) + ", not " +
                                 std::to_string(params.num_logprobs));
  }
  for (const auto& [token, bias] : params.logit_bias) {
    if (token < 0 || token >= vocab_size) {
      return base::InvalidArgument("logit_bias names token " + std::to_string(token) + "; the model has tokens 0 to " +
                                   std::to_string(vocab_size - 1));
    }
    if (!(std::abs(bias) <= 1e6F)) {
      return base::InvalidArgument("logit_bias of token " + std::to_string(token) + " is not a usable number");
    }
  }
  return base::OkStatus();
}

Sampler::Sampler(SamplingParams params, std::span<const TokenId> prompt)
    : params_(std::move(params)),
      uses_penalties_(params_.repeat_penalty != 1.0F || params_.presence_penalty != 0.0F ||
                      params_.frequency_penalty != 0.0F) {
  if (params_.repeat_penalty == 1.0F) return;
  for (const TokenId token : prompt) counts_.try_emplace(token, 0);
}

void Sampler::Accept(TokenId token) {
  if (uses_penalties_) ++counts_[token];
}

void Sampler::ChangeLogits(std::span<float> logits) const {
  for (const auto& [token, count] : counts_) {
    const auto index = static_cast<std::size_t>(token);
    if (index >= logits.size()) continue;
    float& logit = logits[index];
    logit = logit > 0 ? logit / params_.repeat_penalty : logit * params_.repeat_penalty;
    if (count > 0) logit -= params_.presence_penalty + params_.frequency_penalty * static_cast<float>(count);
  }
  for (const auto& [token, bias] : params_.logit_bias) logits[static_cast<std::size_t>(token)] += bias;
}

base::Result<GeneratedToken> Sampler::Sample(std::span<const float> logits, std::uint64_t position,
                                             SamplerScratch* scratch, const grammar::TokenMask* mask) const {
  if (logits.empty()) return base::Internal("no logits to sample from");
  const MaxScan raw = ScanMax(logits);
  if (!raw.finite) {
    return base::Internal(
        "the model computed values that are not finite; its file is damaged, or it has to run in a "
        "wider type");
  }
  std::span<const float> changed = logits;
  MaxScan scan = raw;
  if (changes_logits()) {
    scratch->logits.assign(logits.begin(), logits.end());
    ChangeLogits(scratch->logits);
    changed = scratch->logits;
    scan = ScanMax(changed);
    if (!scan.finite) return base::Internal("penalties or logit_bias pushed a logit out of the range of numbers");
  }
  if (mask != nullptr) {
    // A row of the allowed tokens alone, ascending: all filters then see these only.
    scratch->allowed.clear();
    scratch->allowed_logits.clear();
    mask->ForEach([&](TokenId id) {
      scratch->allowed.push_back(id);
      scratch->allowed_logits.push_back(changed[static_cast<std::size_t>(id)]);
    });
    if (scratch->allowed.empty()) return base::Internal("the constraint allows no token");
    changed = scratch->allowed_logits;
    scan = ScanMax(changed);
  }
  GeneratedToken token;
  token.token =
      params_.temperature < kGreedyBelow ? scan.index : Draw(changed, scan, UniformAt(params_.seed, position), scratch);
  if (mask != nullptr) token.token = scratch->allowed[static_cast<std::size_t>(token.token)];
  if (params_.num_logprobs >= 0) AddLogprobs(logits, raw.max, scratch, &token);
  return token;
}

TokenId Sampler::Draw(std::span<const float> logits, const MaxScan& scan, double uniform,
                      SamplerScratch* scratch) const {
  const float scale = 1.0F / params_.temperature;
  const bool top_k = params_.top_k > 0 && static_cast<std::size_t>(params_.top_k) < logits.size();
  if (!top_k && params_.top_p >= 1 && params_.min_p <= 0 && params_.typical_p >= 1) {
    return DrawUnfiltered(logits, scan.max, scale, uniform, scratch);
  }
  if (params_.top_k == 1) return scan.index;
  Filter(logits, scan.max, scratch);
  const auto& candidates = scratch->candidates;
  const std::size_t index = PassIndex(candidates.size(), uniform * SumWeights(candidates),
                                      [&](std::size_t i) { return double{candidates[i].weight}; });
  return candidates[index].token;
}

void Sampler::Filter(std::span<const float> logits, float max, SamplerScratch* scratch) const {
  const float scale = 1.0F / params_.temperature;
  auto& candidates = scratch->candidates;
  const bool top_p = params_.top_p < 1;
  double total = 0;
  if (params_.top_k > 0 && static_cast<std::size_t>(params_.top_k) < logits.size()) {
    CollectLargest(logits, static_cast<std::size_t>(params_.top_k), &candidates);
    std::ranges::sort(candidates, {}, &Candidate::token);
    Weigh(max, scale, scratch);
    total = SumWeights(candidates);
  } else if (top_p) {
    // What is further than `reach` below the likeliest weighs less, all together, than top-p leaves away: every such
    // token has a weight below (1 - top_p) / vocabulary, and the total is at least 1, the weight of the likeliest.
    const double reach = std::log(static_cast<double>(logits.size()) / (1.0 - double{params_.top_p})) + 0.01;
    CollectAtLeast(logits, static_cast<float>(double{max} - reach * double{params_.temperature}), &candidates);
    Weigh(max, scale, scratch);
    total = SumExp(logits, max, scale, &scratch->block_sums);
  } else {
    // min-p can be done at once; the margin is for its rounding, the exact test comes below.
    const double reach = params_.min_p > 0 ? -std::log(double{params_.min_p}) + 0.01 : 100.0;
    CollectAtLeast(logits, static_cast<float>(double{max} - reach * double{params_.temperature}), &candidates);
    Weigh(max, scale, scratch);
  }
  if (top_p) FilterTopP(total, scratch);
  if (params_.min_p > 0) {
    std::erase_if(candidates, [&](const Candidate& candidate) { return candidate.weight < params_.min_p; });
  }
  if (params_.typical_p < 1) FilterTypical(max, scratch);
}

void Sampler::FilterTopP(double total, SamplerScratch* scratch) const {
  auto& keys = scratch->keys;
  keys.resize(scratch->candidates.size());
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = -scratch->candidates[i].logit;
  KeepMassPrefix(keys, double{params_.top_p} * total, &scratch->candidates);
}

/// Locally typical sampling (arXiv 2202.00666): first those whose surprise is nearest to the expected one.
void Sampler::FilterTypical(float max, SamplerScratch* scratch) const {
  auto& candidates = scratch->candidates;
  const double total = SumWeights(candidates);
  // The logarithm of a weight, without taking one.
  const auto log_weight = [max, scale = 1.0 / double{params_.temperature}](const Candidate& candidate) {
    return (double{candidate.logit} - double{max}) * scale;
  };
  double mean = 0;
  for (const Candidate& candidate : candidates) mean += double{candidate.weight} * log_weight(candidate);
  mean /= total;
  auto& keys = scratch->keys;
  keys.resize(candidates.size());
  // A token's surprise is log(total) - log_weight, the expected one log(total) - mean.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = static_cast<float>(std::abs(mean - log_weight(candidates[i])));
  }
  KeepMassPrefix(keys, double{params_.typical_p} * total, &candidates);
}

void Sampler::AddLogprobs(std::span<const float> logits, float max, SamplerScratch* scratch,
                          GeneratedToken* token) const {
  const double log_sum = double{max} + std::log(SumExp(logits, max, 1.0F, &scratch->block_sums));
  const auto logprob = [&](float logit) { return static_cast<float>(std::min(double{logit} - log_sum, 0.0)); };
  token->logprob = logprob(logits[static_cast<std::size_t>(token->token)]);
  if (params_.num_logprobs == 0) return;
  CollectLargest(logits, static_cast<std::size_t>(params_.num_logprobs), &scratch->candidates);
  std::ranges::sort(scratch->candidates, [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
  });
  for (const Candidate& candidate : scratch->candidates) {
    token->top.push_back(TokenLogprob{candidate.token, logprob(candidate.logit)});
  }
}

}  // namespace bowhead::engine
