// Microseconds per sampled token for a large vocabulary, by kind of sampling, as JSON.
//   sampler_bench [VOCABULARY] [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "engine/sampler.h"

namespace {

using bowhead::engine::Sampler;
using bowhead::engine::SamplerScratch;
using bowhead::engine::SamplingParams;

/// Median microseconds of one Sample call.
double Measure(const SamplingParams& params, const std::vector<float>& logits, int rounds) {
  const Sampler sampler(params, {});
  SamplerScratch scratch;
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (!sampler.Sample(logits, static_cast<std::uint64_t>(i), &scratch).ok()) return -1;
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  const int vocab = argc > 1 ? std::max(std::atoi(argv[1]), 1) : 262144;
  const int rounds = argc > 2 ? std::max(std::atoi(argv[2]), 1) : 51;
  std::printf("{\"vocabulary\": %d, \"microseconds\": [", vocab);
  const char* separator = "\n";
  // A model is sure of a few tokens; "flat" is the worst case, where nearly all stay in the running.
  for (const bool flat : {false, true}) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal(0, flat ? 0.05F : 2.5F);
    std::vector<float> logits(static_cast<std::size_t>(vocab));
    for (float& logit : logits) logit = normal(random);
    if (!flat) {
      for (std::size_t i = 0; i < logits.size(); i += 1 + logits.size() / 40) logits[i] += 12;
    }
    const auto report = [&](const char* kind, auto change) {
      SamplingParams params;
      change(params);
      std::printf("%s  {\"kind\": \"%s\", \"flat\": %s, \"us\": %.0f}", separator, kind, flat ? "true" : "false",
                  Measure(params, logits, rounds));
      separator = ",\n";
    };
    report("greedy", [](SamplingParams& p) { p.temperature = 0; });
    report("plain", [](SamplingParams&) {});
    report("top_k 40", [](SamplingParams& p) { p.top_k = 40; });
    report("top_p 0.95", [](SamplingParams& p) { p.top_p = 0.95F; });
    report("min_p 0.05", [](SamplingParams& p) { p.min_p = 0.05F; });
    report("typical_p 0.9", [](SamplingParams& p) { p.typical_p = 0.9F; });
    report("top_k 40, top_p 0.95, 5 logprobs", [](SamplingParams& p) {
      p.top_k = 40;
      p.top_p = 0.95F;
      p.num_logprobs = 5;
    });
  }
  std::printf("\n]}\n");
  return 0;
}
