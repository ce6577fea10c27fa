#include "serving/task_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace bowhead::serving {
namespace {

TEST(TaskQueueTest, OneThreadKeepsTheOrderAndStopRunsWhatWaits) {
  std::vector<int> seen;
  TaskQueue queue(1);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(queue.Post([&seen, i] { seen.push_back(i); }));
  queue.Stop();
  ASSERT_EQ(seen.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  EXPECT_FALSE(queue.Post([] {}));
}

TEST(TaskQueueTest, RefusesWhatDoesNotFit) {
  TaskQueue queue(1, 2);
  std::promise<void> started;
  std::promise<void> go;
  std::atomic<int> ran{0};
  ASSERT_TRUE(queue.Post([&] {
    started.set_value();
    go.get_future().wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(queue.Post([&] { ++ran; }));
  EXPECT_TRUE(queue.Post([&] { ++ran; }));
  EXPECT_FALSE(queue.Post([&] { ++ran; }));
  go.set_value();
  queue.Stop();
  EXPECT_EQ(ran, 2);
}

}  // namespace
}  // namespace bowhead::serving
