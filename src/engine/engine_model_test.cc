// The engine over the real Transformer: an answer depends on nothing but its request.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <random>

#include "engine/engine.h"
#include "engine/testing/collectors.h"
#include "engine/testing/fake_model.h"
#include "model/arch/tiny_model_for_test.h"

namespace bowhead::engine {
namespace {

using testing::Collector;
using testing::EmbeddingCollector;

struct Answer {
  std::vector<TokenId> tokens;
  std::vector<float> logprobs;
  bool operator==(const Answer&) const = default;
};

std::vector<GenerateRequest> Requests(int count, int vocab, int length, int max_tokens) {
  std::vector<GenerateRequest> requests;
  std::mt19937 random(3);
  for (int i = 0; i < count; ++i) {
    GenerateRequest request;
    const int prompt = 1 + length * i / count + i % 7;
    for (int t = 0; t < prompt; ++t) {
      request.prompt.push_back(static_cast<TokenId>(random() % static_cast<unsigned>(vocab)));
    }
    // The later half starts like the first one's longest, so that blocks are shared where the engine may.
    if (i > count / 2 && requests.back().prompt.size() > 32) {
      const auto& other = requests.back().prompt;
      std::copy(other.begin(), other.begin() + 32, request.prompt.begin());
    }
    request.max_tokens = max_tokens + i % 3;
    request.ignore_eos = true;
    request.sampling.seed = static_cast<std::uint64_t>(i);
    request.sampling.temperature = i % 4 == 0 ? 0.0F : 1.0F;
    request.sampling.top_p = i % 2 == 0 ? 1.0F : 0.95F;
    request.sampling.num_logprobs = 0;
    request.priority = i % 3 == 0 ? Priority::kBatch : Priority::kInteractive;
    requests.push_back(std::move(request));
  }
  return requests;
}

std::vector<Answer> Ask(Engine& engine, const std::vector<GenerateRequest>& requests, bool together) {
  std::vector<std::shared_ptr<Collector>> collectors;
  for (const GenerateRequest& request : requests) {
    collectors.push_back(std::make_shared<Collector>());
    const auto id = engine.Submit(request, collectors.back());
    EXPECT_TRUE(id.ok()) << id.status().ToString();
    if (!together) collectors.back()->Wait();
  }
  std::vector<Answer> answers;
  for (const auto& collector : collectors) {
    const FinishInfo info = collector->Wait();
    EXPECT_EQ(info.reason, FinishReason::kLength) << info.status.ToString();
    answers.push_back(Answer{collector->tokens(), collector->logprobs()});
  }
  EXPECT_EQ(engine.Stats().kv_blocks_used, 0);
  return answers;
}

std::vector<float> EmbeddingOf(Engine& engine, const std::vector<TokenId>& tokens) {
  auto collector = std::make_shared<EmbeddingCollector>();
  EXPECT_TRUE(engine.Embed(tokens, collector).ok());
  const auto result = collector->Wait();
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return result.ok() ? *result : std::vector<float>();
}

std::unique_ptr<Engine> TinyEngine(model::TinyModel* tiny, int threads, int blocks, const EngineOptions& options) {
  auto file = tiny->Build();
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  model::TransformerOptions transformer_options;
  transformer_options.threads = threads;
  transformer_options.max_batch_tokens = options.max_batch_tokens;
  transformer_options.kv_blocks = blocks;
  auto transformer = model::Transformer::Load(*file, transformer_options);
  EXPECT_TRUE(transformer.ok()) << transformer.status().ToString();
  auto engine =
      Engine::Create(options, std::move(transformer).value(), std::make_unique<testing::FakeTokenizer>(), ModelInfo{});
  EXPECT_TRUE(engine.ok()) << engine.status().ToString();
  return std::move(engine).value();
}

TEST(EngineWithTinyModel, AnswersDependOnNothingButTheRequest) {
  for (const char* architecture : {"llama", "gemma3"}) {
    SCOPED_TRACE(architecture);
    model::TinyModel tiny;
    tiny.architecture = architecture;
    if (tiny.architecture == "gemma3") tiny.window = 24;
    const auto requests = Requests(12, tiny.vocab, 160, 60);
    EngineOptions options;
    options.prefix_cache = PrefixSharing::kOff;
    std::vector<Answer> alone;
    std::vector<float> embedding;
    {
      const auto engine = TinyEngine(&tiny, 1, 64, options);
      alone = Ask(*engine, requests, false);
      embedding = EmbeddingOf(*engine, requests.back().prompt);
      EXPECT_EQ(Ask(*engine, requests, true), alone) << "in one batch";
    }
    options.prefix_cache = PrefixSharing::kTenant;
    options.max_batch_tokens = 128;
    options.step_target_ms = 1;
    options.idle_step_target_ms = 1;
    options.max_step_ms = 1;  // the smallest pieces
    const auto engine = TinyEngine(&tiny, 2, 18, options);
    EXPECT_EQ(Ask(*engine, requests, true), alone) << "two threads, small pieces, too few blocks";
    EXPECT_GT(engine->Stats().preemptions, 0U);
    EXPECT_EQ(Ask(*engine, requests, false), alone) << "with what the cache kept";
    EXPECT_EQ(EmbeddingOf(*engine, requests.back().prompt), embedding);
  }
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;  // minutes for a real model; the tiny one takes the same paths
#else
constexpr bool kSanitized = false;
#endif

std::filesystem::path SmolLM2() {
  const char* cache = std::getenv("BOWHEAD_CACHE");
  const char* home = std::getenv("HOME");
  const std::filesystem::path folder = cache != nullptr
                                           ? std::filesystem::path(cache)
                                           : std::filesystem::path(home == nullptr ? "" : home) / ".cache/bowhead";
  return folder / "models/SmolLM2-135M-Instruct.Q4_1.gguf";
}

TEST(EngineWithSmolLM2, AnswersDependOnNothingButTheRequest) {
  if (kSanitized) GTEST_SKIP() << "too slow with a sanitizer";
  const auto path = SmolLM2();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path << "; tools/fetch.py gets it";
  EngineOptions options;
  options.threads = 1;
  options.context_length = 256;
  options.prefix_cache = PrefixSharing::kOff;
  std::vector<GenerateRequest> requests;
  std::vector<Answer> alone;
  {
    auto engine = LoadEngine(path.string(), options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    requests = Requests(8, (*engine)->info().vocab_size, 60, 5);
    alone = Ask(**engine, requests, false);
  }
  options.threads = 2;
  options.prefix_cache = PrefixSharing::kTenant;
  options.idle_step_target_ms = 1;
  options.max_step_ms = 1;
  auto engine = LoadEngine(path.string(), options);
  ASSERT_TRUE(engine.ok()) << engine.status().ToString();
  EXPECT_EQ((*engine)->info().context_length, 256);
  EXPECT_EQ((*engine)->info().quantization, "Q4_1");
  EXPECT_EQ(Ask(**engine, requests, true), alone);
}

TEST(EngineWithSmolLM2, SpeculationChangesNoAnswer) {
  if (kSanitized) GTEST_SKIP() << "too slow with a sanitizer";
  const auto path = SmolLM2();
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path << "; tools/fetch.py gets it";
  EngineOptions options;
  options.threads = 1;
  options.context_length = 512;
  options.speculation.most_draft = 0;
  std::vector<GenerateRequest> requests;
  std::vector<Answer> plain;
  {
    auto engine = LoadEngine(path.string(), options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    const std::string text = "one two three four five six seven eight nine ten. ";
    for (int i = 0; i < 4; ++i) {
      GenerateRequest request;
      request.prompt = (*engine)->tokenizer().Encode(text + text + text + "one two", {});
      request.max_tokens = 32;
      request.ignore_eos = true;
      request.sampling.temperature = i < 2 ? 0.0F : 0.3F * static_cast<float>(i);
      request.sampling.top_p = i % 2 == 0 ? 1.0F : 0.9F;
      request.sampling.frequency_penalty = i == 1 ? 0.2F : 0.0F;
      request.sampling.seed = static_cast<std::uint64_t>(i);
      request.sampling.num_logprobs = 3;
      requests.push_back(std::move(request));
    }
    plain = Ask(**engine, requests, false);
  }
  options.speculation.most_draft = kMostDraftTokens;
  for (const bool with_draft_model : {false, true}) {
    // A model drafts for itself: every guess is right, if all of its state is.
    options.speculation.lookup = !with_draft_model;
    options.speculation.draft_model = with_draft_model ? path.string() : "";
    auto engine = LoadEngine(path.string(), options);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    EXPECT_EQ(Ask(**engine, requests, false), plain);
    EXPECT_EQ(Ask(**engine, requests, true), plain);
    const BackendStats stats = (*engine)->Stats();
    EXPECT_GT(stats.accepted_tokens, with_draft_model ? 0U : 20U);
    EXPECT_TRUE(!with_draft_model || stats.accepted_tokens * 10 >= stats.guessed_tokens * 9) << stats.accepted_tokens;
  }
}

}  // namespace
}  // namespace bowhead::engine
