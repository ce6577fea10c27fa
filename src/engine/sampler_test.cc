#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "engine/hashing.h"
#include "engine/mass_prefix.h"

namespace bowhead::engine {
namespace {

std::vector<float> RandomLogits(std::size_t count, unsigned seed, float spread = 3) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

/// The documented transformations in double precision with plain sorts. Returns the probabilities.
std::vector<double> Reference(const std::vector<float>& logits, const SamplingParams& params,
                              const std::vector<TokenId>& prompt = {}, const std::vector<TokenId>& answer = {}) {
  std::vector<double> x(logits.begin(), logits.end());
  std::map<TokenId, int> counts;
  for (const TokenId token : prompt) counts[token];
  for (const TokenId token : answer) ++counts[token];
  for (const auto& [token, count] : counts) {
    double& value = x[static_cast<std::size_t>(token)];
    value = value > 0 ? value / double{params.repeat_penalty} : value * double{params.repeat_penalty};
    if (count > 0) value -= double{params.presence_penalty} + count * double{params.frequency_penalty};
  }
  for (const auto& [token, bias] : params.logit_bias) x[static_cast<std::size_t>(token)] += double{bias};
  std::vector<std::size_t> order(x.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] > x[b]; });
  std::vector<double> p(x.size(), 0);
  if (params.temperature == 0) {
    p[order[0]] = 1;
    return p;
  }
  const double max = x[order[0]];
  const auto weight = [&](std::size_t i) { return std::exp((x[i] - max) / double{params.temperature}); };
  const auto total = [&] {
    double sum = 0;
    for (const std::size_t i : order) sum += weight(i);
    return sum;
  };
  const auto keep_mass = [&](double share) {
    const double goal = share * total();
    double sum = 0;
    std::size_t count = 0;
    while (count < order.size() && sum < goal) sum += weight(order[count++]);
    order.resize(std::max<std::size_t>(count, 1));
  };
  if (params.top_k > 0 && order.size() > static_cast<std::size_t>(params.top_k)) {
    order.resize(static_cast<std::size_t>(params.top_k));
  }
  if (params.top_p < 1) keep_mass(double{params.top_p});
  std::erase_if(order, [&](std::size_t i) { return weight(i) < double{params.min_p}; });
  if (params.typical_p < 1) {
    const double sum = total();
    double entropy = 0;
    for (const std::size_t i : order) entropy -= weight(i) / sum * std::log(weight(i) / sum);
    std::sort(order.begin(), order.end());
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::abs(-std::log(weight(a) / sum) - entropy) < std::abs(-std::log(weight(b) / sum) - entropy);
    });
    keep_mass(double{params.typical_p});
  }
  const double sum = total();
  for (const std::size_t i : order) p[i] = weight(i) / sum;
  return p;
}

TokenId ReferenceDraw(const std::vector<double>& p, double uniform) {
  double sum = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] <= 0) continue;
    sum += p[i];
    last = i;
    if (sum > uniform) break;
  }
  return static_cast<TokenId>(last);
}

TokenId Draw(const Sampler& sampler, const std::vector<float>& logits, std::uint64_t position) {
  SamplerScratch scratch;
  const auto token = sampler.Sample(logits, position, &scratch);
  EXPECT_TRUE(token.ok()) << token.status().ToString();
  return token.ok() ? token->token : -1;
}

/// Compares many draws with the reference; borders of intervals may differ by rounding, so a few misses are let pass.
void ExpectLikeReference(const SamplingParams& base, std::size_t vocab, float spread, const char* what) {
  int misses = 0;
  for (unsigned seed = 0; seed < 8; ++seed) {
    SamplingParams params = base;
    params.seed = seed;
    const auto logits = RandomLogits(vocab, seed, spread);
    const Sampler sampler(params, {});
    const auto p = Reference(logits, params);
    for (std::uint64_t position = 0; position < 40; ++position) {
      const TokenId token = Draw(sampler, logits, position);
      if (token != ReferenceDraw(p, UniformAt(seed, position))) ++misses;
      EXPECT_GT(p[static_cast<std::size_t>(token)], 0) << what << ": a token that was filtered out";
    }
  }
  EXPECT_LE(misses, 2) << what;
}

TEST(Sampler, FiltersLikeTheDoublePrecisionReference) {
  for (const std::size_t vocab : {std::size_t{5}, std::size_t{1000}, std::size_t{5003}}) {
    for (const float spread : {0.2F, 3.0F}) {
      SamplingParams params;
      ExpectLikeReference(params, vocab, spread, "plain");
      params.temperature = 0.7F;
      params.top_k = 40;
      ExpectLikeReference(params, vocab, spread, "top-k");
      params.top_p = 0.9F;
      ExpectLikeReference(params, vocab, spread, "top-k, top-p");
      params.top_k = 0;
      ExpectLikeReference(params, vocab, spread, "top-p");
      params.min_p = 0.05F;
      ExpectLikeReference(params, vocab, spread, "top-p, min-p");
      params.typical_p = 0.8F;
      ExpectLikeReference(params, vocab, spread, "top-p, min-p, typical");
      params.top_p = 1;
      params.min_p = 0;
      ExpectLikeReference(params, vocab, spread, "typical");
      params.typical_p = 1;
      params.min_p = 0.1F;
      params.temperature = 1.7F;
      ExpectLikeReference(params, vocab, spread, "min-p");
    }
  }
}

TEST(Sampler, FrequenciesMatchTheDistribution) {
  const std::vector<float> logits = {2.0F, 1.0F, 0.0F, -1.0F, 1.5F, -3.0F, 0.3F};
  SamplingParams params;
  for (const float temperature : {0.5F, 1.0F, 2.0F}) {
    params.temperature = temperature;
    params.seed = 1234;
    const Sampler sampler(params, {});
    const auto p = Reference(logits, params);
    constexpr int kDraws = 100000;
    std::vector<int> counts(logits.size(), 0);
    for (int i = 0; i < kDraws; ++i) {
      ++counts[static_cast<std::size_t>(Draw(sampler, logits, static_cast<std::uint64_t>(i)))];
    }
    double chi_squared = 0;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double expected = p[i] * kDraws;
      chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    EXPECT_LT(chi_squared, 22.5) << temperature;  // 6 degrees of freedom, p = 0.001
  }
}

TEST(Sampler, RandomNumbersAreUniformOverSeedsAndPositions) {
  for (const bool over_seeds : {false, true}) {
    std::vector<int> counts(100, 0);
    double serial = 0;
    double previous = 0.5;
    constexpr int kDraws = 100000;
    for (int i = 0; i < kDraws; ++i) {
      const auto n = static_cast<std::uint64_t>(i);
      const double u = over_seeds ? UniformAt(n, 3) : UniformAt(3, n);
      ASSERT_GE(u, 0);
      ASSERT_LT(u, 1);
      ++counts[static_cast<std::size_t>(u * 100)];
      serial += (u - 0.5) * (previous - 0.5);
      previous = u;
    }
    double chi_squared = 0;
    for (const int count : counts) chi_squared += (count - 1000.0) * (count - 1000.0) / 1000;
    EXPECT_LT(chi_squared, 149);  // 99 degrees of freedom, p = 0.001
    EXPECT_LT(std::abs(serial / kDraws * 12), 0.012);
  }
}

TEST(Sampler, PenaltiesAndBiasLikeTheReference) {
  const auto logits = RandomLogits(50, 5);
  const std::vector<TokenId> prompt = {1, 2, 3, 3, 7};
  const std::vector<TokenId> answer = {3, 9, 9, 9, 12};
  SamplingParams params;
  params.repeat_penalty = 1.3F;
  params.presence_penalty = 0.4F;
  params.frequency_penalty = 0.6F;
  params.logit_bias = {{20, 3.0F}, {9, 1.0F}};
  for (const float temperature : {0.0F, 1.0F}) {
    params.temperature = temperature;
    Sampler sampler(params, prompt);
    for (const TokenId token : answer) sampler.Accept(token);
    const auto p = Reference(logits, params, prompt, answer);
    int misses = 0;
    for (std::uint64_t i = 0; i < 300; ++i) {
      if (Draw(sampler, logits, i) != ReferenceDraw(p, UniformAt(0, i))) ++misses;
    }
    EXPECT_LE(misses, 1);
  }
  // Presence and frequency look at the answer only.
  params = SamplingParams();
  params.temperature = 0;
  params.presence_penalty = 2;
  const Sampler sampler(params, std::vector<TokenId>{4});
  EXPECT_EQ(Draw(sampler, {0, 0, 0, 0, 1}, 0), 4);
}

TEST(Sampler, GreedyTakesTheLowestOfEqualTokens) {
  SamplingParams params;
  params.temperature = 0;
  const Sampler sampler(params, {});
  for (std::size_t size = 1; size < 70; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::vector<float> logits(size, -5.0F);
      logits[at] = 2.0F;
      logits[size - 1] = 2.0F;
      EXPECT_EQ(Draw(sampler, logits, 0), static_cast<TokenId>(at));
    }
  }
  EXPECT_EQ(Draw(sampler, std::vector<float>(100, 1.0F), 0), 0);
}

TEST(Sampler, TopKOfEqualTokensKeepsTheLowest) {
  SamplingParams params;
  params.top_k = 3;
  const Sampler sampler(params, {});
  const std::vector<float> logits(500, 1.0F);
  std::map<TokenId, int> seen;
  for (std::uint64_t i = 0; i < 300; ++i) ++seen[Draw(sampler, logits, i)];
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen.rbegin()->first, 2);
}

TEST(Sampler, FiltersThatRemoveNothingChangeNothing) {
  const auto logits = RandomLogits(3000, 8, 1);
  int differences = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    SamplingParams params;
    params.seed = i;
    const TokenId plain = Draw(Sampler(params, {}), logits, i);
    params.min_p = 1e-30F;
    if (Draw(Sampler(params, {}), logits, i) != plain) ++differences;
  }
  EXPECT_LE(differences, 1);
}

TEST(Sampler, ExtremeButFiniteLogitsWork) {
  const float big = std::numeric_limits<float>::max();
  for (const float temperature : {0.0F, 1e-6F, 1e-4F, 1.0F, 1e6F}) {
    for (int filter = 0; filter < 5; ++filter) {
      SamplingParams params;
      params.temperature = temperature;
      if (filter == 1) params.top_k = 2;
      if (filter == 2) params.top_p = 0.5F;
      if (filter == 3) params.min_p = 1.0F;
      if (filter == 4) params.typical_p = 0.01F;
      params.num_logprobs = 3;
      const Sampler sampler(params, {});
      for (std::uint64_t i = 0; i < 20; ++i) {
        EXPECT_EQ(Draw(sampler, {-big, big, -big, 0, -big}, i), 1);
        const TokenId token = Draw(sampler, {7.0F}, i);
        EXPECT_EQ(token, 0);
      }
    }
  }
}

TEST(Sampler, LogitsThatAreNotFiniteAreAnError) {
  const Sampler sampler(SamplingParams{}, {});
  SamplerScratch scratch;
  const float inf = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), inf, -inf}) {
    for (std::size_t at = 0; at < 67; ++at) {
      std::vector<float> logits(67, 1.0F);
      logits[at] = bad;
      EXPECT_FALSE(sampler.Sample(logits, 0, &scratch).ok()) << bad << " at " << at;
    }
  }
}

TEST(Sampler, LogprobsAreOfTheRawDistribution) {
  const auto logits = RandomLogits(2000, 3);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  SamplingParams params;
  params.temperature = 0.3F;
  params.top_k = 5;
  params.repeat_penalty = 2;
  params.logit_bias = {{77, 100.0F}};
  params.num_logprobs = 20;
  const Sampler sampler(params, std::vector<TokenId>{1, 2, 3});
  SamplerScratch scratch;
  const auto token = sampler.Sample(logits, 0, &scratch);
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->token, 77);
  EXPECT_NEAR(token->logprob, double{logits[77]} - std::log(sum), 1e-4);
  ASSERT_EQ(token->top.size(), 20U);
  auto sorted = logits;
  std::sort(sorted.rbegin(), sorted.rend());
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(logits[static_cast<std::size_t>(token->top[i].token)], sorted[i]);
    EXPECT_NEAR(token->top[i].logprob, double{sorted[i]} - std::log(sum), 1e-4);
  }
  params.num_logprobs = 0;
  EXPECT_TRUE(Sampler(params, {}).Sample(logits, 0, &scratch)->top.empty());
}

TEST(LogitScan, ExpIsAccurate) {
  std::vector<float> values;
  for (int i = 0; i <= 9000; ++i) values.push_back(static_cast<float>(-i) * 0.01F);
  std::vector<float> out(values.size());
  ExpAll(values, 0, 1, out);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double exact = std::exp(double{values[i]});
    if (values[i] > -87) {
      EXPECT_NEAR(double{out[i]} / exact, 1, 4e-7) << values[i];
    } else if (values[i] < -87.001F) {
      EXPECT_EQ(out[i], 0) << values[i];
    }
  }
  EXPECT_EQ(out[0], 1.0F);
}

TEST(LogitScan, CollectLargestLikeASort) {
  for (const std::size_t size : {1U, 7U, 16U, 1000U, 4099U}) {
    for (const std::size_t count : {1U, 2U, 20U, 500U, 5000U}) {
      auto values = RandomLogits(size, static_cast<unsigned>(size + count));
      for (float& value : values) value = std::round(value * 4) / 4;  // many equal ones
      std::vector<Candidate> largest;
      CollectLargest(values, count, &largest);
      std::vector<std::int32_t> order(size);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
        return values[static_cast<std::size_t>(a)] > values[static_cast<std::size_t>(b)];
      });
      order.resize(std::min(count, size));
      std::sort(order.begin(), order.end());
      std::vector<std::int32_t> got;
      for (const Candidate& candidate : largest) got.push_back(candidate.token);
      std::sort(got.begin(), got.end());
      EXPECT_EQ(got, order) << size << " " << count;
    }
  }
}

TEST(MassPrefix, LikeASort) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const std::size_t size = 1 + random() % 5000;
    std::vector<Candidate> candidates(size);
    std::vector<float> keys(size);
    double total = 0;
    for (std::size_t i = 0; i < size; ++i) {
      // Outliers, plateaus and a smooth part.
      keys[i] = i == 0 ? -1e6F : (round % 3 == 0 ? 1.0F : static_cast<float>(random() % 1000) * 1e-3F);
      candidates[i] = Candidate{0, static_cast<std::int32_t>(i), static_cast<float>(1 + random() % 8)};
      total += double{candidates[i].weight};
    }
    const double mass = total * (round % 11) / 10.0;
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
    std::vector<std::int32_t> expected;
    double sum = 0;
    for (const std::size_t i : order) {
      expected.push_back(static_cast<std::int32_t>(i));
      sum += double{candidates[i].weight};
      if (sum >= mass) break;
    }
    std::sort(expected.begin(), expected.end());
    KeepMassPrefix(keys, mass, &candidates);
    std::vector<std::int32_t> got;
    for (const Candidate& candidate : candidates) got.push_back(candidate.token);
    EXPECT_EQ(got, expected) << round;
  }
}

TEST(CheckSamplingParams, NamesWhatIsWrong) {
  const auto message = [](auto change) {
    SamplingParams params;
    change(params);
    return CheckSamplingParams(params, 100).message();
  };
  EXPECT_EQ(message([](SamplingParams&) {}), "");
  EXPECT_NE(message([](SamplingParams& p) { p.temperature = -1; }).find("temperature"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.top_p = 0; }).find("top_p"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.top_k = -1; }).find("top_k"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.min_p = 1.5F; }).find("min_p"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.typical_p = 0; }).find("typical_p"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.repeat_penalty = 0; }).find("repeat_penalty"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.presence_penalty = 3; }).find("presence_penalty"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.frequency_penalty = -3; }).find("frequency"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.num_logprobs = 21; }).find("logprobs"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.logit_bias = {{100, 1.0F}}; }).find("100"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.logit_bias = {{1, std::nanf("")}}; }).find("bias"), std::string::npos);
  EXPECT_NE(message([](SamplingParams& p) { p.top_p = std::nanf(""); }).find("top_p"), std::string::npos);
}

}  // namespace
}  // namespace bowhead::engine
