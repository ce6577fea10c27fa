#include <algorithm>

#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/unicode.h"

namespace bowhead::model {

std::string Detokenizer::Add(TokenId id) {
  const bool special = tokenizer_->IsSpecial(id);
  const bool shown = with_special_ || (special && std::find(shown_.begin(), shown_.end(), id) != shown_.end());
  if (first_) {
    // Decode knows whether this vocabulary writes a space before the first word.
    pending_ += tokenizer_->Decode({&id, 1}, shown);
  } else if (shown || !special) {
    pending_ += tokenizer_->TokenBytes(id);
  }
  if (special) {
    first_ = true;
  } else if (!tokenizer_->TokenBytes(id).empty()) {
    first_ = false;
  }
  const std::size_t complete = CompletePrefix(pending_);
  std::string out;
  AppendWellFormed(std::string_view(pending_).substr(0, complete), out);
  pending_.erase(0, complete);
  return out;
}

std::string Detokenizer::Finish() {
  std::string out;
  AppendWellFormed(pending_, out);
  pending_.clear();
  return out;
}

}  // namespace bowhead::model
