#include "engine/speculation/draft_model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/testing/fake_model.h"
#include "model/arch/tiny_model_for_test.h"
#include "model/format/gguf_builder_for_test.h"

namespace bowhead::engine {
namespace {

using testing::FakeControls;
using testing::FakeTransformer;
using testing::kFakeVocab;

std::vector<TokenId> Text(int length, int salt) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<TokenId>(MixBits(i + static_cast<std::uint64_t>(salt) * 7919) % 90);
  }
  return tokens;
}

/// What a greedy reader of the fake model says next.
std::vector<TokenId> Greedy(std::vector<TokenId> text, std::size_t count) {
  SamplingParams params;
  params.temperature = 0;
  params.logit_bias = {{testing::kFakeEos, -100.0F}};
  return testing::ExpectedAnswer(text, params, static_cast<int>(count));
}

std::vector<TokenId> Tokens(const DraftJob& job) {
  std::vector<TokenId> tokens;
  for (const DraftToken& guess : job.draft) tokens.push_back(guess.token);
  return tokens;
}

class DraftModelTest : public ::testing::Test {
 protected:
  void Start(int blocks, int context = 2048) {
    controls_ = std::make_shared<FakeControls>();
    drafter_ = std::make_unique<DraftModel>(std::make_unique<FakeTransformer>(blocks, context, controls_), kFakeVocab);
  }
  void TearDown() override { EXPECT_EQ(controls_->violations, 0); }
  /// Guesses until the drafter has caught up with the text.
  std::vector<TokenId> Guess(RequestId id, std::span<const TokenId> text, int most) {
    for (int round = 0; round < 20; ++round) {
      std::vector<DraftJob> jobs = {DraftJob{id, text, most, nullptr, {}}};
      EXPECT_TRUE(drafter_->Propose(jobs).ok());
      if (!jobs[0].draft.empty()) return Tokens(jobs[0]);
    }
    return {};
  }
  void ExpectGreedy(RequestId id, const std::vector<TokenId>& text, int most = 5) {
    const std::vector<TokenId> guesses = Guess(id, text, most);
    ASSERT_FALSE(guesses.empty());
    EXPECT_EQ(guesses, Greedy(text, guesses.size()));
  }

  std::shared_ptr<FakeControls> controls_;
  std::unique_ptr<DraftModel> drafter_;
};

TEST_F(DraftModelTest, GuessesAreTheModelsOwnWhateverWasAccepted) {
  Start(64);
  auto text = Text(100, 1);
  for (int round = 0; round < 30; ++round) {
    const std::vector<TokenId> guesses = Guess(1, text, 4);
    ASSERT_FALSE(guesses.empty());
    ASSERT_EQ(guesses, Greedy(text, guesses.size()));
    // Some guesses are accepted, then comes a token of the target's own.
    const auto accepted = std::min(guesses.size(), static_cast<std::size_t>(round % 5));
    text.insert(text.end(), guesses.begin(), guesses.begin() + static_cast<std::ptrdiff_t>(accepted));
    text.push_back(static_cast<TokenId>(round % 90));
  }
}

TEST_F(DraftModelTest, KeepsWhatItHasComputed) {
  Start(64);
  auto text = Text(200, 1);
  Guess(1, text, 3);
  const std::int64_t before = controls_->tokens;
  EXPECT_EQ(drafter_->Backlog(DraftJob{1, text, 3, nullptr, {}}), 0);
  text.push_back(5);
  Guess(1, text, 3);
  EXPECT_LE(controls_->tokens - before, 6);
  EXPECT_EQ(drafter_->Backlog(DraftJob{2, text, 3, nullptr, {}}), 201);
}

TEST_F(DraftModelTest, ManySequencesShareItsSteps) {
  Start(256);
  std::vector<std::vector<TokenId>> texts;
  for (int i = 0; i < 8; ++i) texts.push_back(Text(10 + i * 3, i));
  std::vector<DraftJob> jobs;
  for (std::size_t i = 0; i < texts.size(); ++i) jobs.push_back(DraftJob{i, texts[i], 4, nullptr, {}});
  ASSERT_TRUE(drafter_->Propose(jobs).ok());
  EXPECT_LE(controls_->steps, 4);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_FALSE(jobs[i].draft.empty());
    EXPECT_EQ(Tokens(jobs[i]), Greedy(texts[i], jobs[i].draft.size()));
  }
}

TEST_F(DraftModelTest, ALongPromptIsTakenInPieces) {
  Start(128);
  const auto text = Text(900, 3);
  std::vector<DraftJob> jobs = {DraftJob{1, text, 4, nullptr, {}}};
  for (int round = 0; round < 3; ++round) {
    const std::int64_t before = controls_->tokens;
    ASSERT_TRUE(drafter_->Propose(jobs).ok());
    EXPECT_TRUE(jobs[0].draft.empty());
    EXPECT_EQ(controls_->tokens - before, DraftModel::kCatchUp);
  }
  ExpectGreedy(1, text);
}

TEST_F(DraftModelTest, TheOneThatWaitedLongestLosesItsBlocks) {
  Start(20);  // 320 tokens
  const auto a = Text(150, 1);
  const auto b = Text(140, 2);
  const auto c = Text(130, 3);
  ExpectGreedy(1, a);
  ExpectGreedy(2, b);
  ExpectGreedy(3, c);
  EXPECT_EQ(drafter_->Backlog(DraftJob{1, a, 3, nullptr, {}}), 150);
  EXPECT_EQ(drafter_->Backlog(DraftJob{2, b, 3, nullptr, {}}), 0);
  ExpectGreedy(1, a);
  // Three at once do not fit: somebody goes without guesses, and nothing breaks.
  std::vector<DraftJob> jobs = {DraftJob{1, a, 4, nullptr, {}}, DraftJob{2, b, 4, nullptr, {}},
                                DraftJob{3, c, 4, nullptr, {}}};
  for (int round = 0; round < 3; ++round) ASSERT_TRUE(drafter_->Propose(jobs).ok());
  EXPECT_FALSE(jobs[0].draft.empty());
  EXPECT_FALSE(jobs[1].draft.empty());
  EXPECT_TRUE(jobs[2].draft.empty());
}

TEST_F(DraftModelTest, StaysInsideItsContext) {
  Start(64, 64);
  EXPECT_FALSE(Guess(1, Text(40, 1), 8).empty());
  EXPECT_TRUE(Guess(2, Text(60, 1), 8).empty());
}

TEST_F(DraftModelTest, UnknownTokensAreNotGuessedFor) {
  Start(64);
  auto text = Text(20, 1);
  text[7] = kFakeVocab + 3;  // the target's vocabulary may be larger
  EXPECT_TRUE(Guess(1, text, 4).empty());
}

TEST_F(DraftModelTest, AFailedStepIsForgotten) {
  Start(64);
  const auto text = Text(30, 1);
  std::vector<DraftJob> jobs = {DraftJob{1, text, 4, nullptr, {}}};
  controls_->fail_next = true;
  EXPECT_FALSE(drafter_->Propose(jobs).ok());
  EXPECT_TRUE(jobs[0].draft.empty());
  ExpectGreedy(1, text);
  drafter_->Forget(1);
  drafter_->Forget(99);
  EXPECT_EQ(drafter_->Backlog(jobs[0]), 30);
}

TEST_F(DraftModelTest, DrawsWithTheRandomNumbersOfTheSequence) {
  Start(64);
  SamplingParams params;
  params.seed = 11;
  const auto text = Text(30, 4);
  const Sampler sampler(params, text);
  std::vector<DraftJob> jobs = {DraftJob{1, text, 6, &sampler, {}}};
  ASSERT_TRUE(drafter_->Propose(jobs).ok());
  const auto expected = testing::ExpectedAnswer(text, params, static_cast<int>(jobs[0].draft.size()));
  EXPECT_EQ(Tokens(jobs[0]), expected);
}

std::shared_ptr<const model::ModelFile> FileWithTokens(std::vector<std::string> tokens, std::vector<std::byte>* bytes) {
  model::GgufBuilder builder;
  builder.Text("general.architecture", "llama").Texts("tokenizer.ggml.tokens", std::move(tokens));
  *bytes = builder.Build();
  auto file = model::ModelFile::Parse(*bytes);
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  return file.ok() ? *file : nullptr;
}

TEST(CheckSameVocabulary, SaysWhatDiffers) {
  std::vector<std::byte> bytes[4];
  const auto ours = FileWithTokens({"a", "b", "c"}, &bytes[0]);
  const auto padded = FileWithTokens({"a", "b", "c", "pad"}, &bytes[1]);
  const auto other = FileWithTokens({"a", "x", "c"}, &bytes[2]);
  const auto longer = FileWithTokens(
      [] {
        std::vector<std::string> tokens = {"a", "b", "c"};
        tokens.resize(400, "more");
        return tokens;
      }(),
      &bytes[3]);
  EXPECT_TRUE(CheckSameVocabulary(*ours, *ours).ok());
  EXPECT_TRUE(CheckSameVocabulary(*ours, *padded).ok());
  const base::Status differs = CheckSameVocabulary(*ours, *other);
  EXPECT_EQ(differs.code(), base::StatusCode::kInvalidArgument);
  EXPECT_NE(differs.message().find("token 1"), std::string::npos) << differs.message();
  EXPECT_NE(CheckSameVocabulary(*ours, *longer).message().find("400"), std::string::npos);
}

}  // namespace
}  // namespace bowhead::engine
