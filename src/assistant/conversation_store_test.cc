#include "assistant/conversation_store.h"

#include <gtest/gtest.h>

namespace bowhead::assistant {
namespace {

using Clock = ConversationStore::Clock;

TEST(ConversationStoreTest, KeepsTurnsPerOwner) {
  ConversationStore store;
  EXPECT_EQ(store.AddTurn("a", "bc", "question", "answer"), 1U);
  EXPECT_EQ(store.AddTurn("a", "bc", "again", "yes"), 2U);
  const auto history = store.History("a", "bc");
  ASSERT_EQ(history.size(), 4U);
  EXPECT_EQ(history[0].role, "user");
  EXPECT_EQ(history[3].role, "assistant");
  EXPECT_EQ(history[3].content, "yes");
  EXPECT_TRUE(store.History("ab", "c").empty());
  EXPECT_TRUE(store.History("", "bc").empty());
}

TEST(ConversationStoreTest, TheOldestGoesFirst) {
  ConversationStore store({.max_conversations = 2});
  store.AddTurn("", "1", "p", "r");
  store.AddTurn("", "2", "p", "r");
  store.AddTurn("", "1", "p", "r");
  store.AddTurn("", "3", "p", "r");
  EXPECT_EQ(store.size(), 2U);
  EXPECT_EQ(store.History("", "1").size(), 4U);
  EXPECT_TRUE(store.History("", "2").empty());
}

TEST(ConversationStoreTest, BoundsBytesAndAge) {
  ConversationStore store({.max_conversations = 10, .max_bytes = 1000, .max_age = std::chrono::seconds(60)});
  const Clock::time_point start = Clock::now();
  store.AddTurn("", "old", std::string(300, 'x'), "r", start);
  store.AddTurn("", "new", std::string(300, 'x'), "r", start + std::chrono::seconds(50));
  store.AddTurn("", "big", std::string(600, 'x'), "r", start + std::chrono::seconds(51));
  EXPECT_TRUE(store.History("", "old", start + std::chrono::seconds(52)).empty());
  EXPECT_LE(store.bytes(), 1000U);
  EXPECT_FALSE(store.History("", "big", start + std::chrono::seconds(52)).empty());
  EXPECT_TRUE(store.History("", "big", start + std::chrono::seconds(200)).empty());
  EXPECT_EQ(store.size(), 0U);
  EXPECT_EQ(store.bytes(), 0U);
  store.AddTurn("", "huge", std::string(2000, 'x'), "r");
  EXPECT_EQ(store.bytes(), 0U);
}

}  // namespace
}  // namespace bowhead::assistant
