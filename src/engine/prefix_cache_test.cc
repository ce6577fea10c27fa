#include "engine/prefix_cache.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>

namespace bowhead::engine {
namespace {

using Tokens = std::vector<model::TokenId>;

std::array<model::TokenId, model::kBlockTokens> Block(int salt) {
  std::array<model::TokenId, model::kBlockTokens> tokens;
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = salt * 100 + static_cast<int>(i);
  return tokens;
}

Tokens Text(int blocks, int salt) {
  Tokens tokens;
  for (int i = 0; i < blocks; ++i) {
    const auto block = Block(salt * 1000 + i);
    tokens.insert(tokens.end(), block.begin(), block.end());
  }
  return tokens;
}

/// What a request does to the cache, and how many blocks it found.
int Serve(BlockPool* pool, PrefixCache* cache, const Tokens& tokens, std::string_view scope = "") {
  BlockTable table(pool);
  const PrefixCache::NodeId root = cache->Root(scope);
  const auto match = cache->Find(root, tokens, 1 << 20);
  cache->CountUse(match.blocks);
  for (const BlockId block : match.blocks) table.AppendShared(block);
  EXPECT_TRUE(table.Cover(static_cast<int>(tokens.size())));
  PrefixCache::NodeId node = match.node;
  for (std::size_t i = match.blocks.size(); i < tokens.size() / model::kBlockTokens; ++i) {
    const auto content = std::span(tokens).subspan(i * model::kBlockTokens).first<model::kBlockTokens>();
    const auto inserted = cache->Insert(node, content, table.blocks()[i]);
    node = inserted.node;
    if (inserted.block != table.blocks()[i]) table.Replace(static_cast<int>(i), inserted.block);
  }
  return static_cast<int>(match.blocks.size());
}

int Known(PrefixCache* cache, const Tokens& tokens, std::string_view scope = "") {
  return static_cast<int>(cache->Find(cache->Root(scope), tokens, 1 << 20).blocks.size());
}

TEST(PrefixCache, FindsTheLongestKnownPrefix) {
  BlockPool pool(8);
  PrefixCache cache(&pool);
  const auto root = cache.Root("");
  std::vector<BlockId> blocks;
  ASSERT_TRUE(pool.Allocate(3, &blocks));
  const auto a = cache.Insert(root, Block(1), blocks[0]);
  const auto b = cache.Insert(a.node, Block(2), blocks[1]);
  EXPECT_NE(a.node, b.node);
  const auto again = cache.Insert(root, Block(1), blocks[2]);  // known already
  EXPECT_EQ(again.node, a.node);
  EXPECT_EQ(again.block, blocks[0]);
  Tokens tokens;
  for (const int salt : {1, 2, 3}) {
    for (const model::TokenId token : Block(salt)) tokens.push_back(token);
  }
  auto match = cache.Find(root, tokens, 10);
  EXPECT_EQ(match.blocks, (std::vector<BlockId>{blocks[0], blocks[1]}));
  EXPECT_EQ(match.node, b.node);
  EXPECT_EQ(cache.Find(root, tokens, 1).blocks.size(), 1U);
  EXPECT_EQ(cache.Find(root, std::span(tokens).first(31), 10).blocks.size(), 1U);
  tokens[20] = 7777;  // another second block
  EXPECT_EQ(cache.Find(root, tokens, 10).blocks.size(), 1U);
  EXPECT_TRUE(cache.Find(root, std::span(tokens).subspan(16), 10).blocks.empty());  // the second block is no beginning
  for (const BlockId block : blocks) pool.Release(block);
}

TEST(PrefixCache, ScopesSeeNothingOfEachOther) {
  BlockPool pool(16);
  PrefixCache cache(&pool);
  const Tokens text = Text(4, 1);
  EXPECT_EQ(Serve(&pool, &cache, text, "alice"), 0);
  EXPECT_EQ(Serve(&pool, &cache, text, "bob"), 0);
  EXPECT_EQ(Serve(&pool, &cache, text, "alice"), 4);
  EXPECT_EQ(Known(&cache, text, ""), 0);
  const auto alice = cache.ChainOf(cache.Root("alice"), text, 4);
  const auto bob = cache.ChainOf(cache.Root("bob"), text, 4);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NE(alice[i], bob[i]);
  PrefixCache other(&pool, 5);
  EXPECT_NE(other.ChainOf(other.Root("alice"), text, 1)[0], alice[0]) << "another salt";
}

TEST(PrefixCache, TheEndOfATextGoesFirst) {
  BlockPool pool(8);
  PrefixCache cache(&pool);
  const Tokens text = Text(6, 1);
  Serve(&pool, &cache, text);
  for (int taken = 3; taken <= 8; ++taken) {
    BlockTable table(&pool);
    ASSERT_TRUE(table.Cover(taken * model::kBlockTokens));
    EXPECT_EQ(Known(&cache, text), 8 - taken);
  }
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.evictions(), 6U);
}

TEST(PrefixCache, AmongEqualsTheOldestGoesFirst) {
  BlockPool pool(6);
  PrefixCache cache(&pool);
  for (const int salt : {1, 2, 3}) Serve(&pool, &cache, Text(2, salt));
  Serve(&pool, &cache, Text(2, 4));
  EXPECT_EQ(Known(&cache, Text(2, 4)), 2);
  EXPECT_EQ(Known(&cache, Text(2, 1)) + Known(&cache, Text(2, 2)) + Known(&cache, Text(2, 3)), 4);
  Serve(&pool, &cache, Text(2, 5));
  Serve(&pool, &cache, Text(2, 6));
  for (const int salt : {1, 2, 3}) EXPECT_EQ(Known(&cache, Text(2, salt)), 0) << salt;
}

TEST(PrefixCache, OneLongPromptDoesNotFlushAHotOne) {
  BlockPool pool(100);
  PrefixCache cache(&pool);
  const Tokens system = Text(10, 1);
  for (int user = 0; user < 4; ++user) {
    Tokens prompt = system;
    for (const model::TokenId token : Text(2, 10 + user)) prompt.push_back(token);
    Serve(&pool, &cache, prompt);
  }
  EXPECT_EQ(Known(&cache, system), 10);
  Serve(&pool, &cache, Text(90, 50));  // as large as all that is left
  EXPECT_EQ(Known(&cache, system), 10);
  Serve(&pool, &cache, Text(90, 51));
  EXPECT_EQ(Known(&cache, system), 10);
  EXPECT_EQ(Known(&cache, Text(90, 50)), 0);
  // What nobody asks for any more goes in the end.
  for (int i = 0; i < 20; ++i) Serve(&pool, &cache, Text(90, 100 + i));
  EXPECT_EQ(Known(&cache, system), 0);
}

TEST(PrefixCache, BlocksThatAreHeldAreNeverEvicted) {
  BlockPool pool(20);
  PrefixCache cache(&pool);
  const Tokens text = Text(8, 1);
  Serve(&pool, &cache, text);
  BlockTable holder(&pool);
  for (const BlockId block : cache.Find(cache.Root(""), text, 5).blocks) holder.AppendShared(block);
  for (int i = 0; i < 10; ++i) Serve(&pool, &cache, Text(14, 2 + i));
  EXPECT_EQ(Known(&cache, text), 5);
}

TEST(PrefixCache, TellsWhatItEvicts) {
  BlockPool pool(2);
  PrefixCache cache(&pool, 9);
  const Tokens text = Text(2, 1);
  const auto chain = cache.ChainOf(cache.Root("x"), text, 2);
  std::vector<base::ContentHash> evicted;
  cache.SetEvictionHook([&](const PrefixCache::Evicted& gone) {
    evicted.push_back(gone.chain);
    EXPECT_EQ(gone.tokens[0], evicted.size() == 1 ? text[16] : text[0]);
    EXPECT_EQ(gone.uses, 2);
  });
  Serve(&pool, &cache, text, "x");
  Serve(&pool, &cache, text, "x");
  {
    BlockTable table(&pool);
    ASSERT_TRUE(table.Cover(32));
  }
  EXPECT_EQ(evicted, (std::vector<base::ContentHash>{chain[1], chain[0]}));
}

TEST(PrefixCache, RandomUseKeepsItsBooks) {
  std::mt19937 random(5);
  BlockPool pool(60);
  PrefixCache cache(&pool);
  for (int i = 0; i < 5000; ++i) {
    const int family = static_cast<int>(random() % 6);
    Tokens tokens = Text(1 + static_cast<int>(random() % 12), family);
    for (const model::TokenId token : Text(static_cast<int>(random() % 8), 10 + static_cast<int>(random() % 40))) {
      tokens.push_back(token);
    }
    const int known = Known(&cache, tokens, std::to_string(family % 2));
    ASSERT_EQ(Serve(&pool, &cache, tokens, std::to_string(family % 2)), known);
    ASSERT_EQ(pool.used(), 0);
    ASSERT_EQ(static_cast<std::int64_t>(cache.size()), pool.kept());
  }
  EXPECT_GT(cache.evictions(), 1000U);
}

}  // namespace
}  // namespace bowhead::engine
