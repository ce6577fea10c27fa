#include "base/worker_team.h"

#include <gtest/gtest.h>

#include <numeric>

namespace bowhead::base {
namespace {

TEST(WorkerTeamTest, RunsOnEveryMember) {
  WorkerTeam team(3);
  std::vector<int> calls(3, 0);
  for (int i = 0; i < 100; ++i) team.Run([&](int index) { ++calls[static_cast<std::size_t>(index)]; });
  EXPECT_EQ(calls, (std::vector<int>{100, 100, 100}));
}

TEST(WorkerTeamTest, ABarrierMakesWritesVisible) {
  WorkerTeam team(4);
  std::vector<int> values(4, 0);
  std::vector<int> sums(4, 0);
  team.Run([&](int index) {
    const auto i = static_cast<std::size_t>(index);
    for (int round = 1; round <= 500; ++round) {
      values[i] = round;
      team.Barrier();
      sums[i] += std::accumulate(values.begin(), values.end(), 0);
      team.Barrier();
    }
  });
  EXPECT_EQ(sums, std::vector<int>(4, 4 * 500 * 501 / 2));
}

TEST(WorkerTeamTest, OneMemberNeedsNoThreads) {
  WorkerTeam team(1);
  int calls = 0;
  team.Run([&](int) {
    team.Barrier();
    ++calls;
  });
  EXPECT_EQ(calls, 1);
}

TEST(WorkerTeamTest, ElasticRunsCoverAllWorkWhateverTheirSize) {
  WorkerTeam team(3);
  std::vector<int> done(100, 0);
  std::vector<int> in_order(3, 0);
  for (int round = 1; round <= 200; ++round) {
    team.RunElastic([&](int index) {
      ASSERT_LT(index, team.active());
      const Share share = team.ShareFor(index, done.size());
      for (std::size_t i = share.begin; i < share.end; ++i) ++done[i];
      team.Barrier();
      in_order[static_cast<std::size_t>(index)] = std::accumulate(done.begin(), done.end(), 0);
    });
    EXPECT_EQ(in_order[0], 100 * round);
  }
  EXPECT_EQ(done, std::vector<int>(100, 200));
  std::vector<int> calls(3, 0);
  team.Run([&](int index) { ++calls[static_cast<std::size_t>(index)]; });
  EXPECT_EQ(calls, (std::vector<int>{1, 1, 1}));
}

TEST(ShareOfTest, SharesCoverEverythingOnce) {
  std::size_t next = 0;
  for (int i = 0; i < 5; ++i) {
    const Share share = ShareOf(13, i, 5);
    EXPECT_EQ(share.begin, next);
    next = share.end;
  }
  EXPECT_EQ(next, 13U);
}

}  // namespace
}  // namespace bowhead::base
