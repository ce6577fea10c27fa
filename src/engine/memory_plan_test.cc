#include "engine/memory_plan.h"

#include <gtest/gtest.h>

#include <string>

namespace bowhead::engine {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(MemoryPlan, WhatFitsPasses) {
  const MemoryPlan plan{100 * kMiB, 50 * kMiB, 10 * kMiB};
  EXPECT_TRUE(CheckMemoryPlan(plan, 160 * kMiB).ok());
  EXPECT_TRUE(CheckMemoryPlan(plan, 0).ok());  // unknown
}

TEST(MemoryPlan, ACacheThatIsTooLargeIsRefusedWithTheNumbers) {
  const base::Status status = CheckMemoryPlan({100 * kMiB, 50 * kMiB, 10 * kMiB}, 130 * kMiB);
  EXPECT_EQ(status.code(), base::StatusCode::kResourceExhausted);
  for (const char* part :
       {"160 MiB", "weights 100 MiB", "KV cache 50 MiB", "130 MiB", "--ctx", "--kv-memory to 20 MiB"}) {
    EXPECT_NE(status.message().find(part), std::string::npos) << part << " in " << status.message();
  }
}

TEST(MemoryPlan, WeightsThatAreTooLargeAskForASmallerModel) {
  const base::Status status = CheckMemoryPlan({100 * kMiB, 50 * kMiB, 10 * kMiB}, 90 * kMiB);
  EXPECT_NE(status.message().find("smaller model"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace bowhead::engine
