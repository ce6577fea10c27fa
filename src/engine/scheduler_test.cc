#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <cmath>
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
  void Make(std::int64_t blocks, int max_running = 64, bool cache = false, bool share = false) {
    scheduler_.reset();
    cache_.reset();
    sequences_.clear();
    pool_ = std::make_unique<BlockPool>(blocks);
    if (cache) cache_ = std::make_unique<PrefixCache>(pool_.get());
    scheduler_ = std::make_unique<Scheduler>(SchedulerOptions{max_running, share}, pool_.get(), cache_.get());
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
    StepPlan plan = scheduler_->Schedule(StepBudget{budget});
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
  EXPECT_EQ(scheduler_->DecodeWork().tokens, 2);
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
    const StepPlan plan = scheduler_->Schedule(StepBudget{160});
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
    const StepPlan plan = scheduler_->Schedule(StepBudget{160});
    for (const Piece& piece : plan.pieces) {
      scheduler_->Computed(piece);
      if (piece.completes) scheduler_->Remove(piece.sequence);
    }
  }
  for (int i = 0; i < 50; ++i) Add(320, "late");
  std::map<std::string, int> tokens;
  for (int step = 0; step < 10; ++step) {
    const StepPlan plan = scheduler_->Schedule(StepBudget{160});
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
    const StepPlan plan = scheduler_->Schedule(StepBudget{17 + i * 7});
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
  EXPECT_EQ(b->blocks.blocks()[3], a->blocks.blocks()[3]);  // computed again, then one copy given back
  scheduler_->Remove(a);
  scheduler_->Remove(b);
  EXPECT_EQ(pool_->used(), 0);
}

/// Sequences that wait for one of them to compute what they start with.
class FollowTest : public SchedulerTest {
 protected:
  /// A sequence whose first `shared` tokens are those of `other`.
  Sequence* AddLike(const Sequence* other, int shared, int length, std::string tenant = "",
                    Priority priority = Priority::kInteractive) {
    Sequence* sequence = Add(length, std::move(tenant), priority);
    std::copy_n(other->tokens.begin(), shared, sequence->tokens.begin());
    return sequence;
  }
};

TEST_F(FollowTest, OneComputesWhatManyStartWith) {
  Make(1000, 64, true);
  std::vector<Sequence*> all = {Add(340)};
  for (int i = 0; i < 15; ++i) all.push_back(AddLike(all[0], 320, 340));
  int computed = 0;
  for (int steps = 0; steps < 8; ++steps) {
    for (const Piece& piece : Step(128).pieces) {
      if (piece.first < piece.sequence->prompt_tokens) computed += piece.count;
    }
  }
  EXPECT_EQ(computed, 340 + 15 * 20);
  for (const Sequence* sequence : all) EXPECT_GT(sequence->num_tokens(), 340) << "got its first token";
  EXPECT_EQ(all[7]->cached_tokens, 320);
  EXPECT_EQ(all[7]->awaited_tokens, 320);
  EXPECT_EQ(all[0]->cached_tokens, 0);
  EXPECT_LT(pool_->used(), 340 / 16 + 16 * 4);
}

TEST_F(FollowTest, OthersGoOnMeanwhile) {
  Make(1000, 64, true);
  Sequence* leader = Add(500);
  Sequence* follower = AddLike(leader, 500, 520);
  Sequence* other = Add(500);
  const StepPlan plan = Step(128);
  EXPECT_GT(CountOf(plan, leader), 0);
  EXPECT_GT(CountOf(plan, other), 0);
  EXPECT_FALSE(follower->running);
}

TEST_F(FollowTest, LittleIsComputedTwiceRatherThanWaitedFor) {
  Make(1000, 64, true);
  Sequence* first = Add(100);
  Sequence* second = AddLike(first, 48, 100);
  const StepPlan plan = Step(256);
  EXPECT_EQ(CountOf(plan, first), 100);
  EXPECT_EQ(CountOf(plan, second), 100);
  // Both computed the same three blocks; one copy is left.
  EXPECT_EQ(first->blocks.blocks()[2], second->blocks.blocks()[2]);
  EXPECT_NE(first->blocks.blocks()[3], second->blocks.blocks()[3]);
}

TEST_F(FollowTest, WhenTheLeaderGoesAwayTheNextTakesOver) {
  Make(1000, 64, true);
  Sequence* leader = Add(600);
  Sequence* second = AddLike(leader, 600, 640);
  Sequence* third = AddLike(leader, 600, 640);
  Step(128);
  EXPECT_EQ(second->leader, leader);
  scheduler_->Remove(leader);
  EXPECT_EQ(second->leader, nullptr);
  const StepPlan plan = Step(128);
  EXPECT_GT(CountOf(plan, second), 0);
  EXPECT_EQ(second->cached_tokens, 128) << "what the first one had computed is not lost";
  EXPECT_EQ(third->leader, second);
}

TEST_F(FollowTest, WhenTheLeaderIsPreemptedTheNextTakesOver) {
  Make(60, 64, true);
  Sequence* leader = Add(600, "", Priority::kBatch);
  Step(64);
  Sequence* follower = AddLike(leader, 600, 620);
  Step(64);
  EXPECT_EQ(follower->leader, leader);
  Sequence* large = Add(700);  // takes the leader's blocks
  Step(64);
  EXPECT_TRUE(large->running);
  EXPECT_FALSE(leader->running);
  EXPECT_EQ(follower->leader, nullptr);
  for (int i = 0; i < 20; ++i) Step(64);
  scheduler_->Remove(large);
  for (int i = 0; i < 20; ++i) Step(64);
  EXPECT_GT(follower->num_tokens(), 620);
}

TEST_F(FollowTest, AFollowerLendsItsTurnToTheLeader) {
  Make(2000, 64, true, /*share=*/true);
  Sequence* leader = Add(640, "slow", Priority::kBatch);
  Step(64);
  const int before = leader->num_computed;
  std::vector<Sequence*> others;
  for (int i = 0; i < 8; ++i) others.push_back(Add(2000, "busy"));
  Step(64);
  EXPECT_EQ(leader->num_computed, before) << "batch waits for interactive ones";
  Sequence* follower = AddLike(leader, 640, 660, "urgent");
  int steps = 0;
  while (follower->num_tokens() == 660 && ++steps < 200) Step(64);
  EXPECT_LT(steps, 40);
}

TEST_F(FollowTest, TenantsShareOnlyWhereTheyMay) {
  for (const bool share : {false, true}) {
    Make(1000, 64, true, share);
    Sequence* a = Add(320, "a");
    Sequence* b = AddLike(a, 320, 340, "b");
    Step(256);
    EXPECT_EQ(b->leader == a, share);
    for (int i = 0; i < 4; ++i) Step(256);
    EXPECT_EQ(b->cached_tokens, share ? 320 : 0);
    Sequence* again = AddLike(a, 320, 340, "a");
    Step(512);
    EXPECT_EQ(again->cached_tokens, 320);
  }
}

TEST_F(SchedulerTest, DeepTokensTakeMoreOfTheBudget) {
  Make(2000);
  Sequence* a = Add(6000);
  std::vector<int> counts;
  const StepBudget budget{512, 256, 1.0 / 1000};
  while (a->pending() > 1) {
    const StepPlan plan = scheduler_->Schedule(budget);
    counts.push_back(CountOf(plan, a));
    for (const Piece& piece : plan.pieces) scheduler_->Computed(piece);
    const StepWork work = WorkOf(plan.pieces[0].first, plan.pieces[0].count);
    EXPECT_LE(work.tokens + budget.per_context * work.context, 256);
    if (plan.pieces[0].completes) break;
  }
  EXPECT_GE(counts.front(), 208);
  EXPECT_LE(counts[counts.size() - 2], 48);
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

TEST(StepCost, LearnsWhatTokensAndContextCost) {
  StepCost cost;
  EXPECT_FALSE(cost.known());
  std::mt19937 random(1);
  const auto feed = [&](int steps, double slower) {
    for (int i = 0; i < steps; ++i) {
      const StepWork work = WorkOf(static_cast<int>(random() % 8000), 1 + static_cast<int>(random() % 500));
      cost.Add(work, slower * (5 + 0.5 * work.tokens + 1e-4 * work.context));
    }
  };
  feed(200, 1);
  EXPECT_NEAR(cost.fixed_ms(), 5, 0.5);
  EXPECT_NEAR(cost.per_token_ms(), 0.5, 0.02);
  EXPECT_NEAR(cost.per_context_ms(), 1e-4, 1e-5);
  EXPECT_NEAR(cost.Predict(WorkOf(4000, 100)), 5 + 50 + 1e-4 * 100 * 4050, 5);
  feed(600, 4);  // the machine becomes four times as slow
  EXPECT_NEAR(cost.Predict(WorkOf(4000, 100)), 4 * (5 + 50 + 1e-4 * 100 * 4050), 20);
}

TEST(StepCost, ThousandDecodesDoNotWashOutWhatAPromptTaught) {
  StepCost cost;
  for (int i = 0; i < 8; ++i) {
    cost.Add(WorkOf(i * 256, 256), 4 + 0.3 * 256 + 2e-5 * WorkOf(i * 256, 256).context);
  }
  for (int i = 0; i < 2000; ++i) cost.Add(WorkOf(2048 + i, 1), 4.3 + 2e-5 * (2048 + i));
  EXPECT_NEAR(cost.Predict(WorkOf(2048, 256)), 4 + 0.3 * 256 + 2e-5 * WorkOf(2048, 256).context, 12);
}

TEST(StepCost, CopesWithEqualSizesAndOddTimes) {
  StepCost cost;
  for (int i = 0; i < 50; ++i) cost.Add(WorkOf(0, 16), 8);
  EXPECT_NEAR(cost.Predict(WorkOf(0, 160)), 80, 2);
  StepCost odd;
  odd.Add(WorkOf(0, 100), 1);
  odd.Add(WorkOf(0, 1), 50);  // larger steps were faster
  EXPECT_GT(odd.per_token_ms(), 0);
  odd.Add(WorkOf(0, 0), 5);
  odd.Add(WorkOf(0, 5), -1);
  odd.Add(WorkOf(0, 5), 0);
  EXPECT_GT(odd.per_token_ms(), 0);
  EXPECT_TRUE(std::isfinite(odd.Predict(WorkOf(1000, 100))));
}

TEST(StepBudget, FitsAndSpends) {
  StepBudget budget{1000, 300, 0.001};
  const int count = budget.Fit(2000, 5000);
  StepBudget rest = budget;
  rest.Spend(2000, count);
  EXPECT_GE(rest.work, 0);
  rest = budget;
  rest.Spend(2000, count + 1);
  EXPECT_LT(rest.work, 0);
  EXPECT_EQ((StepBudget{10}.Fit(0, 500)), 10);
  EXPECT_EQ((StepBudget{1000}.Fit(0, 500)), 500);
  EXPECT_EQ((StepBudget{0}.Fit(0, 500)), 0);
}

/// A machine with known costs: how long streams wait for their next token while a long prompt arrives, and how long the
/// prompt takes.
class SimulatedMachine : public SchedulerTest {
 protected:
  struct Outcome {
    double worst_gap_ms = 0;
    double first_token_ms = 0;
  };
  Outcome Arrive(double fixed, double per_token, double per_context, int streams, int prompt) {
    Make(4000);
    const auto time_of = [&](const StepPlan& plan) {
      double ms = fixed;
      for (const Piece& piece : plan.pieces) {
        const StepWork work = WorkOf(piece.first, piece.count);
        ms += per_token * work.tokens + per_context * work.context;
      }
      return ms;
    };
    StepCost cost;
    const auto step = [&] {
      const StepWork decodes = scheduler_->DecodeWork();
      const double around = cost.Predict(decodes);
      StepBudget budget{512, 128, 0};
      if (cost.known()) {
        budget.work = (StepTarget(decodes.tokens == 0 ? 400 : 80, around, 1000) - around) / cost.per_token_ms();
        budget.per_context = cost.per_context_ms() / cost.per_token_ms();
      }
      const StepPlan plan = scheduler_->Schedule(budget);
      StepWork work;
      for (const Piece& piece : plan.pieces) {
        work += WorkOf(piece.first, piece.count);
        scheduler_->Computed(piece);
        if (piece.completes) piece.sequence->tokens.push_back(1);
      }
      cost.Add(work, time_of(plan));
      return time_of(plan);
    };
    for (int i = 0; i < streams; ++i) Add(200);
    for (int i = 0; i < 200; ++i) step();
    const Sequence* late = Add(prompt);
    Outcome outcome;
    while (late->num_tokens() == prompt) {
      const double ms = step();
      outcome.worst_gap_ms = std::max(outcome.worst_gap_ms, ms);
      outcome.first_token_ms += ms;
    }
    const double unchunked = fixed + per_token * prompt + per_context * WorkOf(0, prompt).context;
    outcome.first_token_ms /= unchunked;
    return outcome;
  }
};

TEST_F(SimulatedMachine, ALongPromptHoldsUpNobodyAndLosesLittle) {
  // As a model of 135M, one of 1B and one of 7B behave on two cores.
  Outcome small = Arrive(2.3, 0.28, 4e-5, 4, 4096);
  EXPECT_LT(small.worst_gap_ms, 100);
  EXPECT_LT(small.first_token_ms, 1.15);
  Outcome medium = Arrive(30, 2.0, 1e-4, 4, 4096);
  EXPECT_LT(medium.worst_gap_ms, 400);
  EXPECT_LT(medium.first_token_ms, 1.15);
  Outcome large = Arrive(130, 13, 4e-4, 4, 4096);
  EXPECT_LT(large.worst_gap_ms, 1100);
  EXPECT_LT(large.first_token_ms, 1.3);
}

}  // namespace
}  // namespace bowhead::engine
