#include "engine/speculation/prompt_lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace bowhead::engine {
namespace {

std::vector<TokenId> RandomText(int length, int vocab, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> text(static_cast<std::size_t>(length));
  for (TokenId& token : text) token = static_cast<TokenId>(random() % static_cast<unsigned>(vocab));
  return text;
}

/// By trying every place.
int LongestMatch(std::span<const TokenId> text) {
  int best = 0;
  for (std::size_t place = 1; place < text.size(); ++place) {
    int length = 0;
    while (length < static_cast<int>(place) && length < NgramIndex::kLongestMatch &&
           text[place - static_cast<std::size_t>(length) - 1] ==
               text[text.size() - static_cast<std::size_t>(length) - 1]) {
      ++length;
    }
    best = std::max(best, length);
  }
  return best;
}

TEST(NgramIndex, MatchesAreRealAndLong) {
  for (const int vocab : {2, 5, 30, 1000}) {
    const auto text = RandomText(3000, vocab, static_cast<unsigned>(vocab));
    NgramIndex index;
    int missed = 0;
    for (std::size_t end = 1; end <= text.size(); ++end) {
      const auto so_far = std::span(text).first(end);
      const NgramIndex::Match match = index.Follow(so_far);
      const int longest = end % 10 == 0 ? LongestMatch(so_far) : -1;
      if (match.next < 0) {
        missed += longest > 0 ? 1 : 0;
        continue;
      }
      ASSERT_GT(match.length, 0);
      ASSERT_LT(match.next, static_cast<int>(end));
      for (int i = 1; i <= match.length; ++i) {
        ASSERT_EQ(text[static_cast<std::size_t>(match.next - i)], text[end - static_cast<std::size_t>(i)]);
      }
      // Lengths that have a table are found, up to the rounding to the next shorter table and collisions of slots.
      if (longest >= 8 && match.length < 8) ++missed;
      if (longest == 1 && match.length != 1) ++missed;
    }
    EXPECT_LE(missed, 40) << vocab;
  }
}

TEST(NgramIndex, TheLongestMatchWinsOverTheLatest) {
  // "1 2 3 4 5" came first, "9 5" later: after "1 2 3 4 5" comes 6, not 8.
  const std::vector<TokenId> text = {1, 2, 3, 4, 5, 6, 9, 5, 8, 7, 1, 2, 3, 4, 5};
  const NgramIndex::Match match = NgramIndex().Follow(text);
  EXPECT_EQ(text[static_cast<std::size_t>(match.next)], 6);
  EXPECT_EQ(match.length, 5);
}

TEST(NgramIndex, FollowsItsPlaceWhileItIsRight) {
  // Two copies of a passage that go on differently; the answer follows the first one from a unique word on.
  std::vector<TokenId> text = {50, 1, 2, 3, 4, 60, 51, 1, 2, 3, 4, 61, 99, 50};
  NgramIndex index;
  for (const TokenId token : {1, 2, 3, 4, 60}) {
    const NgramIndex::Match match = index.Follow(text);
    ASSERT_GE(match.next, 0);
    EXPECT_EQ(text[static_cast<std::size_t>(match.next)], token);
    text.push_back(token);
  }
}

TEST(NgramIndex, StepsOfSeveralTokensFindTheSameAsSingleOnes) {
  const auto text = RandomText(2000, 6, 9);
  NgramIndex single;
  NgramIndex jumping;
  std::mt19937 random(1);
  std::size_t next = 1;
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const auto a = single.Follow(std::span(text).first(end));
    if (end != next) continue;
    next += 1 + random() % 5;
    const auto b = jumping.Follow(std::span(text).first(end));
    // A place may be followed longer by one of them; both are matches of the same end.
    EXPECT_EQ(a.next >= 0, b.next >= 0) << end;
  }
}

TEST(PromptLookup, CopiesWithRisingConfidence) {
  PromptLookup lookup;
  const std::vector<TokenId> text = {10, 11, 12, 13, 14, 15, 16, 17, 10, 11, 12};
  std::vector<DraftJob> jobs = {DraftJob{1, text, 4, nullptr, {}},
                                DraftJob{2, std::span(text).first(5), 4, nullptr, {}}};
  ASSERT_TRUE(lookup.Propose(jobs).ok());
  ASSERT_EQ(jobs[0].draft.size(), 4U);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(jobs[0].draft[static_cast<std::size_t>(i)].token, 13 + i);
    EXPECT_EQ(jobs[0].draft[static_cast<std::size_t>(i)].confidence, PromptLookup::ConfidenceOf(3 + i));
  }
  EXPECT_TRUE(jobs[1].draft.empty());
}

TEST(PromptLookup, ALoopGoesOn) {
  PromptLookup lookup;
  const std::vector<TokenId> text = {1, 2, 3, 1, 2, 3, 1};
  std::vector<DraftJob> jobs = {DraftJob{1, text, 8, nullptr, {}}};
  ASSERT_TRUE(lookup.Propose(jobs).ok());
  std::vector<TokenId> draft;
  for (const DraftToken& guess : jobs[0].draft) draft.push_back(guess.token);
  EXPECT_EQ(draft, (std::vector<TokenId>{2, 3, 1, 2, 3, 1, 2, 3}));
}

TEST(PromptLookup, ClassesRiseWithTheLength) {
  EXPECT_EQ(PromptLookup::ConfidenceOf(0), 0);
  EXPECT_EQ(PromptLookup::ConfidenceOf(1), 0);
  EXPECT_EQ(PromptLookup::ConfidenceOf(5), PromptLookup::ConfidenceOf(4));
  EXPECT_EQ(PromptLookup::ConfidenceOf(1000), kConfidenceClasses - 1);
  for (int length = 1; length < 100; ++length) {
    EXPECT_LE(PromptLookup::ConfidenceOf(length), PromptLookup::ConfidenceOf(length + 1));
  }
}

}  // namespace
}  // namespace bowhead::engine
