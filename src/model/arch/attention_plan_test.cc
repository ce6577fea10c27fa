#include "model/arch/attention_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

namespace bowhead::model {
namespace {

ModelSpec Spec(int heads, int kv_heads, int window = 0) {
  ModelSpec spec;
  spec.num_heads = heads;
  spec.num_kv_heads = kv_heads;
  spec.sliding_window = window;
  return spec;
}

// `tokens` tokens behind `position` others, in blocks that begin with `first_block` after `shared` common ones.
struct Piece {
  std::vector<TokenId> tokens;
  std::vector<std::int32_t> blocks;
  SequenceStep step;

  Piece(int position, int tokens_in, int first_block, int shared) : tokens(static_cast<std::size_t>(tokens_in)) {
    blocks.resize(static_cast<std::size_t>((position + tokens_in + 15) / 16));
    std::iota(blocks.begin(), blocks.end(), 0);
    std::iota(blocks.begin() + shared, blocks.end(), first_block);
    step = {tokens, position, blocks, StepOutput::kNothing};
  }
};

AttentionPlan Plan(std::vector<Piece>& pieces, const ModelSpec& spec, int threads) {
  std::vector<SequenceStep> batch;
  for (Piece& piece : pieces) {
    piece.step.tokens = piece.tokens;
    piece.step.block_table = piece.blocks;
    batch.push_back(piece.step);
  }
  AttentionPlan plan;
  PlanAttention(batch, spec, threads, plan);
  return plan;
}

// Every query once, and each of its chunks in exactly one task.
void CheckComplete(const AttentionPlan& plan, const AttentionSchedule& schedule, std::size_t queries) {
  std::set<std::pair<int, int>> seen;
  for (const QueryRow& row : plan.rows) EXPECT_TRUE(seen.emplace(row.token, row.head).second);
  EXPECT_EQ(seen.size(), queries);
  std::map<std::int32_t, std::set<std::int32_t>> chunks;
  std::map<std::int32_t, std::int32_t> tasks;
  for (const AttentionTask& task : schedule.tasks) {
    EXPECT_LT(task.first_chunk, task.last_chunk);
    const std::int32_t first_row = plan.groups[static_cast<std::size_t>(task.first_group)].first_row;
    const std::int32_t last_row = plan.groups[static_cast<std::size_t>(task.last_group) - 1].last_row;
    EXPECT_LE(static_cast<std::size_t>(last_row - first_row), kTaskRows);
    for (std::int32_t g = task.first_group; g < task.last_group; ++g) {
      ++tasks[g];
      EXPECT_EQ(plan.groups[static_cast<std::size_t>(g)].kv_head,
                plan.groups[static_cast<std::size_t>(task.first_group)].kv_head);
      for (std::int32_t c = task.first_chunk; c < task.last_chunk; ++c) EXPECT_TRUE(chunks[g].insert(c).second);
    }
  }
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    const GroupSchedule& group = schedule.groups[g];
    const auto index = static_cast<std::int32_t>(g);
    EXPECT_EQ(group.tasks, tasks[index]);
    EXPECT_EQ(static_cast<std::int32_t>(chunks[index].size()), group.last_chunk - group.first_chunk);
    EXPECT_EQ(*chunks[index].begin(), group.first_chunk);
  }
}

TEST(AttentionPlanTest, OneLongSequenceWithOneKvHeadKeepsAllThreadsBusy) {
  std::vector<Piece> pieces = {{16000, 1, 0, 0}};
  const AttentionPlan plan = Plan(pieces, Spec(4, 1), 2);
  EXPECT_EQ(plan.groups.size(), 1U);  // its heads read the keys together
  EXPECT_GE(plan.full.tasks.size(), 8U);
  CheckComplete(plan, plan.full, 4);
}

TEST(AttentionPlanTest, ShortContextsSpreadTheirHeads) {
  std::vector<Piece> pieces = {{100, 1, 0, 0}};
  const AttentionPlan plan = Plan(pieces, Spec(4, 1), 2);
  EXPECT_EQ(plan.full.tasks.size(), 4U);
  CheckComplete(plan, plan.full, 4);
}

TEST(AttentionPlanTest, PromptsNeedNoMerging) {
  std::vector<Piece> pieces = {{4096, 512, 0, 0}};
  const AttentionPlan plan = Plan(pieces, Spec(32, 8), 2);
  EXPECT_EQ(plan.full.num_results, 0U);
  CheckComplete(plan, plan.full, 512 * 32);
}

TEST(AttentionPlanTest, WholeChunksInTheSameBlocksAreReadOnce) {
  // All share 2 chunks, the first two 3. The last one has the same blocks, but its second chunk is not whole yet.
  std::vector<Piece> pieces = {{900, 1, 100, 48}, {1000, 1, 600, 40}, {910, 1, 300, 48}, {400, 1, 400, 25}};
  const AttentionPlan plan = Plan(pieces, Spec(4, 2), 1);
  std::map<std::int32_t, std::int64_t> reads;  // of a chunk, by all tasks of one KV head
  for (const AttentionTask& task : plan.full.tasks) {
    if (plan.groups[static_cast<std::size_t>(task.first_group)].kv_head != 0) continue;
    for (std::int32_t c = task.first_chunk; c < task.last_chunk; ++c) ++reads[c];
  }
  EXPECT_EQ(reads[0], 1);
  EXPECT_EQ(reads[1], 2);  // three together, the last one alone
  EXPECT_EQ(reads[2], 2);
  EXPECT_EQ(reads[3], 3);
  CheckComplete(plan, plan.full, 16);
}

TEST(AttentionPlanTest, ManySharersAreCutIntoTasksOfBoundedSize) {
  std::vector<Piece> pieces;
  for (int i = 0; i < 40; ++i) pieces.emplace_back(600 + i, 1, 100 + 10 * i, 32);
  const AttentionPlan plan = Plan(pieces, Spec(8, 2, 300), 3);
  CheckComplete(plan, plan.full, 320);
  CheckComplete(plan, plan.windowed, 320);
  for (const AttentionTask& task : plan.windowed.tasks) EXPECT_GE(task.first_chunk, 1);
}

TEST(AttentionPlanTest, MixedBatchesAreComplete) {
  std::vector<Piece> pieces = {
      {0, 300, 0, 0}, {700, 1, 100, 32}, {3000, 1, 200, 0}, {650, 3, 500, 32}, {256, 40, 600, 0}};
  for (const auto& [heads, kv_heads] : {std::pair{9, 3}, {32, 8}, {4, 1}, {40, 1}}) {
    for (const int threads : {1, 2, 7}) {
      const AttentionPlan plan = Plan(pieces, Spec(heads, kv_heads, 512), threads);
      CheckComplete(plan, plan.full, static_cast<std::size_t>(345 * heads));
      CheckComplete(plan, plan.windowed, static_cast<std::size_t>(345 * heads));
    }
  }
}

}  // namespace
}  // namespace bowhead::model
