#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>

#include "engine/hashing.h"
#include "engine/step_cost.h"

namespace bowhead::engine {
namespace {

class SchedulerTest : public ::testing::Test {
 protected:
  void Make(std::int64_t blocks, int max_running = 64, bool cache = false) {
    scheduler_.reset();
    cache_.reset();
    sequences_.clear();
    pool_ = std::make_unique<BlockPool>(blocks);
    if (cache) cache_ = std::make_unique<PrefixCache>(pool_.get());
    scheduler_ = std::make_unique<Scheduler>(SchedulerOptions{max_running}, pool_.get(), cache_.get());
  }
  void TearDown() override { sequences_.clear(); }

  Sequence* Add(int prompt, std::string tenant = "", Priority priority = Priority::kInteractive) {
    auto sequence = std::make_unique<Sequence>(pool_.get());
    sequence->id = ++last_id_;
    sequence->arrival = last_id_;
    sequence->tenant = std::move(tenant);
    sequence->priority = priority;
    for (int i = 0; i < prompt; ++i)
      sequence->tokens.push_back(static_cast<int>(MixBits(last_id_ * 1000 + static_cast<std::uint64_t>(i)) % 1000));
    sequence->prompt_tokens = prompt;
    scheduler_->Add(sequence.get());
    sequences_.push_back(std::move(sequence));
    return sequences_.back().get();
  }

  /// Plans and pretends to compute: every complete sequence gets a token.
  StepPlan Step(int budget) {
    StepPlan plan = scheduler_->Schedule(budget);
    std::map<Sequence*, int> times;
    for (const Piece& piece : plan.pieces) {
      EXPECT_EQ(++times[piece.sequence], 1);
      EXPECT_EQ(piece.first, piece.sequence->num_computed);
      EXPECT_GT(piece.count, 0);
      EXPECT_GE(piece.sequence->blocks.size(), BlocksFor(piece.first + piece.count));
      EXPECT_EQ(piece.completes, piece.first + piece.count == piece.sequence->num_tokens());
      scheduler_->Computed(piece);
      if (piece.completes) piece.sequence->tokens.push_back(1);
    }
    return plan;
  }

  static int CountOf(const StepPlan& plan, const Sequence* sequence) {
    for (const Piece& piece : plan.pieces) {
      if (piece.sequence == sequence) return piece.count;
    }
    return 0;
  }

  std::unique_ptr<BlockPool> pool_;
  std::unique_ptr<PrefixCache> cache_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::unique_ptr<Sequence>> sequences_;
  RequestId last_id_ = 0;
};

TEST_F(SchedulerTest, CutsALongPromptAtMultiplesOfSixteen) {
  Make(100);
  Sequence* a = Add(150);
  EXPECT_EQ(CountOf(Step(70), a), 64);
  EXPECT_EQ(CountOf(Step(70), a), 64);
  const StepPlan plan = Step(70);
  EXPECT_EQ(CountOf(plan, a), 22);
  EXPECT_TRUE(plan.pieces[0].completes);
  EXPECT_EQ(CountOf(Step(70), a), 1);
}

TEST_F(SchedulerTest, DecodesGoFirstAndPromptsFillUp) {
  Make(100);
  Sequence* a = Add(10);
  Sequence* b = Add(10);
  Step(64);
  Sequence* c = Add(500);
  const StepPlan plan = Step(50);
  ASSERT_EQ(plan.pieces.size(), 3U);
  EXPECT_EQ(plan.pieces[0].sequence, a);
  EXPECT_EQ(plan.pieces[1].sequence, b);
  EXPECT_EQ(CountOf(plan, c), 48);
  EXPECT_EQ(scheduler_->num_decoding(), 2);
}

TEST_F(SchedulerTest, DecodesRunEvenWithoutBudgetAndAPromptAloneAlwaysMoves) {
  Make(100);
  Sequence* a = Add(5);
  Step(64);
  EXPECT_EQ(CountOf(Step(0), a), 1);
  scheduler_->Remove(a);
  Sequence* b = Add(100);
  EXPECT_EQ(CountOf(Step(1), b), 16);
}

TEST_F(SchedulerTest, AShortPromptIsNotStuckBehindALongOne) {
  Make(1000);
  Sequence* long_one = Add(5000);
  Step(128);
  Sequence* short_one = Add(40);
  const StepPlan plan = Step(128);
  EXPECT_EQ(CountOf(plan, short_one), 40);
  EXPECT_EQ(CountOf(plan, long_one), 80);  // its half and what the short one left, in whole blocks
}

TEST_F(SchedulerTest, TheLongPromptKeepsHalfOfTheSpeed) {
  Make(1000);
  Sequence* long_one = Add(2000);
  Step(128);
  int steps = 0;
  while (long_one->pending() > 1) {
    Sequence* other = Add(100);
    const StepPlan plan = Step(128);
    EXPECT_GE(CountOf(plan, long_one), std::min(64, long_one->pending()));
    ++steps;
    for (const Piece& piece : plan.pieces) {
      if (piece.sequence != long_one && piece.completes) scheduler_->Remove(piece.sequence);
    }
    ASSERT_LT(steps, 40);
    (void)other;
  }
}

TEST_F(SchedulerTest, WithinATenantTheFirstComesFirst) {
  Make(100, 2);
  Sequence* a = Add(20);
  Sequence* b = Add(20);
  Sequence* c = Add(20);
  Step(64);
  EXPECT_TRUE(a->running);
  EXPECT_TRUE(b->running);
  EXPECT_FALSE(c->running);
  scheduler_->Remove(a);
  Step(64);
  EXPECT_TRUE(c->running);
}

TEST_F(SchedulerTest, TenantsShareEvenly) {
  Make(10000, 1000);
  for (int i = 0; i < 60; ++i) Add(300, "greedy");
  for (int i = 0; i < 10; ++i) Add(300, "modest");
  std::map<std::string, int> tokens;
  for (int step = 0; step < 20; ++step) {
    const StepPlan plan = scheduler_->Schedule(160);
    for (const Piece& piece : plan.pieces) {
      tokens[piece.sequence->tenant] += piece.count;
      scheduler_->Computed(piece);
      if (piece.completes) scheduler_->Remove(piece.sequence);
    }
  }
  EXPECT_NEAR(tokens["greedy"], tokens["modest"], 400);
}

TEST_F(SchedulerTest, WhoWasAwayGetsNoCredit) {
  Make(10000, 1000);
  for (int i = 0; i < 50; ++i) Add(320, "early");
  for (int step = 0; step < 30; ++step) {
    const StepPlan plan = scheduler_->Schedule(160);
    for (const Piece& piece : plan.pieces) {
      scheduler_->Computed(piece);
      if (piece.completes) scheduler_->Remove(piece.sequence);
    }
  }
  for (int i = 0; i < 50; ++i) Add(320, "late");
  std::map<std::string, int> tokens;
  for (int step = 0; step < 10; ++step) {
    const StepPlan plan = scheduler_->Schedule(160);
    for (const Piece& piece : plan.pieces) {
      tokens[piece.sequence->tenant] += piece.count;
      scheduler_->Computed(piece);
      if (piece.completes) scheduler_->Remove(piece.sequence);
    }
  }
  EXPECT_GT(tokens["early"], 400);
  EXPECT_GT(tokens["late"], 400);
}

TEST_F(SchedulerTest, InteractiveBeforeBatch) {
  Make(10, 64);
  Sequence* batch = Add(100, "", Priority::kBatch);  // 7 blocks
  Step(256);
  EXPECT_TRUE(batch->running);
  Sequence* interactive = Add(100);
  const StepPlan plan = Step(256);
  EXPECT_TRUE(interactive->running);
  EXPECT_FALSE(batch->running);
  EXPECT_EQ(plan.preempted, std::vector<Sequence*>{batch});
  EXPECT_EQ(CountOf(plan, batch), 0);
  EXPECT_EQ(batch->tokens.size(), 101U);  // kept
  EXPECT_EQ(batch->num_computed, 0);
  scheduler_->Remove(interactive);
  EXPECT_EQ(CountOf(Step(256), batch), 101);
}

TEST_F(SchedulerTest, PreemptsTheLatestWhenBlocksRunOut) {
  Make(4);
  Sequence* a = Add(30);
  Step(256);
  Sequence* b = Add(15);
  Step(256);
  EXPECT_EQ(pool_->used(), 3);
  // Both grow. b gets the last block, then a needs one and b has to go.
  StepPlan plan;
  int steps = 0;
  while (plan.preempted.empty() && ++steps < 40) plan = Step(256);
  EXPECT_EQ(plan.preempted, std::vector<Sequence*>{b});
  EXPECT_TRUE(a->running);
  EXPECT_EQ(CountOf(plan, a), 1);
  EXPECT_EQ(CountOf(plan, b), 0);
  EXPECT_EQ(pool_->used(), a->blocks.size());
  scheduler_->Remove(a);
  plan = Step(256);
  EXPECT_EQ(CountOf(plan, b), b->num_tokens() - 1);  // all of it again
}

TEST_F(SchedulerTest, ALargeRequestDoesNotStarveBehindSmallOnes) {
  Make(10);
  Sequence* small = Add(40);
  Step(256);
  Sequence* large = Add(140);
  Step(256);
  EXPECT_FALSE(large->running);
  Sequence* later = Add(10);
  Step(256);
  EXPECT_FALSE(later->running) << "would take the room that the large one waits for";
  scheduler_->Remove(small);
  Step(256);
  EXPECT_TRUE(large->running);
}

TEST_F(SchedulerTest, FixedPiecesAreNeverCutOtherwise) {
  Make(1000);
  Sequence* embed = Add(200);
  embed->fixed_piece = 64;
  std::vector<int> sizes;
  for (int i = 0; i < 20 && embed->pending() > 0; ++i) {
    Add(30 + i);
    const StepPlan plan = scheduler_->Schedule(17 + i * 7);
    for (const Piece& piece : plan.pieces) {
      if (piece.sequence == embed) sizes.push_back(piece.count);
      scheduler_->Computed(piece);
      if (piece.completes && piece.sequence != embed) scheduler_->Remove(piece.sequence);
    }
  }
  EXPECT_EQ(sizes, (std::vector<int>{64, 64, 64, 8}));
}

TEST_F(SchedulerTest, SharesPrefixesAndLeavesTheLastTokenToCompute) {
  Make(100, 64, true);
  Sequence* a = Add(64);
  Step(256);
  Sequence* b = Add(10);
  scheduler_->Remove(b);
  b->tokens.assign(a->tokens.begin(), a->tokens.begin() + 64);
  b->prompt_tokens = 64;
  scheduler_->Add(b);
  const StepPlan plan = Step(256);
  EXPECT_EQ(b->cached_tokens, 48);
  EXPECT_EQ(CountOf(plan, b), 16);
  EXPECT_EQ(b->blocks.blocks()[2], a->blocks.blocks()[2]);
  EXPECT_NE(b->blocks.blocks()[3], a->blocks.blocks()[3]);
  scheduler_->Remove(a);
  scheduler_->Remove(b);
  EXPECT_EQ(pool_->used(), 0);
}

TEST_F(SchedulerTest, ThousandsOfRandomStepsEndWithEveryoneServed) {
  for (const bool cache : {false, true}) {
    std::mt19937 random(7);
    Make(40, 8, cache);
    std::map<Sequence*, int> left;
    int added = 0;
    int steps = 0;
    while (added < 300 || !left.empty()) {
      ASSERT_LT(++steps, 100000);
      if (added < 300 && random() % 3 == 0) {
        Sequence* sequence = Add(1 + static_cast<int>(random() % 400), std::to_string(random() % 4),
                                 random() % 4 == 0 ? Priority::kBatch : Priority::kInteractive);
        if (random() % 5 == 0) sequence->fixed_piece = 64;
        left[sequence] = 1 + static_cast<int>(random() % 100);
        ++added;
      }
      const StepPlan plan = Step(16 + static_cast<int>(random() % 200));
      if (!left.empty()) {
        ASSERT_FALSE(plan.pieces.empty());
      }
      for (const Piece& piece : plan.pieces) {
        if (!piece.completes) continue;
        const bool cancelled = random() % 200 == 0;
        if (--left[piece.sequence] == 0 || cancelled) {
          scheduler_->Remove(piece.sequence);
          left.erase(piece.sequence);
        }
      }
      std::int64_t held = 0;
      for (const auto& [sequence, count] : left) held += sequence->blocks.size();
      ASSERT_GE(held, pool_->used());
      if (!cache) {
        ASSERT_EQ(held, pool_->used());
      }
    }
    EXPECT_EQ(pool_->used(), 0);
    EXPECT_EQ(scheduler_->num_running() + scheduler_->num_waiting(), 0);
  }
}

TEST(StepCost, LearnsALine) {
  StepCost cost;
  EXPECT_GT(cost.TokensFor(100), 0);
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    const int tokens = 1 + static_cast<int>(random() % 500);
    cost.Add(tokens, 5 + 0.5 * tokens);
  }
  EXPECT_NEAR(cost.TokensFor(105), 200, 2);
  EXPECT_EQ(cost.TokensFor(1), 0);
  // The machine becomes four times as slow.
  for (int i = 0; i < 200; ++i) {
    const int tokens = 1 + static_cast<int>(random() % 500);
    cost.Add(tokens, 20 + 2.0 * tokens);
  }
  EXPECT_NEAR(cost.TokensFor(120), 50, 3);
}

TEST(StepCost, CopesWithEqualSizesAndOddTimes) {
  StepCost cost;
  for (int i = 0; i < 50; ++i) cost.Add(16, 8);
  EXPECT_NEAR(cost.TokensFor(80), 160, 2);
  StepCost odd;
  odd.Add(100, 1);
  odd.Add(1, 50);  // larger steps were faster
  EXPECT_GE(odd.TokensFor(80), 0);
  odd.Add(0, 5);
  odd.Add(5, -1);
  odd.Add(5, 0);
  EXPECT_GE(odd.TokensFor(80), 0);
}

}  // namespace
}  // namespace bowhead::engine
