#include "engine/block_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "engine/prefix_cache.h"

namespace bowhead::engine {
namespace {

std::array<model::TokenId, model::kBlockTokens> Block(int salt) {
  std::array<model::TokenId, model::kBlockTokens> tokens;
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = salt * 100 + static_cast<int>(i);
  return tokens;
}

TEST(BlockPool, AllocatesAllOrNothing) {
  BlockPool pool(5);
  std::vector<BlockId> blocks;
  EXPECT_TRUE(pool.Allocate(3, &blocks));
  EXPECT_FALSE(pool.Allocate(3, &blocks));
  EXPECT_EQ(blocks.size(), 3U);
  EXPECT_EQ(pool.used(), 3);
  EXPECT_TRUE(pool.Allocate(2, &blocks));
  EXPECT_EQ(std::set<BlockId>(blocks.begin(), blocks.end()).size(), 5U);
  EXPECT_FALSE(pool.Allocate(1, &blocks));
  for (const BlockId block : blocks) pool.Release(block);
  EXPECT_EQ(pool.used(), 0);
}

TEST(BlockPool, AnEmptyPoolHandsOutNothing) {
  BlockPool pool(0);
  std::vector<BlockId> blocks;
  EXPECT_FALSE(pool.Allocate(1, &blocks));
  EXPECT_TRUE(pool.Allocate(0, &blocks));
}

TEST(BlockPool, CountsReferences) {
  BlockPool pool(1);
  std::vector<BlockId> blocks;
  ASSERT_TRUE(pool.Allocate(1, &blocks));
  pool.Retain(blocks[0]);
  pool.Release(blocks[0]);
  EXPECT_EQ(pool.used(), 1);
  pool.Release(blocks[0]);
  EXPECT_EQ(pool.used(), 0);
}

TEST(BlockPool, TakesFreeBlocksFirstThenTheLongestReleased) {
  BlockPool pool(4);
  std::vector<BlockId> evicted;
  pool.SetEvictionHook([&](BlockId block) { evicted.push_back(block); });
  std::vector<BlockId> blocks;
  ASSERT_TRUE(pool.Allocate(3, &blocks));
  for (const BlockId block : blocks) pool.Mark(block);
  pool.Release(blocks[1]);
  pool.Release(blocks[0]);
  pool.Release(blocks[2]);
  EXPECT_EQ(pool.used(), 0);
  pool.Retain(blocks[0]);  // from the middle of the list
  EXPECT_EQ(pool.used(), 1);
  std::vector<BlockId> more;
  ASSERT_TRUE(pool.Allocate(1, &more));
  EXPECT_TRUE(evicted.empty());
  ASSERT_TRUE(pool.Allocate(2, &more));
  EXPECT_EQ(evicted, (std::vector<BlockId>{blocks[1], blocks[2]}));
  EXPECT_FALSE(pool.Allocate(1, &more));
}

TEST(BlockTable, CoversAndGivesBack) {
  BlockPool pool(4);
  {
    BlockTable table(&pool);
    EXPECT_TRUE(table.Cover(1));
    EXPECT_TRUE(table.Cover(16));
    EXPECT_EQ(table.size(), 1);
    EXPECT_TRUE(table.Cover(17));
    EXPECT_EQ(table.size(), 2);
    EXPECT_FALSE(table.Cover(65));
    EXPECT_EQ(table.size(), 2);
    BlockTable moved(std::move(table));
    EXPECT_EQ(moved.size(), 2);
    BlockTable other(&pool);
    EXPECT_TRUE(other.Cover(32));
    other = std::move(moved);
    EXPECT_EQ(pool.used(), 2);
    BlockTable sharer(&pool);
    sharer.AppendShared(other.blocks()[0]);
    other.Clear();
    EXPECT_EQ(pool.used(), 1);
  }
  EXPECT_EQ(pool.used(), 0);
}

TEST(PrefixCache, FindsTheLongestKnownPrefix) {
  BlockPool pool(8);
  PrefixCache cache(&pool);
  std::vector<BlockId> blocks;
  ASSERT_TRUE(pool.Allocate(3, &blocks));
  const auto a = cache.Insert(PrefixCache::kRoot, Block(1), blocks[0]);
  const auto b = cache.Insert(a, Block(2), blocks[1]);
  EXPECT_NE(a, b);
  EXPECT_EQ(cache.Insert(PrefixCache::kRoot, Block(1), blocks[2]), a);  // known already
  std::vector<model::TokenId> tokens;
  for (const int salt : {1, 2, 3}) {
    for (const model::TokenId token : Block(salt)) tokens.push_back(token);
  }
  auto match = cache.Find(tokens, 10);
  EXPECT_EQ(match.blocks, (std::vector<BlockId>{blocks[0], blocks[1]}));
  EXPECT_EQ(match.node, b);
  EXPECT_EQ(cache.Find(tokens, 1).blocks.size(), 1U);
  EXPECT_EQ(cache.Find(std::span(tokens).first(31), 10).blocks.size(), 1U);
  tokens[20] = 7777;  // another second block
  EXPECT_EQ(cache.Find(tokens, 10).blocks.size(), 1U);
  EXPECT_TRUE(cache.Find(std::span(tokens).subspan(16), 10).blocks.empty());  // the second block is no beginning
}

TEST(PrefixCache, ForgetsWhatThePoolTakes) {
  BlockPool pool(2);
  PrefixCache cache(&pool);
  const auto tokens = Block(1);
  {
    BlockTable table(&pool);
    ASSERT_TRUE(table.Cover(32));
    const auto a = cache.Insert(PrefixCache::kRoot, Block(1), table.blocks()[0]);
    cache.Insert(a, Block(2), table.blocks()[1]);
  }
  EXPECT_EQ(cache.size(), 2U);
  BlockTable table(&pool);
  ASSERT_TRUE(table.Cover(16));  // takes the end of the sequence first
  EXPECT_EQ(cache.size(), 1U);
  EXPECT_EQ(cache.Find(tokens, 1).blocks.size(), 1U);
  ASSERT_TRUE(table.Cover(32));
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_TRUE(cache.Find(tokens, 1).blocks.empty());
}

}  // namespace
}  // namespace bowhead::engine
