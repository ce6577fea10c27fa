#include "model/tokenizer/token_trie.h"

#include <gtest/gtest.h>

#include "model/tokenizer/string_index.h"

namespace bowhead::model {
namespace {

TEST(TokenTrie, FindsTheLeftmostAndLongest) {
  TokenTrie trie;
  EXPECT_TRUE(trie.empty());
  trie.Add("<a>", 1);
  trie.Add("<a>b", 2);
  trie.Add("a>b<", 3);
  trie.Add("<a>", 9);  // ignored
  const std::string_view text = "x<a>b<a>y";
  TokenTrie::Match match = trie.FindNext(text, 0, text.size());
  EXPECT_EQ(match.begin, 1U);
  EXPECT_EQ(match.length, 4U);
  EXPECT_EQ(match.id, 2);
  match = trie.FindNext(text, 5, text.size());
  EXPECT_EQ(match.begin, 5U);
  EXPECT_EQ(match.id, 1);
  EXPECT_EQ(trie.FindNext(text, 8, text.size()).length, 0U);
}

TEST(TokenTrie, StaysInsideItsRange) {
  TokenTrie trie;
  trie.Add("abc", 1);
  trie.Add("ab", 2);
  EXPECT_EQ(trie.FindNext("abc", 0, 2).id, 2);
  EXPECT_EQ(trie.FindNext("abc", 0, 1).length, 0U);
  EXPECT_EQ(trie.FindNext("abc", 3, 3).length, 0U);
}

TEST(StringIndex, FindsWhatWasAdded) {
  std::vector<std::string> keys = {""};
  for (int i = 0; i < 5000; ++i) keys.push_back("key number " + std::to_string(i * i));
  const auto spelled = [&keys](std::int32_t id) { return std::string_view(keys[static_cast<std::size_t>(id)]); };
  StringIndex index(10);  // grows
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_TRUE(index.Add(static_cast<std::int32_t>(i), spelled));
  keys.emplace_back("key number 4");
  EXPECT_FALSE(index.Add(static_cast<std::int32_t>(keys.size()) - 1, spelled));
  EXPECT_EQ(index.Find("key number 4", spelled), 3);
  keys.pop_back();
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(index.Find(keys[i], spelled), static_cast<std::int32_t>(i));
  EXPECT_EQ(index.Find("key number 3", spelled), -1);
  EXPECT_EQ(StringIndex().Find("x", spelled), -1);
}

}  // namespace
}  // namespace bowhead::model
