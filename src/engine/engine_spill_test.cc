// The engine with a store on disk: what is read back gives the same answers, and a bad store never hurts a request.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/engine.h"
#include "engine/spill/prefix_store.h"
#include "engine/testing/collectors.h"
#include "engine/testing/fake_model.h"
#include "model/arch/tiny_model_for_test.h"

namespace bowhead::engine {
namespace {

namespace fs = std::filesystem;
using testing::Collector;
using testing::ExpectedAnswer;
using testing::FakeControls;
using testing::FakeTokenizer;
using testing::FakeTransformer;
using testing::kFakeEos;

std::vector<TokenId> Prompt(int length, int salt) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<TokenId>(MixBits(i + static_cast<std::uint64_t>(salt) * 7919) % 40);
  }
  return tokens;
}

class EngineSpillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bowhead_spill_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    engine_.reset();
    store_.reset();
    EXPECT_EQ(controls_->violations, 0);
    fs::remove_all(folder_);
  }
  /// As at the start of the program: nothing is in memory.
  void Start(std::unique_ptr<model::Transformer> transformer) {
    engine_.reset();
    store_.reset();
    PrefixStoreOptions options;
    options.dir = folder_.string();
    options.max_bytes = std::uint64_t{1} << 30;
    options.maker = {1, 1};
    options.block_bytes = transformer->BlockBytes();
    auto store = PrefixStore::Open(std::move(options));
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(store).value();
    auto engine = Engine::Create(EngineOptions{}, std::move(transformer), std::make_unique<FakeTokenizer>(),
                                 ModelInfo{}, nullptr, store_);
    ASSERT_TRUE(engine.ok()) << engine.status().ToString();
    engine_ = std::move(engine).value();
  }
  void StartFake(std::int64_t blocks) { Start(std::make_unique<FakeTransformer>(blocks, 2048, controls_)); }

  std::pair<FinishInfo, std::vector<TokenId>> Ask(const std::vector<TokenId>& prompt, std::string tenant = "") {
    GenerateRequest request;
    request.prompt = prompt;
    request.max_tokens = 10;
    request.sampling = params_;
    request.ignore_eos = true;
    request.tenant = std::move(tenant);
    auto collector = std::make_shared<Collector>();
    EXPECT_TRUE(engine_->Submit(std::move(request), collector).ok());
    const FinishInfo info = collector->Wait();
    return {info, collector->tokens()};
  }
  void ExpectRight(const std::vector<TokenId>& prompt, int cached, std::string tenant = "") {
    const auto [info, tokens] = Ask(prompt, std::move(tenant));
    EXPECT_EQ(info.cached_tokens, cached);
    EXPECT_EQ(tokens, ExpectedAnswer(prompt, params_, 10));
  }

  fs::path folder_;
  SamplingParams params_ = [] {
    SamplingParams params;
    params.seed = 3;
    params.logit_bias = {{kFakeEos, -100.0F}};
    return params;
  }();
  std::shared_ptr<FakeControls> controls_ = std::make_shared<FakeControls>();
  std::shared_ptr<PrefixStore> store_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineSpillTest, APrefixSurvivesARestart) {
  StartFake(256);
  const auto prompt = Prompt(500, 1);
  ExpectRight(prompt, 0, "alice");
  StartFake(256);
  const std::int64_t before = controls_->tokens;
  ExpectRight(prompt, 496, "alice");
  EXPECT_LT(controls_->tokens - before, 20);
  ExpectRight(prompt, 0, "bob");  // tenants are apart on disk, too
  auto longer = prompt;
  for (const TokenId token : Prompt(100, 2)) longer.push_back(token);
  ExpectRight(longer, 496, "alice");
}

TEST_F(EngineSpillTest, WhatMemoryHasNoRoomForComesBack) {
  StartFake(64);
  for (int i = 0; i < 5; ++i) ExpectRight(Prompt(500, i), 0);  // each pushes the one before out
  store_->Flush();
  ExpectRight(Prompt(500, 0), 496);
  EXPECT_EQ(engine_->Stats().kv_blocks_used, 0);
}

TEST_F(EngineSpillTest, DamageIsFoundAndComputedAgain) {
  StartFake(256);
  const auto prompt = Prompt(500, 1);
  ExpectRight(prompt, 0);
  engine_.reset();
  store_.reset();
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (entry.path().extension() != ".kv") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(150);
    const int byte = file.get();
    file.seekp(150);
    file.put(static_cast<char>(byte ^ 1));
    ++files;
  }
  EXPECT_GE(files, 31);
  StartFake(256);
  ExpectRight(prompt, 0);
  StartFake(256);
  ExpectRight(prompt, 496);  // and written again
}

TEST_F(EngineSpillTest, AStoreThatIsGoneHurtsNobody) {
  StartFake(64);
  ExpectRight(Prompt(500, 0), 0);
  fs::remove_all(folder_);
  for (int i = 1; i < 5; ++i) ExpectRight(Prompt(500, i), 0);
  ExpectRight(Prompt(500, 4), 496);
}

TEST_F(EngineSpillTest, ARealModelAnswersTheSameToTheLastBit) {
  for (const char* architecture : {"llama", "gemma3"}) {
    SCOPED_TRACE(architecture);
    fs::remove_all(folder_);
    model::TinyModel tiny;
    tiny.architecture = architecture;
    if (tiny.architecture == "gemma3") tiny.window = 24;
    auto file = tiny.Build();
    ASSERT_TRUE(file.ok());
    const auto start = [&] {
      model::TransformerOptions options;
      options.threads = 1;
      options.kv_blocks = 64;
      auto transformer = model::Transformer::Load(*file, options);
      ASSERT_TRUE(transformer.ok());
      Start(std::move(transformer).value());
    };
    params_.logit_bias.clear();
    const auto prompt = Prompt(400, 1);
    start();
    const auto first = Ask(prompt);
    EXPECT_EQ(first.first.cached_tokens, 0);
    start();
    const auto second = Ask(prompt);
    EXPECT_EQ(second.first.cached_tokens, 384);
    EXPECT_EQ(second.second, first.second);
  }
}

}  // namespace
}  // namespace bowhead::engine
