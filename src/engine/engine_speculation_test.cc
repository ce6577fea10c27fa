// Speculation changes how fast answers come and nothing about them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/engine.h"
#include "engine/speculation/draft_model.h"
#include "engine/testing/collectors.h"
#include "engine/testing/fake_model.h"

namespace bowhead::engine {
namespace {

using testing::Collector;
using testing::ExpectedAnswer;
using testing::FakeControls;
using testing::kFakeEos;

constexpr int kPeriod = 23;

class EngineSpeculationTest : public ::testing::Test {
 protected:
  void Start(std::int64_t blocks, EngineOptions options = {}, int delay_us = 100) {
    controls_->period = kPeriod;
    controls_->delay_us = delay_us;  // a step costs the same for any number of tokens: guesses pay
    options.max_batch_tokens = 256;
    std::unique_ptr<Drafter> draft;
    if (draft_blocks_ > 0) {
      auto model = std::make_unique<testing::FakeTransformer>(draft_blocks_, 2048, draft_controls_);
      draft = std::make_unique<DraftModel>(std::move(model), testing::kFakeVocab);
    }
    auto engine = Engine::Create(options, std::make_unique<testing::FakeTransformer>(blocks, 2048, controls_),
                                 std::make_unique<testing::FakeTokenizer>(), ModelInfo{}, std::move(draft));
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(engine).value();
  }
  void TearDown() override {
    engine_.reset();
    EXPECT_EQ(controls_->violations, 0);
    EXPECT_EQ(draft_controls_->violations, 0);
  }
  /// Two dozen requests of all kinds at once; their answers must be those of the model alone.
  void ExpectRightAnswers() {
    std::vector<std::shared_ptr<Collector>> collectors;
    std::vector<std::vector<TokenId>> expected;
    for (int i = 0; i < 24; ++i) {
      GenerateRequest request = Request(i, 1 + i * 5, 60 + i * 5);
      request.sampling.temperature = i % 3 == 0 ? 0.0F : 0.5F + 0.1F * static_cast<float>(i % 7);
      request.sampling.top_p = i % 2 == 0 ? 1.0F : 0.9F;
      request.sampling.frequency_penalty = i % 5 == 0 ? 0.3F : 0.0F;
      request.sampling.repeat_penalty = i % 7 == 0 ? 1.2F : 1.0F;
      request.priority = i % 4 == 0 ? Priority::kBatch : Priority::kInteractive;
      request.tenant = std::to_string(i % 3);
      expected.push_back(ExpectedAnswer(request.prompt, request.sampling, request.max_tokens, kPeriod));
      collectors.push_back(Submit(request));
    }
    for (std::size_t i = 0; i < collectors.size(); ++i) {
      const FinishInfo info = collectors[i]->Wait();
      EXPECT_EQ(info.reason, FinishReason::kLength);
      EXPECT_EQ(info.completion_tokens, static_cast<int>(expected[i].size()));
      EXPECT_EQ(collectors[i]->tokens(), expected[i]) << i;
    }
    EXPECT_EQ(engine_->Stats().kv_blocks_used, 0);
  }
  std::shared_ptr<Collector> Submit(const GenerateRequest& request) {
    auto collector = std::make_shared<Collector>();
    const auto id = engine_->Submit(request, collector);
    EXPECT_TRUE(id.ok()) << id.status().ToString();
    return collector;
  }
  static GenerateRequest Request(int salt, int prompt_tokens, int max_tokens) {
    GenerateRequest request;
    for (int i = 0; i < prompt_tokens; ++i) {
      request.prompt.push_back(static_cast<TokenId>(MixBits(static_cast<std::uint64_t>(salt * 1000 + i)) % 90));
    }
    request.max_tokens = max_tokens;
    request.sampling.seed = static_cast<std::uint64_t>(salt);
    request.sampling.logit_bias = {{kFakeEos, -100.0F}};
    return request;
  }

  std::shared_ptr<FakeControls> controls_ = std::make_shared<FakeControls>();
  std::shared_ptr<FakeControls> draft_controls_ = std::make_shared<FakeControls>();
  int draft_blocks_ = 0;  // 0: no draft model
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineSpeculationTest, AnswersAreThoseOfTheModelAlone) {
  for (const std::int64_t blocks : {std::int64_t{512}, std::int64_t{26}}) {
    for (const bool cache : {true, false}) {
      EngineOptions options;
      options.prefix_cache = cache ? PrefixSharing::kTenant : PrefixSharing::kOff;
      Start(blocks, options);
      ExpectRightAnswers();
      const BackendStats stats = engine_->Stats();
      EXPECT_GT(stats.accepted_tokens, 300U);
      EXPECT_EQ(stats.preemptions > 0, blocks < 100);
      engine_.reset();
    }
  }
}

TEST_F(EngineSpeculationTest, ADraftModelChangesNoAnswer) {
  for (const int period : {kPeriod, 0}) {  // one that is as good as the model, and one that knows nothing
    for (const int blocks : {400, 12}) {
      draft_controls_->period = period;
      draft_blocks_ = blocks;
      EngineOptions options;
      options.speculation.lookup = false;
      Start(blocks == 12 ? 26 : 512, options);
      ExpectRightAnswers();
      const bool useful = period > 0 && blocks > 100;
      EXPECT_TRUE(!useful || engine_->Stats().accepted_tokens > 1000) << engine_->Stats().accepted_tokens;
      engine_.reset();
    }
  }
}

TEST_F(EngineSpeculationTest, AFailingDraftModelIsDoneWithout) {
  draft_blocks_ = 100;
  Start(512);
  const auto answer = Submit(Request(1, 40, 150));
  answer->WaitForTokens(5);
  draft_controls_->fail_next = true;
  EXPECT_EQ(answer->Wait().reason, FinishReason::kLength);
  const GenerateRequest request = Request(1, 40, 150);
  EXPECT_EQ(answer->tokens(), ExpectedAnswer(request.prompt, request.sampling, 150, kPeriod));
}

TEST_F(EngineSpeculationTest, CheckedGuessesSaveSteps) {
  Start(512);
  GenerateRequest request = Request(1, 30, 400);
  request.sampling.temperature = 0;
  Submit(request)->Wait();
  const int with = controls_->steps;
  engine_.reset();
  EngineOptions options;
  options.speculation.most_draft = 0;
  Start(512, options);
  Submit(request)->Wait();
  EXPECT_GE(controls_->steps - with, 400);
  EXPECT_LT(with, 250);
  EXPECT_EQ(engine_->Stats().guessed_tokens, 0U);
}

TEST_F(EngineSpeculationTest, AnAnswerEndsInTheMiddleOfGuesses) {
  Start(512);
  for (int length = 60; length < 90; ++length) {
    GenerateRequest request = Request(2, 30, length);
    request.sampling.temperature = 0;
    const auto expected = ExpectedAnswer(request.prompt, request.sampling, length, kPeriod);
    const auto by_length = Submit(request);
    EXPECT_EQ(by_length->Wait().reason, FinishReason::kLength);
    EXPECT_EQ(by_length->tokens(), expected);
    // The same place by a stop token that appears nowhere before: the favourite of a place is pushed out of a cycle.
    request.max_tokens = 200;
    request.stop_tokens = {expected[static_cast<std::size_t>(length) - 20]};
    const auto first = std::find(expected.begin(), expected.end(), request.stop_tokens[0]);
    const auto stopped = Submit(request);
    const FinishInfo info = stopped->Wait();
    EXPECT_EQ(info.reason, FinishReason::kStop);
    EXPECT_EQ(info.completion_tokens, first - expected.begin());
    EXPECT_EQ(stopped->tokens(), std::vector<TokenId>(expected.begin(), first));
  }
}

TEST_F(EngineSpeculationTest, RejectedGuessesNeverReachThePrefixCache) {
  Start(512);
  for (int i = 0; i < 20; ++i) {
    GenerateRequest request = Request(3, 40, 120);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    const auto first = Submit(request);
    first->Wait();
    // A second turn: its prompt is the first one with its answer, most of it from the cache.
    GenerateRequest next = request;
    for (const TokenId token : first->tokens()) next.prompt.push_back(token);
    const auto expected = ExpectedAnswer(next.prompt, next.sampling, next.max_tokens, kPeriod);
    const auto second = Submit(next);
    EXPECT_EQ(second->Wait().cached_tokens, 144);
    EXPECT_EQ(second->tokens(), expected);
  }
}

TEST_F(EngineSpeculationTest, ACancelledRequestLeavesNothing) {
  Start(64);
  for (int i = 0; i < 20; ++i) {
    auto collector = std::make_shared<Collector>();
    GenerateRequest request = Request(i, 20, 900);
    request.sampling.temperature = 0;
    const auto id = engine_->Submit(request, collector);
    ASSERT_TRUE(id.ok());
    collector->WaitForTokens(static_cast<std::size_t>(60 + i));
    engine_->Cancel(*id);
    EXPECT_EQ(collector->Wait().reason, FinishReason::kCancelled);
  }
  EXPECT_EQ(engine_->Stats().kv_blocks_used, 0);
}

/// The statistic of Pearson's test of homogeneity over the tokens of two samples, and its degrees of freedom.
std::pair<double, int> ChiSquare(const std::vector<TokenId>& a, const std::vector<TokenId>& b) {
  std::map<TokenId, std::pair<double, double>> counts;
  for (const TokenId token : a) counts[token].first += 1;
  for (const TokenId token : b) counts[token].second += 1;
  double statistic = 0;
  int classes = 0;
  std::pair<double, double> rest = {0, 0};
  const auto add = [&](const std::pair<double, double>& pair) {
    const double total = pair.first + pair.second;
    const double expected = total * static_cast<double>(a.size()) / static_cast<double>(a.size() + b.size());
    const double other = total - expected;
    statistic += (pair.first - expected) * (pair.first - expected) / expected +
                 (pair.second - other) * (pair.second - other) / other;
    ++classes;
  };
  for (const auto& [token, pair] : counts) {
    if (pair.first + pair.second >= 10) {
      add(pair);
    } else {
      rest.first += pair.first;
      rest.second += pair.second;
    }
  }
  if (rest.first + rest.second >= 10) add(rest);
  return {statistic, classes - 1};
}

bool SameDistribution(const std::vector<TokenId>& a, const std::vector<TokenId>& b) {
  const auto [statistic, freedom] = ChiSquare(a, b);
  // Wilson and Hilferty: the cube root of chi-square over its degrees is about normal. 4 sigma: 1 of 30,000 fails.
  const double f = freedom;
  const double z = (std::cbrt(statistic / f) - (1 - 2 / (9 * f))) / std::sqrt(2 / (9 * f));
  return z < 4;
}

TEST_F(EngineSpeculationTest, OtherSeedsDrawFromTheSameDistribution) {
  // Answers with speculation against answers of other seeds without: tokens at places where guesses are often wrong.
  Start(512, {}, 4000);  // long steps, so that a busy machine or a sanitizer does not make guesses look dear
  std::vector<TokenId> with;
  std::vector<TokenId> without;
  std::vector<std::shared_ptr<Collector>> collectors;
  for (int i = 0; i < 250; ++i) {
    GenerateRequest request = Request(5, 2 * kPeriod, 60);
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.sampling.temperature = 1.3F;
    collectors.push_back(Submit(request));
    request.sampling.seed += 100000;
    const auto other = ExpectedAnswer(request.prompt, request.sampling, request.max_tokens, kPeriod);
    without.insert(without.end(), other.begin(), other.end());
  }
  for (const auto& collector : collectors) {
    collector->Wait();
    const auto tokens = collector->tokens();
    with.insert(with.end(), tokens.begin(), tokens.end());
  }
  EXPECT_GT(engine_->Stats().guessed_tokens - engine_->Stats().accepted_tokens, 0U) << "nothing was at stake";
  EXPECT_TRUE(SameDistribution(with, without));
  // The test can fail: a draft that is accepted without a check would favour its tokens by a little.
  std::vector<TokenId> biased = with;
  for (std::size_t i = 0; i < biased.size(); i += 5) {
    biased[i] = testing::FakeFavourite(static_cast<std::int64_t>(2 * kPeriod + static_cast<int>(i % 60)), kPeriod);
  }
  EXPECT_FALSE(SameDistribution(biased, without));
}

}  // namespace
}  // namespace bowhead::engine
