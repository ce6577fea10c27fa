#include "engine/speculation/step_times.h"

#include <gtest/gtest.h>

namespace bowhead::engine {
namespace {

TEST(StepTimes, KnowsNothingAtFirst) {
  const StepTimes times;
  EXPECT_EQ(times.Ms(1, 1), 0);
  EXPECT_EQ(times.Age(1, 1), 0);
}

TEST(StepTimes, HopesForWhatWasNotMeasured) {
  StepTimes times;
  times.Add(1, 1, 10);
  EXPECT_NEAR(times.Ms(1, 1), 10, 1e-9);
  EXPECT_GT(times.Ms(1, 9), 10);
  EXPECT_LT(times.Ms(1, 9), 14) << "what was never tried has to look worth trying";
  times.Add(1, 9, 26);
  EXPECT_NEAR(times.Ms(1, 9), 26, 1e-9);
  EXPECT_LT(times.Ms(1, 5), 14);
  EXPECT_GT(times.Ms(1, 10), 26);
  EXPECT_EQ(times.Ms(4, 4), 0) << "other numbers of sequences have times of their own";
}

TEST(StepTimes, AllSizesFollowTheLevel) {
  StepTimes times;
  times.Add(1, 1, 10);
  times.Add(1, 5, 15);
  for (int i = 0; i < 200; ++i) times.Add(1, 1, 20);  // contexts have grown, say
  EXPECT_NEAR(times.Ms(1, 1), 20, 0.5);
  EXPECT_GT(times.Ms(1, 5), 17);
  EXPECT_EQ(times.Age(1, 5), 200);
}

TEST(StepTimes, ABadMeasurementIsForgotten) {
  StepTimes times;
  times.Add(1, 1, 10);
  times.Add(1, 5, 500);
  times.Add(1, 1, 10000);
  for (int i = 0; i < 2400; ++i) times.Add(1, 1, 10);
  EXPECT_NEAR(times.Ms(1, 1), 10, 0.5);
  EXPECT_LT(times.Ms(1, 5), 15);
}

}  // namespace
}  // namespace bowhead::engine
