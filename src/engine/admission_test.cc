#include "engine/admission.h"

#include <gtest/gtest.h>

#include <vector>

namespace bowhead::engine {
namespace {

Admission::Ticket Of(const std::string& tenant, int prompt = 100, int answer = 100) {
  return {tenant, prompt, answer};
}

TEST(Admission, BoundsTheQueueByCountButLetsEveryTenantIn) {
  Admission door(AdmissionLimits{.max_queue = 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(door.Enter(Of("a")).ok());
  EXPECT_EQ(door.Enter(Of("a")).code(), base::StatusCode::kResourceExhausted);
  EXPECT_FALSE(door.Check("a").ok());
  EXPECT_TRUE(door.Check("b").ok());
  for (const char* tenant : {"b", "c", "d"}) EXPECT_TRUE(door.Enter(Of(tenant)).ok()) << tenant;
  EXPECT_FALSE(door.Enter(Of("b")).ok()) << "its second one";
  EXPECT_FALSE(door.Enter(Of("e")).ok()) << "twice the bound is the end";
  EXPECT_EQ(door.queued(), 6);
  for (const char* tenant : {"a", "a", "a", "b", "c", "d"}) door.Left(Of(tenant), 0);
  EXPECT_EQ(door.queued(), 0);
  EXPECT_TRUE(door.Enter(Of("a")).ok());
}

TEST(Admission, BoundsTheTokensInWork) {
  Admission door(AdmissionLimits{.max_total_tokens = 500});
  Admission::Ticket first = Of("a");
  ASSERT_TRUE(door.Enter(first).ok());
  ASSERT_TRUE(door.Enter(Of("b")).ok());
  EXPECT_FALSE(door.Enter(Of("c")).ok());
  door.Started(&first);
  EXPECT_FALSE(door.Enter(Of("c")).ok()) << "it is still in work";
  door.Left(first, 10);
  EXPECT_TRUE(door.Enter(Of("c")).ok());
}

TEST(Admission, PredictsNothingWhileNothingIsKnown) {
  Admission door(AdmissionLimits{.max_wait_s = 1});
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(door.Enter(Of("a", 10'000)).ok());
  EXPECT_EQ(door.PredictWait("a", 100), 0);
  EXPECT_EQ(door.RetryAfter("a"), 1);
}

TEST(Admission, PredictsPromptsAheadWhileThereArePlaces) {
  Admission door(AdmissionLimits{.max_running = 64});
  door.SetCosts(2.0, 30.0, 0.5);
  EXPECT_EQ(door.PredictWait("a", 100), 0);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(door.Enter(Of("a", 1000)).ok());
  EXPECT_DOUBLE_EQ(door.PredictWait("a", 100), 10 * 1000 * 0.5 * 2e-3);
}

TEST(Admission, PredictsAnswersWhereThereAreNoPlaces) {
  Admission door(AdmissionLimits{.max_running = 2});
  door.SetCosts(1e-6, 10.0, 1);
  std::vector<Admission::Ticket> running = {Of("a"), Of("a"), Of("a")};
  for (Admission::Ticket& ticket : running) {
    ASSERT_TRUE(door.Enter(ticket).ok());
    door.Started(&ticket);
  }
  door.Left(running[2], 50);  // answers have 50 tokens
  EXPECT_NEAR(door.PredictWait("a", 1), 0.5, 1e-3);
  ASSERT_TRUE(door.Enter(Of("a")).ok());
  EXPECT_NEAR(door.PredictWait("a", 1), 1.0, 1e-3);
  door.Left(running[0], 50);
  EXPECT_NEAR(door.PredictWait("a", 1), 0.5, 1e-3);
}

TEST(Admission, TheCacheMayHoldFewerThanTheBatch) {
  Admission door(AdmissionLimits{.max_running = 64, .kv_tokens = 300});
  door.SetCosts(1e-6, 10.0, 1);
  Admission::Ticket done = Of("a", 100, 50);
  ASSERT_TRUE(door.Enter(done).ok());
  door.Started(&done);
  door.Left(done, 50);
  std::vector<Admission::Ticket> running = {Of("a"), Of("a")};
  for (Admission::Ticket& ticket : running) {
    ASSERT_TRUE(door.Enter(ticket).ok());
    door.Started(&ticket);
  }
  EXPECT_NEAR(door.PredictWait("a", 1), 0.5, 1e-3) << "two requests of 150 tokens fill 300";
}

TEST(Admission, ABusyTenantWaitsAndAnotherDoesNot) {
  Admission door(AdmissionLimits{.max_queue = 1000, .max_wait_s = 5});
  door.SetCosts(1.0, 10.0, 1);
  int entered = 0;
  while (door.Enter(Of("greedy", 500)).ok()) ASSERT_LT(++entered, 100);
  EXPECT_NEAR(entered, 11, 1);
  EXPECT_GT(door.PredictWait("greedy", 500), 5);
  EXPECT_LT(door.PredictWait("modest", 500), 1);
  EXPECT_TRUE(door.Enter(Of("modest", 500)).ok());
  EXPECT_EQ(door.RetryAfter("greedy"), 1);
  const base::Status refused = door.Enter(Of("greedy", 500));
  EXPECT_NE(refused.message().find("6 s"), std::string::npos) << refused.message();
  EXPECT_NE(refused.message().find("5 s"), std::string::npos) << refused.message();
}

}  // namespace
}  // namespace bowhead::engine
