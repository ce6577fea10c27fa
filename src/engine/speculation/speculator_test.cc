#include "engine/speculation/speculator.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace bowhead::engine {
namespace {

/// One sequence that copies a random passage and errs with some probability, on a machine whose steps cost what `ms`
/// says; by how much it is faster than one token a step.
struct Simulation {
  std::function<double(int)> ms;
  double error = 0;
  int sequences = 1;
  int steps = 3000;
  SpeculationOptions options = {};

  double time = 0;
  std::int64_t tokens = 0;
  std::int64_t guesses = 0;

  double Run() {
    std::mt19937 random(5);
    std::vector<TokenId> passage(400);
    for (TokenId& token : passage) token = static_cast<TokenId>(random() % 5000);
    Speculator speculator(options, nullptr);
    std::vector<std::vector<TokenId>> texts(static_cast<std::size_t>(sequences), passage);
    std::vector<std::size_t> place(texts.size(), 0);
    std::uniform_real_distribution<double> uniform;
    for (int step = 0; step < steps; ++step) {
      std::vector<DraftJob> jobs;
      for (std::size_t s = 0; s < texts.size(); ++s)
        jobs.push_back(DraftJob{s, texts[s], kMostDraftTokens, nullptr, {}});
      const StepShape shape{sequences, sequences, false, 400};
      speculator.Choose(jobs, shape);
      int checked = 0;
      for (std::size_t s = 0; s < texts.size(); ++s) {
        std::vector<TokenId> taken;
        do {
          const bool errs = uniform(random) < error;
          taken.push_back(errs ? static_cast<TokenId>(random() % 5000) : passage[place[s] % passage.size()]);
          ++place[s];
        } while (taken.size() <= jobs[s].draft.size() && taken.back() == jobs[s].draft[taken.size() - 1].token);
        checked += static_cast<int>(jobs[s].draft.size());
        speculator.Learn(s, taken);
        texts[s].insert(texts[s].end(), taken.begin(), taken.end());
        tokens += static_cast<std::int64_t>(taken.size());
      }
      const double noise = 0.9 + 0.2 * uniform(random);
      const double cost = ms(sequences + checked);
      speculator.StepDone(shape, checked, cost * noise);
      time += cost;
      guesses += checked;
    }
    return static_cast<double>(tokens) * ms(sequences) / (time * sequences);
  }
};

double MemoryBound(int tokens) {
  return 10 + 0.3 * tokens;
}
double ComputeBound(int tokens) {
  return 1.0 * tokens;
}

TEST(Speculator, CopyingIsFast) {
  Simulation simulation{MemoryBound};
  EXPECT_GT(simulation.Run(), 8);
}

TEST(Speculator, CopyingWithErrorsIsFaster) {
  Simulation simulation{MemoryBound, 0.1};
  EXPECT_GT(simulation.Run(), 2.5);
}

TEST(Speculator, UnrelatedTextCostsNothing) {
  Simulation simulation{MemoryBound, 0.97};
  EXPECT_GT(simulation.Run(), 0.98);
}

TEST(Speculator, NothingIsGuessedWhereEveryTokenCosts) {
  Simulation simulation{ComputeBound, 0.1};
  EXPECT_GT(simulation.Run(), 0.98);
  EXPECT_LT(simulation.guesses, simulation.tokens / 5);
}

TEST(Speculator, ALargeBatchThatIsComputeBoundIsLeftAlone) {
  // Free up to 16 tokens, then each costs: with 16 sequences there is nothing to gain.
  const auto ms = [](int tokens) { return tokens <= 16 ? 10.0 : 10.0 + 0.8 * (tokens - 16); };
  Simulation few{ms, 0.05, 1};
  EXPECT_GT(few.Run(), 4);
  Simulation many{ms, 0.05, 16};
  EXPECT_GT(many.Run(), 0.98);
}

TEST(Speculator, AJumpInCostIsAvoided) {
  // A second tile begins at the 9th column and costs as much as the first.
  const auto ms = [](int tokens) { return tokens <= 8 ? 10.0 : 30.0; };
  Simulation simulation{ms};
  EXPECT_GT(simulation.Run(), 6.5) << "8 tokens a step are best";
}

TEST(Speculator, NumbersOfGuessesAreBounded) {
  Simulation simulation{MemoryBound};
  simulation.options.most_draft = 3;
  EXPECT_LT(simulation.Run(), 4.01);
  Simulation off{MemoryBound};
  off.options.most_draft = 0;
  EXPECT_NEAR(off.Run(), 1, 1e-9);
  EXPECT_EQ(off.guesses, 0);
}

TEST(Speculator, AProposalOfTheWrongLengthTeachesNothingBeyondIt) {
  Speculator speculator(SpeculationOptions{}, nullptr);
  speculator.Learn(7, std::vector<TokenId>{1, 2});  // unknown
  const std::vector<TokenId> text = {1, 2, 3, 4, 5, 6, 1, 2, 3};
  std::vector<DraftJob> jobs = {DraftJob{7, text, 2, nullptr, {}}};
  const StepShape shape{1, 1, false, 100};
  speculator.Choose(jobs, shape);
  EXPECT_TRUE(jobs[0].draft.empty()) << "costs are not known yet";
  speculator.Learn(7, std::vector<TokenId>{4});
  speculator.StepDone(shape, 0, 10);
  const std::vector<TokenId> longer = {1, 2, 3, 4, 5, 6, 1, 2, 3, 4};
  jobs = {DraftJob{7, longer, 2, nullptr, {}}};
  speculator.Choose(jobs, shape);
  ASSERT_EQ(jobs[0].draft.size(), 2U);
  EXPECT_EQ(jobs[0].draft[0].token, 5);
  speculator.Learn(7, std::vector<TokenId>{5, 6, 1});
  EXPECT_EQ(speculator.totals(DraftKind::kLookup).drafted, 2U);
  EXPECT_EQ(speculator.totals(DraftKind::kLookup).accepted, 2U);
  speculator.Forget(7);
}

}  // namespace
}  // namespace bowhead::engine
