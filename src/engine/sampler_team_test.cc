#include "engine/sampler_team.h"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

namespace bowhead::engine {
namespace {

TEST(SamplerTeam, CallsEveryIndexOnce) {
  for (const int helpers : {0, 1, 3}) {
    SamplerTeam team(helpers);
    for (int round = 0; round < 300; ++round) {
      const int count = round % 40;
      std::vector<std::atomic<int>> calls(40);
      team.Run(count, /*alone=*/round % 3 == 0, [&](int index, SamplerScratch* scratch) {
        scratch->keys.assign(10, static_cast<float>(index));
        ++calls[static_cast<std::size_t>(index)];
        EXPECT_EQ(scratch->keys[9], static_cast<float>(index));
      });
      for (int i = 0; i < 40; ++i) EXPECT_EQ(calls[static_cast<std::size_t>(i)], i < count ? 1 : 0);
    }
  }
}

TEST(SamplerTeam, HelpersHelp) {
  SamplerTeam team(1);
  std::mutex mutex;
  std::vector<std::thread::id> threads;
  team.Run(2, false, [&](int, SamplerScratch*) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const std::lock_guard lock(mutex);
    threads.push_back(std::this_thread::get_id());
  });
  ASSERT_EQ(threads.size(), 2U);
  EXPECT_NE(threads[0], threads[1]);
}

TEST(SamplerTeam, AnExceptionComesOutAndTheTeamGoesOn) {
  SamplerTeam team(2);
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(team.Run(20, false,
                          [&](int index, SamplerScratch*) {
                            if (index == round % 20) throw std::runtime_error("no memory");
                          }),
                 std::runtime_error);
    std::atomic<int> calls = 0;
    team.Run(10, false, [&](int, SamplerScratch*) { ++calls; });
    EXPECT_EQ(calls, 10);
  }
}

}  // namespace
}  // namespace bowhead::engine
