#include "model/arch/transformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <functional>
#include <numeric>

#include "kernels/dispatch.h"
#include "model/arch/tiny_model_for_test.h"

namespace bowhead::model {
namespace {

using kernels::KvType;

constexpr KvType kKvTypes[] = {KvType::kF16, KvType::kBf16, KvType::kQ8};

std::unique_ptr<Transformer> Load(TinyModel& model, const std::string& isa = "", int threads = 2,
                                  KvType kv_type = KvType::kF16) {
  auto file = model.Build();
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  TransformerOptions options;
  options.threads = threads;
  options.isa = isa;
  options.max_batch_tokens = 64;
  options.kv_blocks = 64;
  options.kv_type = kv_type;
  auto transformer = Transformer::Load(*file, options);
  EXPECT_TRUE(transformer.ok()) << transformer.status().ToString();
  return *std::move(transformer);
}

std::string LoadError(TinyModel model) {
  auto file = model.Build();
  if (!file.ok()) return file.status().ToString();
  TransformerOptions options;
  options.kv_blocks = 4;
  const auto transformer = Transformer::Load(*file, options);
  return transformer.ok() ? "no error" : transformer.status().ToString();
}

// A sequence with blocks of its own, and the logits after each of its tokens.
struct Sequence {
  std::vector<TokenId> tokens;
  std::vector<std::int32_t> blocks;
  std::vector<std::vector<float>> rows;
  std::size_t done = 0;

  Sequence(std::size_t length, std::int32_t first_block, unsigned seed) : tokens(length), blocks(length / 16 + 1) {
    std::mt19937 random(seed);
    for (TokenId& token : tokens) token = static_cast<TokenId>(random() % 48);
    std::iota(blocks.rbegin(), blocks.rend(), first_block);
  }

  SequenceStep Next(std::size_t count) {
    const SequenceStep step{std::span(tokens).subspan(done, count), static_cast<std::int32_t>(done), blocks,
                            StepOutput::kAllLogits};
    done += count;
    return step;
  }
};

void Step(Transformer& model, const std::vector<std::pair<Sequence*, std::size_t>>& parts) {
  std::vector<SequenceStep> batch;
  for (const auto& [sequence, count] : parts) batch.push_back(sequence->Next(count));
  const auto result = model.Forward(batch);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  std::size_t row = 0;
  for (const auto& [sequence, count] : parts) {
    for (std::size_t i = 0; i < count; ++i, ++row) {
      const auto logits = result->logits.subspan(row * 48, 48);
      sequence->rows.emplace_back(logits.begin(), logits.end());
    }
  }
}

class TransformerTest : public testing::TestWithParam<const char*> {};

TEST_P(TransformerTest, ResultsDependNeitherOnTheBatchNorOnPiecesNorOnThreads) {
  TinyModel tiny;
  tiny.architecture = GetParam();
  tiny.window = tiny.architecture == "gemma3" ? 20 : 0;
  const std::unique_ptr<Transformer> two = Load(tiny);
  Sequence alone(60, 0, 1);
  Step(*two, {{&alone, 60}});

  const std::unique_ptr<Transformer> three = Load(tiny, "", 3);
  Sequence pieces(60, 0, 1);
  Sequence other(50, 8, 2);
  Sequence third(40, 16, 3);
  Step(*three, {{&pieces, 1}});
  Step(*three, {{&other, 20}, {&pieces, 33}});
  Step(*three, {{&other, 1}, {&pieces, 1}, {&third, 40}});
  Step(*three, {{&pieces, 1}, {&other, 1}});
  Step(*three, {{&other, 28}, {&pieces, 24}});
  ASSERT_EQ(alone.rows.size(), pieces.rows.size());
  for (std::size_t i = 0; i < alone.rows.size(); ++i) ASSERT_EQ(alone.rows[i], pieces.rows[i]) << "position " << i;
}

// Contexts of several chunks of keys: some threads take later chunks than others, and decoding sequences whose first
// chunks are in the same blocks are computed together.
TEST_P(TransformerTest, LongContextsAndSharedBlocksChangeNothing) {
  for (const kernels::IsaSupport& isa : kernels::AllIsas()) {
    if (!isa.supported || isa.table->name == "scalar") continue;  // slow, and every row of it goes alone
    for (const KvType kv_type : kKvTypes) {
      SCOPED_TRACE(std::string(isa.table->name) + " " + std::string(KvTypeName(kv_type)));
      TinyModel tiny;
      tiny.architecture = GetParam();
      tiny.window = tiny.architecture == "gemma3" ? 100 : 0;
      std::deque<TinyModel> files;  // a Transformer reads from its file
      const auto load = [&](int threads) {
        return Load(files.emplace_back(tiny), std::string(isa.table->name), threads, kv_type);
      };
      // The first 320 tokens are common to all, then each goes its way: 32 tokens, and 4 one by one.
      const auto fork = [](unsigned seed, std::int32_t first_block) {
        Sequence sequence(356, 0, seed);
        const Sequence common(320, 0, 1);
        std::copy(common.tokens.begin(), common.tokens.end(), sequence.tokens.begin());
        std::copy(common.blocks.begin(), common.blocks.end(), sequence.blocks.begin());
        std::iota(sequence.blocks.begin() + 20, sequence.blocks.end(), first_block);
        return sequence;
      };
      std::vector<Sequence> alone;
      for (unsigned s = 0; s < 3; ++s) {
        const std::unique_ptr<Transformer> one = load(1);
        alone.push_back(fork(10 + s, 30));
        for (int i = 0; i < 11; ++i) Step(*one, {{&alone.back(), 32}});
        for (int i = 0; i < 4; ++i) Step(*one, {{&alone.back(), 1}});
      }
      const std::unique_ptr<Transformer> many = load(3);
      std::vector<Sequence> together;
      for (unsigned s = 0; s < 3; ++s) together.push_back(fork(10 + s, 24 + 5 * static_cast<std::int32_t>(s)));
      for (const std::size_t count : {64, 64, 64, 64, 63, 1}) Step(*many, {{&together[0], count}});
      for (Sequence& other : {std::ref(together[1]), std::ref(together[2])}) {
        other.done = 320;
        other.rows = std::vector<std::vector<float>>(together[0].rows.begin(), together[0].rows.begin() + 320);
      }
      Step(*many, {{&together[0], 32}, {&together[1], 32}});
      Step(*many, {{&together[2], 32}, {&together[1], 1}, {&together[0], 1}});
      Step(*many, {{&together[1], 1}, {&together[2], 1}, {&together[0], 1}});
      Step(*many, {{&together[1], 2}, {&together[2], 3}, {&together[0], 2}});
      for (std::size_t s = 0; s < 3; ++s) {
        ASSERT_EQ(together[s].rows.size(), alone[s].rows.size());
        for (std::size_t i = 0; i < alone[s].rows.size(); ++i) {
          ASSERT_EQ(together[s].rows[i], alone[s].rows[i]) << "sequence " << s << " position " << i;
        }
      }
    }
  }
}

TEST_P(TransformerTest, CacheFormatsAreNearEachOther) {
  TinyModel tiny;
  tiny.architecture = GetParam();
  Sequence expected(60, 0, 1);
  Step(*Load(tiny), {{&expected, 60}});
  for (const KvType kv_type : {KvType::kBf16, KvType::kQ8}) {
    TinyModel again;
    again.architecture = tiny.architecture;
    Sequence actual(60, 0, 1);
    Step(*Load(again, "", 2, kv_type), {{&actual, 60}});
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < 60; ++i) {
      for (std::size_t v = 0; v < 48; ++v) {
        error += std::pow(actual.rows[i][v] - expected.rows[i][v], 2);
        size += std::pow(expected.rows[i][v], 2);
      }
    }
    EXPECT_GT(error, 0.0);
    EXPECT_LT(std::sqrt(error / size), 0.01) << KvTypeName(kv_type);
  }
}

TEST_P(TransformerTest, BlocksCanBeTakenOutAndPutBackElsewhere) {
  TinyModel tiny;
  tiny.architecture = GetParam();
  const std::unique_ptr<Transformer> first = Load(tiny);
  Sequence whole(48, 0, 1);
  Step(*first, {{&whole, 48}});

  TinyModel again;
  again.architecture = GetParam();
  const std::unique_ptr<Transformer> second = Load(again);
  ASSERT_EQ(second->BlockBytes(), first->BlockBytes());
  EXPECT_EQ(second->KvLayout(), first->KvLayout());
  Sequence rest(48, 40, 1);
  std::vector<std::byte> bytes(first->BlockBytes());
  for (const std::size_t i : {0U, 1U}) {
    first->ReadBlock(whole.blocks[i], bytes);
    second->WriteBlock(rest.blocks[i], bytes);
  }
  rest.done = 32;
  Step(*second, {{&rest, 16}});
  for (std::size_t i = 0; i < 16; ++i) ASSERT_EQ(rest.rows[i], whole.rows[32 + i]) << i;
}

TEST_P(TransformerTest, InstructionSetsAgree) {
  TinyModel tiny;
  tiny.architecture = GetParam();
  Sequence expected(40, 0, 1);
  Step(*Load(tiny, "scalar"), {{&expected, 40}});
  for (const kernels::IsaSupport& isa : kernels::AllIsas()) {
    if (!isa.supported) continue;
    TinyModel again;
    again.architecture = tiny.architecture;
    Sequence actual(40, 0, 1);
    Step(*Load(again, std::string(isa.table->name)), {{&actual, 40}});
    for (std::size_t i = 0; i < 40; ++i) {
      for (std::size_t v = 0; v < 48; ++v) {
        // Keys and values are rounded to binary16: a last bit may fall either way.
        ASSERT_NEAR(actual.rows[i][v], expected.rows[i][v], 5e-3) << isa.table->name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, TransformerTest, testing::Values("llama", "gemma3"));

TEST(TransformerWindowTest, ASlidingWindowForgets) {
  TinyModel tiny;
  tiny.architecture = "gemma3";
  tiny.window = 16;
  const std::unique_ptr<Transformer> model = Load(tiny);
  Sequence a(60, 0, 1);
  Sequence b(60, 8, 1);
  b.tokens[0] = (b.tokens[0] + 1) % 48;  // two layers of 16 see 31 tokens
  Step(*model, {{&a, 60}});
  Step(*model, {{&b, 60}});
  EXPECT_NE(a.rows[10], b.rows[10]);
  EXPECT_EQ(a.rows[59], b.rows[59]);
}

TEST(TransformerHiddenTest, SumsTheTokens) {
  TinyModel tiny;
  const std::unique_ptr<Transformer> model = Load(tiny);
  Sequence sequence(9, 0, 4);
  SequenceStep step = sequence.Next(9);
  step.output = StepOutput::kHiddenSum;
  const auto result = model->Forward(std::span(&step, 1));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->hidden.size(), 64U);
  EXPECT_TRUE(result->logits.empty());
  EXPECT_NE(result->hidden[0], 0.0F);
}

TEST(TransformerInputTest, RefusesWhatIsOutOfRange) {
  TinyModel tiny;
  const std::unique_ptr<Transformer> model = Load(tiny);
  const std::vector<std::int32_t> blocks = {0, 1};
  const std::vector<std::int32_t> bad_blocks = {0, 64};
  const std::vector<TokenId> tokens(20, 3);
  const std::vector<TokenId> bad_tokens = {1, 48};
  const std::vector<TokenId> many(65, 1);
  const std::vector<std::int32_t> enough(8, 0);
  const auto fails = [&](const SequenceStep& step) { return !model->Forward(std::span(&step, 1)).ok(); };
  EXPECT_FALSE(fails({tokens, 0, blocks, StepOutput::kLastLogits}));
  EXPECT_TRUE(fails({tokens, 13, blocks, StepOutput::kLastLogits}));
  EXPECT_TRUE(fails({tokens, -1, blocks, StepOutput::kLastLogits}));
  EXPECT_TRUE(fails({tokens, 0, bad_blocks, StepOutput::kLastLogits}));
  EXPECT_TRUE(fails({bad_tokens, 0, blocks, StepOutput::kLastLogits}));
  EXPECT_TRUE(fails({many, 0, enough, StepOutput::kLastLogits}));
  EXPECT_TRUE(fails({{}, 0, blocks, StepOutput::kLastLogits}));
  EXPECT_FALSE(model->Forward({}).ok());
}

TEST(TransformerLoadTest, SaysWhatIsWrongWithAFile) {
  TinyModel unknown;
  unknown.architecture = "mamba";
  EXPECT_NE(LoadError(unknown).find("\"mamba\" is not supported; supported are: llama, qwen2, qwen3, gemma3"),
            std::string::npos);

  TinyModel missing;
  missing.left_out = "blk.1.ffn_up.weight";
  EXPECT_NE(LoadError(missing).find("\"blk.1.ffn_up.weight\" is missing"), std::string::npos);

  TinyModel shape;
  shape.other_shapes["blk.0.attn_k.weight"] = {64, 32};
  EXPECT_NE(LoadError(shape).find("\"blk.0.attn_k.weight\" has the shape [64, 32, 1, 1], but its architecture asks for "
                                  "[64, 64, 1, 1]"),
            std::string::npos);

  TinyModel poisoned;
  poisoned.poisoned = "blk.0.ffn_down.weight";
  EXPECT_NE(LoadError(poisoned).find("\"blk.0.ffn_down.weight\" holds scales or values that are not finite"),
            std::string::npos);
  poisoned.poisoned = "output_norm.weight";
  EXPECT_NE(LoadError(poisoned).find("not finite"), std::string::npos);

  TinyModel vocabulary;
  vocabulary.tokens = 49;
  EXPECT_NE(LoadError(vocabulary).find("its tokenizer has 49 tokens, but its embedding only 48 rows"),
            std::string::npos);

  TinyModel heads;
  heads.heads = 5;
  EXPECT_NE(LoadError(heads).find("no multiple of head_count_kv"), std::string::npos);

  TinyModel width;
  width.embd = 48;
  EXPECT_NE(LoadError(width).find("embedding_length is 48, no multiple of 32"), std::string::npos);
}

TEST(TransformerLoadTest, CanBeCancelled) {
  TinyModel tiny;
  auto file = tiny.Build();
  TransformerOptions options;
  options.kv_blocks = 4;
  double last = 0.0;
  options.progress = [&](double fraction) { return (last = fraction) < 0.5; };
  const auto result = Transformer::Load(*file, options);
  EXPECT_EQ(result.status().code(), base::StatusCode::kCancelled);
  EXPECT_GE(last, 0.5);
}

}  // namespace
}  // namespace bowhead::model
