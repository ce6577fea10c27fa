#include "model/tokenizer/bpe_merges.h"

#include <bit>
#include <string_view>

namespace bowhead::model {

base::Result<BpeMerges> BpeMerges::Create(const StringArray& rules, const Vocabulary& vocabulary) {
  if (rules.size() > (std::size_t{1} << 28U)) {
    return base::InvalidArgument("tokenizer.ggml.merges has " + std::to_string(rules.size()) +
                                 " rules; the limit is 268435456");
  }
  BpeMerges merges;
  const std::size_t slots = std::bit_ceil(rules.size() * 4 / 3 + 8);
  merges.rules_.resize(slots);
  merges.shift_ = 64U - static_cast<unsigned>(std::countr_zero(slots));
  std::string joined;
  std::string scratch;
  for (std::size_t rank = 0; rank < rules.size(); ++rank) {
    const std::string_view rule = rules[rank];
    const std::size_t space = rule.find(' ', 1);
    const std::string_view left = rule.substr(0, space);
    const std::string_view right = space == std::string_view::npos ? "" : rule.substr(space + 1);
    joined.assign(left).append(right);
    const TokenId left_id = vocabulary.FindSpelled(left, scratch);
    const TokenId right_id = vocabulary.FindSpelled(right, scratch);
    const TokenId merged = vocabulary.FindSpelled(joined, scratch);
    if (left_id < 0 || right_id < 0 || merged < 0) {
      return base::InvalidArgument("merge rule " + std::to_string(rank) +
                                   " of tokenizer.ggml.merges does not join two tokens of the vocabulary to a third; "
                                   "convert the model again");
    }
    const std::uint64_t pair = Pair(left_id, right_id);
    std::size_t i = merges.Slot(pair);
    while (merges.rules_[i].pair != kEmpty && merges.rules_[i].pair != pair) i = (i + 1) & (slots - 1);
    if (merges.rules_[i].pair == kEmpty) merges.rules_[i] = {pair, {static_cast<std::uint32_t>(rank), merged}};
  }
  return merges;
}

}  // namespace bowhead::model
