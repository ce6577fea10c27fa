// The merge rules of a byte-pair model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/tokenizer/merge.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/vocabulary.h"

namespace bowhead::model {

/// The rules "left right", best first. Immutable; thread-safe.
class BpeMerges {
 public:
  /// Each rule names two tokens of the vocabulary whose joined spelling is a third one. Errors: kInvalidArgument.
  static base::Result<BpeMerges> Create(const StringArray& rules, const Vocabulary& vocabulary);

  /// What two neighbouring tokens become.
  [[nodiscard]] Merge<TokenId> Find(TokenId left, TokenId right) const {
    const std::uint64_t pair = Pair(left, right);
    for (std::size_t i = Slot(pair);; i = (i + 1) & (rules_.size() - 1)) {
      if (rules_[i].pair == pair || rules_[i].pair == kEmpty) return rules_[i].merge;
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  struct Rule {
    std::uint64_t pair = kEmpty;
    Merge<TokenId> merge;
  };

  BpeMerges() = default;
  static std::uint64_t Pair(TokenId left, TokenId right) {
    return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32U) | static_cast<std::uint32_t>(right);
  }
  [[nodiscard]] std::size_t Slot(std::uint64_t pair) const {
    return static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15ULL) >> shift_);
  }

  std::vector<Rule> rules_;  // open addressing, at most half full
  unsigned shift_ = 0;
};

}  // namespace bowhead::model
