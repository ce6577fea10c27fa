#include "engine/engine.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <numeric>

#include "engine/testing/collectors.h"
#include "engine/testing/fake_model.h"

namespace bowhead::engine {
namespace {

using testing::Collector;
using testing::EmbeddingCollector;
using testing::ExpectedAnswer;
using testing::FakeControls;
using testing::FakeTokenizer;
using testing::FakeTransformer;
using testing::kFakeEos;
using testing::kFakeVocab;
using testing::kFakeWidth;
using testing::kPoison;

std::vector<TokenId> Prompt(int length, int salt) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<TokenId>(MixBits(i + static_cast<std::uint64_t>(salt) * 7919) % 90);
  }
  return tokens;
}

SamplingParams Params(std::uint64_t seed) {
  SamplingParams params;
  params.seed = seed;
  return params;
}

GenerateRequest Request(std::vector<TokenId> prompt, int max_tokens, std::uint64_t seed) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.sampling = Params(seed);
  return request;
}

class EngineTest : public ::testing::Test {
 protected:
  void Start(std::int64_t blocks = 512, EngineOptions options = {}, int context = 2048) {
    options.max_batch_tokens = 256;
    auto engine = Engine::Create(options, std::make_unique<FakeTransformer>(blocks, context, controls_),
                                 std::make_unique<FakeTokenizer>(), ModelInfo{});
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(engine).value();
  }
  void TearDown() override {
    controls_->hold = false;
    engine_.reset();
    EXPECT_EQ(controls_->violations, 0);
  }
  std::pair<RequestId, std::shared_ptr<Collector>> Submit(GenerateRequest request) {
    auto collector = std::make_shared<Collector>();
    const auto id = engine_->Submit(std::move(request), collector);
    EXPECT_TRUE(id.ok()) << id.status().ToString();
    return {id.ok() ? *id : 0, collector};
  }
  base::Status SubmitStatus(GenerateRequest request) {
    return engine_->Submit(std::move(request), std::make_shared<Collector>()).status();
  }
  void ExpectIdle() {
    const BackendStats stats = engine_->Stats();
    EXPECT_EQ(stats.running, 0);
    EXPECT_EQ(stats.waiting, 0);
    EXPECT_EQ(stats.kv_blocks_used, 0);
  }

  std::shared_ptr<FakeControls> controls_ = std::make_shared<FakeControls>();
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, AnswersAsTheModelAndTheSamplerSay) {
  Start();
  const auto prompt = Prompt(45, 1);
  const auto [id, collector] = Submit(Request(prompt, 40, 5));
  const FinishInfo info = collector->Wait();
  const auto expected = ExpectedAnswer(prompt, Params(5), 40);
  EXPECT_EQ(collector->tokens(), expected);
  EXPECT_EQ(info.reason, expected.size() == 40 ? FinishReason::kLength : FinishReason::kStop);
  EXPECT_EQ(info.prompt_tokens, 45);
  EXPECT_EQ(info.completion_tokens, static_cast<int>(expected.size()));
  ExpectIdle();
}

TEST_F(EngineTest, AMixedBatchChangesNoAnswer) {
  Start();
  std::vector<std::shared_ptr<Collector>> collectors;
  std::vector<std::vector<TokenId>> expected;
  controls_->hold = true;  // so that all are in the first steps together
  for (int i = 0; i < 32; ++i) {
    auto request = Request(Prompt(1 + i * 13 % 300, i), 5 + i * 7 % 50, static_cast<std::uint64_t>(i));
    request.sampling.temperature = i % 3 == 0 ? 0.0F : 0.9F;
    request.sampling.top_p = i % 2 == 0 ? 1.0F : 0.9F;
    request.sampling.repeat_penalty = i % 5 == 0 ? 1.1F : 1.0F;
    request.tenant = std::to_string(i % 3);
    request.priority = i % 4 == 0 ? Priority::kBatch : Priority::kInteractive;
    expected.push_back(ExpectedAnswer(request.prompt, request.sampling, request.max_tokens));
    collectors.push_back(Submit(std::move(request)).second);
  }
  controls_->hold = false;
  for (std::size_t i = 0; i < collectors.size(); ++i) {
    collectors[i]->Wait();
    EXPECT_EQ(collectors[i]->tokens(), expected[i]) << i;
  }
  EXPECT_GT(controls_->most_sequences, 8);
  ExpectIdle();
}

TEST_F(EngineTest, PreemptionChangesNoAnswer) {
  for (const bool cache : {false, true}) {
    EngineOptions options;
    options.prefix_cache = cache ? PrefixSharing::kTenant : PrefixSharing::kOff;
    Start(24, options);
    std::vector<std::shared_ptr<Collector>> collectors;
    std::vector<std::vector<TokenId>> expected;
    for (int i = 0; i < 12; ++i) {
      auto request = Request(Prompt(20 + i * 3, i), 150, static_cast<std::uint64_t>(i));
      request.ignore_eos = false;
      request.priority = i % 3 == 0 ? Priority::kBatch : Priority::kInteractive;
      request.sampling.presence_penalty = 0.5F;
      request.sampling.logit_bias = {{kFakeEos, -100.0F}};
      expected.push_back(ExpectedAnswer(request.prompt, request.sampling, request.max_tokens));
      collectors.push_back(Submit(std::move(request)).second);
    }
    for (std::size_t i = 0; i < collectors.size(); ++i) {
      EXPECT_EQ(collectors[i]->Wait().reason, FinishReason::kLength);
      EXPECT_EQ(collectors[i]->tokens(), expected[i]) << i;
    }
    EXPECT_GT(engine_->Stats().preemptions, 0U);
    ExpectIdle();
  }
}

TEST_F(EngineTest, ASharedPrefixIsTakenFromTheCacheAndChangesNoAnswer) {
  Start();
  auto prompt = Prompt(200, 3);
  Submit(Request(prompt, 4, 1)).second->Wait();
  const std::int64_t before = controls_->tokens;
  prompt.resize(170);
  for (const TokenId token : Prompt(30, 9)) prompt.push_back(token);
  const auto [id, collector] = Submit(Request(prompt, 20, 2));
  EXPECT_EQ(collector->Wait().cached_tokens, 160);
  EXPECT_EQ(collector->tokens(), ExpectedAnswer(prompt, Params(2), 20));
  EXPECT_LT(controls_->tokens - before, 70);
  // The very same prompt again: its last token is computed once more.
  const auto again = Submit(Request(prompt, 20, 2)).second;
  EXPECT_EQ(again->Wait().cached_tokens, 192);
  EXPECT_EQ(again->tokens(), collector->tokens());
  ExpectIdle();
}

TEST_F(EngineTest, RequestsThatStartAlikeComputeItOnce) {
  Start();
  controls_->hold = true;
  const auto prefix = Prompt(640, 3);
  std::vector<std::shared_ptr<Collector>> collectors;
  std::vector<std::vector<TokenId>> prompts;
  std::vector<RequestId> ids;
  for (int i = 0; i < 16; ++i) {
    auto prompt = prefix;
    for (const TokenId token : Prompt(20 + i, 50 + i)) prompt.push_back(token);
    prompts.push_back(prompt);
    auto request = Request(prompt, 10, static_cast<std::uint64_t>(i));
    request.sampling.logit_bias = {{kFakeEos, -100.0F}};
    const auto [id, collector] = Submit(std::move(request));
    ids.push_back(id);
    collectors.push_back(collector);
  }
  engine_->Cancel(ids[0]);  // the one that the others would wait for
  controls_->hold = false;
  EXPECT_EQ(collectors[0]->Wait().reason, FinishReason::kCancelled);
  int cached = 0;
  for (std::size_t i = 1; i < collectors.size(); ++i) {
    cached += collectors[i]->Wait().cached_tokens;
    SamplingParams params = Params(i);
    params.logit_bias = {{kFakeEos, -100.0F}};
    EXPECT_EQ(collectors[i]->tokens(), ExpectedAnswer(prompts[i], params, 10)) << i;
  }
  EXPECT_GE(cached, 14 * 640);
  EXPECT_LT(controls_->tokens, 2 * 640 + 15 * (36 + 16 + 10));
  ExpectIdle();
}

TEST_F(EngineTest, TenantsDoNotFindEachOthersPrefixes) {
  Start();
  auto request = Request(Prompt(200, 3), 4, 1);
  request.tenant = "alice";
  Submit(request).second->Wait();
  request.tenant = "bob";
  EXPECT_EQ(Submit(request).second->Wait().cached_tokens, 0);
  request.tenant = "alice";
  EXPECT_EQ(Submit(request).second->Wait().cached_tokens, 192);
}

TEST_F(EngineTest, ARequestThatTakesTooLongEnds) {
  EngineOptions options;
  options.request_timeout_s = 0.05;
  Start(512, options);
  controls_->delay_us = 2000;
  auto request = Request(Prompt(20, 1), 2000, 1);
  request.ignore_eos = true;
  const auto [id, collector] = Submit(request);
  const FinishInfo info = collector->Wait();
  EXPECT_EQ(info.reason, FinishReason::kError);
  EXPECT_EQ(info.status.code(), base::StatusCode::kDeadlineExceeded);
  EXPECT_GT(info.completion_tokens, 0);
  ExpectIdle();
}

/// Requests that were finished per second while clients keep the engine busy: `clients` of them with one request each
/// at a time, and besides `extra_per_s` requests a second from others who do not wait for answers.
class OverloadTest : public EngineTest {
 protected:
  double FinishedPerSecond(double extra_per_s, int* refused) {
    constexpr int kClients = 12;
    std::vector<std::shared_ptr<Collector>> all;
    std::vector<std::shared_ptr<Collector>> closed(kClients);
    const auto request = [&] {
      auto made = Request(Prompt(24, static_cast<int>(all.size())), 12, 1);
      made.ignore_eos = true;
      return made;
    };
    const auto submit = [&]() -> std::shared_ptr<Collector> {
      auto collector = std::make_shared<Collector>();
      if (!engine_->Submit(request(), collector).ok()) {
        ++*refused;
        return nullptr;
      }
      all.push_back(collector);
      return collector;
    };
    const auto begin = std::chrono::steady_clock::now();
    double seconds = 0;
    double sent = 0;
    while ((seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()) < 0.8) {
      for (auto& collector : closed) {
        if (collector == nullptr || collector->finished()) collector = submit();
      }
      for (; sent < extra_per_s * seconds; sent += 1) submit();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    int finished = 0;
    for (const auto& collector : all) finished += collector->finished() ? 1 : 0;
    for (const auto& collector : all) collector->Wait();
    return finished / seconds;
  }
};

TEST_F(OverloadTest, TenTimesTheLoadKeepsTheThroughput) {
  EngineOptions options;
  options.max_running = 8;
  options.max_queue = 1000;
  options.max_wait_s = 0.1;
  Start(512, options);
  controls_->delay_us = 1000;
  int refused = 0;
  FinishedPerSecond(0, &refused);  // costs are learned
  const double peak = FinishedPerSecond(0, &refused);
  refused = 0;
  const double overloaded = FinishedPerSecond(10 * peak, &refused);
  EXPECT_GT(overloaded, 0.85 * peak);
  EXPECT_GT(refused, 4 * peak) << "most of what is too much";
  ExpectIdle();
}

TEST_F(EngineTest, FinishReasons) {
  Start();
  const auto prompt = Prompt(10, 4);
  const auto answer = ExpectedAnswer(prompt, Params(1), 30);
  ASSERT_GT(answer.size(), 6U);
  auto request = Request(prompt, 30, 1);
  request.stop_tokens = {answer[5]};
  const auto stopped = Submit(request).second;
  EXPECT_EQ(stopped->Wait().reason, FinishReason::kStop);
  const auto first = std::find(answer.begin(), answer.end(), answer[5]);
  EXPECT_EQ(stopped->tokens(), std::vector<TokenId>(answer.begin(), first));
  // End of generation: by force.
  request = Request(prompt, 30, 1);
  request.sampling.logit_bias = {{kFakeEos, 100.0F}};
  const auto ended = Submit(request).second;
  EXPECT_EQ(ended->Wait().completion_tokens, 0);
  EXPECT_TRUE(ended->tokens().empty());
  request.ignore_eos = true;
  const auto ignored = Submit(request).second;
  EXPECT_EQ(ignored->Wait().reason, FinishReason::kLength);
  EXPECT_EQ(ignored->tokens(), std::vector<TokenId>(30, kFakeEos));
}

TEST_F(EngineTest, RefusesWhatCannotBeServed) {
  EngineOptions options;
  options.max_request_tokens = 1500;
  Start(128, options, 4096);
  EXPECT_EQ(engine_->info().context_length, 2048);  // as much as the cache holds
  const auto code = [&](GenerateRequest request) { return SubmitStatus(std::move(request)).code(); };
  EXPECT_EQ(code(Request({}, 5, 0)), base::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Request({kFakeVocab}, 5, 0)), base::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Request({-1}, 5, 0)), base::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Request({1}, 0, 0)), base::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(Request(Prompt(2000, 0), 49, 0)), base::StatusCode::kOutOfRange);
  EXPECT_EQ(code(Request(Prompt(1400, 0), 101, 0)), base::StatusCode::kOutOfRange);
  EXPECT_EQ(code(Request({1}, std::numeric_limits<int>::max(), 0)), base::StatusCode::kOutOfRange);
  const std::string message = SubmitStatus(Request(Prompt(2000, 0), 49, 0)).message();
  EXPECT_NE(message.find("2000"), std::string::npos) << message;
  EXPECT_NE(message.find("2048"), std::string::npos) << message;
  auto request = Request({1}, 1, 0);
  request.sampling.top_p = 0;
  EXPECT_EQ(code(request), base::StatusCode::kInvalidArgument);
  request = Request({1}, 1, 0);
  request.sampling.temperature = std::nanf("");
  EXPECT_EQ(code(request), base::StatusCode::kInvalidArgument);
  request = Request({1}, 1, 0);
  request.sampling.logit_bias = {{kFakeVocab, 1.0F}};
  EXPECT_EQ(code(request), base::StatusCode::kInvalidArgument);
  ExpectIdle();
}

TEST_F(EngineTest, ABadRequestHarmsNobodyElse) {
  Start();
  controls_->hold = true;
  const auto poisoned = Submit(Request({1, 2, kPoison}, 10, 0)).second;
  const auto good = Submit(Request(Prompt(30, 2), 10, 3)).second;
  controls_->hold = false;
  const FinishInfo info = poisoned->Wait();
  EXPECT_EQ(info.reason, FinishReason::kError);
  EXPECT_EQ(info.status.code(), base::StatusCode::kInternal);
  good->Wait();
  EXPECT_EQ(good->tokens(), ExpectedAnswer(Prompt(30, 2), Params(3), 10));
  controls_->fail_next = true;
  EXPECT_EQ(Submit(Request({1}, 5, 0)).second->Wait().reason, FinishReason::kError);
  EXPECT_NE(Submit(Request({1}, 5, 0)).second->Wait().reason, FinishReason::kError);
  ExpectIdle();
}

TEST_F(EngineTest, CancelEndsARequestWithinAStep) {
  Start();
  controls_->delay_us = 500;
  auto request = Request(Prompt(20, 1), 2000, 1);
  request.ignore_eos = true;
  const auto [id, collector] = Submit(request);
  collector->WaitForTokens(3);
  const int steps = controls_->steps;
  engine_->Cancel(id);
  EXPECT_EQ(collector->Wait().reason, FinishReason::kCancelled);
  EXPECT_LE(controls_->steps - steps, 2);
  ExpectIdle();
  engine_->Cancel(id);
  engine_->Cancel(12345);
  EXPECT_EQ(Submit(Request({1}, 1, 1)).second->Wait().completion_tokens, 1);
}

TEST_F(EngineTest, AHundredDisconnectsLeaveNothingBehind) {
  EngineOptions options;
  options.max_running = 16;
  Start(128, options);
  controls_->delay_us = 100;
  std::vector<std::thread> clients;
  std::atomic<int> cancelled = 0;
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([this, c, &cancelled] {
      for (int i = 0; i < 25; ++i) {
        auto request = Request(Prompt(5 + i * 5, i), 1000, static_cast<std::uint64_t>(i));
        request.ignore_eos = true;
        const auto [id, collector] = Submit(std::move(request));
        if ((i + c) % 3 != 0) collector->WaitForTokens(static_cast<std::size_t>(i % 4));
        engine_->Cancel(id);
        if (collector->Wait().reason == FinishReason::kCancelled) ++cancelled;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(cancelled, 100);
  ExpectIdle();
}

TEST_F(EngineTest, DrainRefusesNewOnesAndLetsTheOthersFinish) {
  Start();
  controls_->delay_us = 200;
  const auto prompt = Prompt(20, 1);
  const auto [id, collector] = Submit(Request(prompt, 50, 1));
  engine_->Drain();
  EXPECT_EQ(SubmitStatus(Request({1}, 1, 1)).code(), base::StatusCode::kUnavailable);
  EXPECT_EQ(engine_->Embed({1}, std::make_shared<EmbeddingCollector>()).code(), base::StatusCode::kUnavailable);
  collector->Wait();
  EXPECT_EQ(collector->tokens(), ExpectedAnswer(prompt, Params(1), 50));
}

TEST_F(EngineTest, AFullQueueRefuses) {
  EngineOptions options;
  options.max_queue = 3;
  options.max_running = 1;
  Start(512, options);
  controls_->hold = true;
  auto request = Request({1, 2}, 4, 1);
  std::vector<std::shared_ptr<Collector>> accepted = {Submit(request).second};
  while (engine_->Stats().running == 0) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) accepted.push_back(Submit(request).second);
  EXPECT_EQ(engine_->Stats().waiting, 3);
  EXPECT_EQ(SubmitStatus(request).code(), base::StatusCode::kResourceExhausted);
  controls_->hold = false;
  for (const auto& collector : accepted) collector->Wait();
  EXPECT_TRUE(SubmitStatus(request).ok());
}

TEST_F(EngineTest, TheServersTokenCapRefuses) {
  EngineOptions options;
  options.max_total_tokens = 100;
  Start(512, options);
  controls_->hold = true;
  const auto first = Submit(Request(Prompt(30, 1), 40, 1)).second;
  EXPECT_EQ(SubmitStatus(Request(Prompt(30, 1), 1, 1)).code(), base::StatusCode::kResourceExhausted);
  const auto second = Submit(Request(Prompt(20, 1), 10, 1)).second;
  controls_->hold = false;
  first->Wait();
  second->Wait();
  EXPECT_TRUE(SubmitStatus(Request(Prompt(30, 1), 70, 1)).ok());
}

TEST_F(EngineTest, TheDestructorEndsEveryRequest) {
  Start();
  controls_->delay_us = 1000;
  std::vector<std::shared_ptr<Collector>> collectors;
  for (int i = 0; i < 100; ++i) {
    auto request = Request(Prompt(20, i), 1000, 1);
    request.ignore_eos = true;
    collectors.push_back(Submit(std::move(request)).second);
  }
  auto embedding = std::make_shared<EmbeddingCollector>();
  ASSERT_TRUE(engine_->Embed(Prompt(500, 1), embedding).ok());
  engine_.reset();
  for (const auto& collector : collectors) EXPECT_EQ(collector->Wait().reason, FinishReason::kCancelled);
  EXPECT_FALSE(embedding->Wait().ok());
}

TEST_F(EngineTest, EmbeddingsAreNormalisedAndDoNotDependOnTheBatch) {
  Start();
  const auto prompt = Prompt(333, 5);
  auto alone = std::make_shared<EmbeddingCollector>();
  ASSERT_TRUE(engine_->Embed(prompt, alone).ok());
  const auto first = alone->Wait();
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  ASSERT_EQ(first->size(), static_cast<std::size_t>(kFakeWidth));
  EXPECT_NEAR(std::inner_product(first->begin(), first->end(), first->begin(), 0.0), 1.0, 1e-6);
  controls_->hold = true;
  std::vector<std::shared_ptr<Collector>> others;
  for (int i = 0; i < 20; ++i) others.push_back(Submit(Request(Prompt(50 + i, i), 20, 1)).second);
  auto among = std::make_shared<EmbeddingCollector>();
  ASSERT_TRUE(engine_->Embed(prompt, among).ok());
  controls_->hold = false;
  const auto second = among->Wait();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(*first, *second);
  for (const auto& other : others) other->Wait();
  EXPECT_EQ(engine_->Embed({}, among).code(), base::StatusCode::kInvalidArgument);
  EXPECT_EQ(engine_->Embed(Prompt(2049, 1), among).code(), base::StatusCode::kOutOfRange);
  ExpectIdle();
}

TEST_F(EngineTest, PoolingOfTheLastAndTheFirstToken) {
  const auto embed = [&](Pooling pooling, std::vector<TokenId> tokens) {
    EngineOptions options;
    options.pooling = pooling;
    Start(512, options);
    auto collector = std::make_shared<EmbeddingCollector>();
    EXPECT_TRUE(engine_->Embed(std::move(tokens), collector).ok());
    const auto result = collector->Wait();
    ExpectIdle();
    return result.ok() ? *result : std::vector<float>();
  };
  const auto prompt = Prompt(100, 6);
  EXPECT_EQ(embed(Pooling::kFirst, prompt), embed(Pooling::kMean, {prompt[0]}));
  EXPECT_EQ(embed(Pooling::kLast, {prompt[0]}), embed(Pooling::kMean, {prompt[0]}));
  std::uint64_t state = 0;
  for (std::size_t i = 0; i < prompt.size(); ++i) {
    state = testing::FakeState(state, testing::FakeEntry(prompt[i], static_cast<std::int64_t>(i)));
  }
  const auto last = embed(Pooling::kLast, prompt);
  ASSERT_EQ(last.size(), static_cast<std::size_t>(kFakeWidth));
  double squares = 0;
  for (std::size_t i = 0; i < last.size(); ++i) {
    const double value = double{testing::FakeUnit(MixBits(state + i)) - 0.4F};
    squares += value * value;
  }
  for (std::size_t i = 0; i < last.size(); ++i) {
    EXPECT_NEAR(last[i], double{testing::FakeUnit(MixBits(state + i)) - 0.4F} / std::sqrt(squares), 1e-5);
  }
}

TEST_F(EngineTest, AListenerMayCancelFromItsCallback) {
  Start();
  struct Canceller : Collector {
    void OnToken(const GeneratedToken& token) override {
      Collector::OnToken(token);
      engine.load()->Cancel(id);
    }
    std::atomic<Engine*> engine = nullptr;
    std::atomic<RequestId> id = 0;
  };
  auto canceller = std::make_shared<Canceller>();
  controls_->hold = true;
  auto request = Request({1, 2, 3}, 1000, 1);
  request.ignore_eos = true;
  const auto id = engine_->Submit(request, canceller);
  ASSERT_TRUE(id.ok());
  canceller->id = *id;
  canceller->engine = engine_.get();
  controls_->hold = false;
  EXPECT_EQ(canceller->Wait().reason, FinishReason::kCancelled);
  EXPECT_EQ(canceller->tokens().size(), 1U);
}

TEST(PlanKvCache, SizesAndRefuses) {
  model::ModelSpec spec;
  spec.context_length = 4096;
  spec.num_layers = 4;
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = 64;
  const std::uint64_t block = model::KvBytesPerBlock(spec, kernels::KvType::kF16);
  ASSERT_GT(block, 0U);
  EngineOptions options;
  auto plan = PlanKvCache(spec, options, std::uint64_t{1} << 40);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->blocks, 8 * 256);
  EXPECT_EQ(plan->context_length, 4096);
  plan = PlanKvCache(spec, options, block * 400);  // too little for a context: a shorter one, as nobody asked
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->blocks, 100);
  EXPECT_EQ(plan->context_length, 1600);
  options.context_length = 4096;
  plan = PlanKvCache(spec, options, block * 400);  // asked for: more than a quarter
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->context_length, 4096);
  EXPECT_EQ(PlanKvCache(spec, options, block * 100).status().code(), base::StatusCode::kResourceExhausted);
  options.kv_bytes = block * 10;
  EXPECT_EQ(PlanKvCache(spec, options, std::uint64_t{1} << 40).status().code(), base::StatusCode::kResourceExhausted);
  options.context_length = 4097;
  EXPECT_EQ(PlanKvCache(spec, options, std::uint64_t{1} << 40).status().code(), base::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bowhead::engine
