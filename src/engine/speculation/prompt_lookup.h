// Drafts by copying: what followed the same words earlier in the prompt or the answer.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/speculation/drafter.h"

namespace bowhead::engine {

/// An index over a growing text that finds the latest earlier place with the same last tokens. It keeps the last
/// position of every n-gram of a few lengths in tables of fixed size, where a newer one replaces an older one; matches
/// are compared in full. Adding a token and finding a match take constant time; memory is at most 1 MiB.
class NgramIndex {
 public:
  /// A place in the text that went on from the same tokens.
  struct Match {
    int next = -1;   // position of the token that followed there; -1: no match
    int length = 0;  // how many tokens before it are the same; at most kLongestMatch
  };
  static constexpr int kLongestMatch = 64;

  /// Indexes what is new in `text`, which starts with the text of the call before, and finds the match for its end. Of
  /// equally long ones the place that was followed so far goes first, then the latest.
  Match Follow(std::span<const TokenId> text);

 private:
  static constexpr std::array<int, 4> kLengths = {8, 4, 2, 1};

  void Grow(std::size_t tokens);
  void Insert(std::span<const TokenId> text, int end);
  [[nodiscard]] std::size_t Slot(std::span<const TokenId> text, int end, int length) const;
  static int CommonSuffix(std::span<const TokenId> text, int a, int b);

  std::array<std::vector<std::int32_t>, kLengths.size()> last_;  // slot of an n-gram -> position after it, 0: none
  std::size_t mask_ = 0;
  int indexed_ = 0;  // n-grams that end before this position are in the tables
  Match match_;
  int matched_at_ = 0;  // length of the text when match_ was made
};

/// Prompt lookup decoding (github.com/apoorvumang/prompt-lookup-decoding, arXiv 2304.04487). A guess's class follows
/// from the length of the match, counting the guesses before it.
class PromptLookup : public Drafter {
 public:
  base::Status Propose(std::span<DraftJob> jobs) override;
  void Forget(RequestId id) override { indexes_.erase(id); }

  /// The class of a guess after `length` equal tokens.
  static std::uint8_t ConfidenceOf(int length);

 private:
  std::unordered_map<RequestId, NgramIndex> indexes_;
};

}  // namespace bowhead::engine
