#include "base/thread_account.h"

#include <gtest/gtest.h>

#include <thread>

namespace bowhead::base {
namespace {

std::uint64_t Work() {
  std::uint64_t value = 1;
  for (int i = 0; i < 3'000'000; ++i) value = value * 6364136223846793005U + 1442695040888963407U;
  return value;
}

TEST(ThreadAccountTest, CountsTheTimeThatTheCallerRan) {
  ThreadAccount account;
  EXPECT_EQ(account.Since().ran_ns, 0U);
  EXPECT_NE(Work(), 0U);
  EXPECT_GT(account.Since().ran_ns, 100'000U);
}

TEST(ThreadAccountTest, AnotherThreadStartsAnew) {
  ThreadAccount account;
  account.Since();
  EXPECT_NE(Work(), 0U);
  std::thread([&] { EXPECT_EQ(account.Since().ran_ns, 0U); }).join();
}

}  // namespace
}  // namespace bowhead::base
