#include "engine/block_pool.h"

#include <gtest/gtest.h>

#include <set>

namespace bowhead::engine {
namespace {

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

/// Gives up the block that was kept first.
class FirstInFirstOut : public BlockPool::Keeper {
 public:
  void Kept(BlockId block) override { kept.push_back(block); }
  void Reused(BlockId block) override { std::erase(kept, block); }
  BlockId Evict() override {
    const BlockId block = kept.front();
    kept.erase(kept.begin());
    return block;
  }
  std::vector<BlockId> kept;
};

TEST(BlockPool, TakesFreeBlocksFirstThenWhatTheKeeperGivesUp) {
  BlockPool pool(4);
  FirstInFirstOut keeper;
  pool.SetKeeper(&keeper);
  std::vector<BlockId> blocks;
  ASSERT_TRUE(pool.Allocate(3, &blocks));
  for (const BlockId block : blocks) pool.Mark(block);
  pool.Release(blocks[1]);
  pool.Release(blocks[0]);
  pool.Release(blocks[2]);
  EXPECT_EQ(pool.used(), 0);
  EXPECT_EQ(pool.kept(), 3);
  pool.Retain(blocks[0]);
  EXPECT_EQ(pool.used(), 1);
  std::vector<BlockId> more;
  ASSERT_TRUE(pool.Allocate(1, &more));
  EXPECT_EQ(pool.kept(), 2);
  ASSERT_TRUE(pool.Allocate(2, &more));
  EXPECT_EQ(std::vector<BlockId>(more.begin() + 1, more.end()), (std::vector<BlockId>{blocks[1], blocks[2]}));
  EXPECT_FALSE(pool.Allocate(1, &more));
  pool.Release(blocks[0]);
  EXPECT_EQ(pool.kept(), 1);
  pool.SetKeeper(nullptr);  // nothing is kept any more
  EXPECT_EQ(pool.kept(), 0);
  EXPECT_TRUE(pool.Allocate(1, &more));
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
    ASSERT_TRUE(other.Cover(16));
    sharer.Replace(0, other.blocks()[0]);
    EXPECT_EQ(pool.references(other.blocks()[0]), 2);
    EXPECT_EQ(pool.used(), 1);
  }
  EXPECT_EQ(pool.used(), 0);
}

}  // namespace
}  // namespace bowhead::engine
