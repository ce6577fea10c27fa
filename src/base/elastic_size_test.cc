#include "base/elastic_size.h"

#include <gtest/gtest.h>

namespace bowhead::base {
namespace {

TEST(ElasticSizeTest, StaysWholeOnACalmMachine) {
  ElasticSize size(4);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(size.Note(0.01, 0.038, 0.0005));
  EXPECT_EQ(size.size(), 4);
}

TEST(ElasticSizeTest, TwoBusyNeighboursLeaveOneOfTwo) {
  ElasticSize size(2);
  EXPECT_TRUE(size.Note(0.01, 0.008, 0.006));
  EXPECT_EQ(size.size(), 1);
}

TEST(ElasticSizeTest, SomeDelayIsBetterThanAMemberLess) {
  ElasticSize size(2);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(size.Note(0.01, 0.014, 0.005));
}

// Members that sleep because there is no work for all of them do not wait for the processor.
TEST(ElasticSizeTest, IdleMembersAreNoCrowd) {
  ElasticSize size(8);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(size.Note(0.01, 0.03, 0.0005));
}

TEST(ElasticSizeTest, ALargeTeamGivesUpAsManyAsWait) {
  ElasticSize size(16);
  EXPECT_TRUE(size.Note(0.01, 0.08, 0.031));
  EXPECT_EQ(size.size(), 13);
  EXPECT_TRUE(size.Note(0.01, 0.11, 0.0015));
  EXPECT_EQ(size.size(), 12);
  EXPECT_FALSE(size.Note(0.01, 0.119, 0.0005));
}

TEST(ElasticSizeTest, GrowsBackWhenTheNeighboursLeave) {
  ElasticSize size(2);
  size.Note(0.01, 0.008, 0.006);
  double waited = 0;
  while (size.size() == 1 && waited < 10) {
    size.Note(0.01, 0.01, 0);
    waited += 0.01;
  }
  EXPECT_EQ(size.size(), 2);
  EXPECT_LT(waited, 0.2);
}

TEST(ElasticSizeTest, FailedTriesBecomeRare) {
  ElasticSize size(2);
  int tries = 0;
  for (int i = 0; i < 10'000; ++i) {  // 100 seconds
    const bool together = size.size() == 2;
    tries += together ? 1 : 0;
    size.Note(0.01, together ? 0.008 : 0.0067, together ? 0.006 : 0.0033);
  }
  EXPECT_GT(tries, 20);
  EXPECT_LT(tries, 100);
}

}  // namespace
}  // namespace bowhead::base
