#include "engine/reasoning_guard.h"

#include <algorithm>
#include <utility>

#include "model/tokenizer/unicode.h"

namespace bowhead::engine {

ReasoningGuard::ReasoningGuard(ReasoningBudget budget, const model::Tokenizer& tokenizer)
    : budget_(std::move(budget)), tokenizer_(&tokenizer), state_(budget_.opened ? State::kInside : State::kBefore) {
  if (budget_.closing.empty() || budget_.close_mark.empty()) state_ = State::kAfter;
}

std::optional<TokenId> ReasoningGuard::Forced() const {
  const bool full = state_ == State::kInside && used_ >= budget_.max_tokens;
  // The rest of a character may take a token or two more.
  const bool whole = model::CompletePrefix(text_) == text_.size();
  if (state_ == State::kClosing || (full && whole)) return budget_.closing[closed_];
  return std::nullopt;
}

void ReasoningGuard::Accept(TokenId token) {
  if (state_ == State::kAfter) return;
  if (Forced() == token) {
    state_ = ++closed_ == budget_.closing.size() ? State::kAfter : State::kClosing;
    return;
  }
  const std::string_view bytes = tokenizer_->TokenBytes(token);
  if (state_ == State::kBefore) {
    AcceptBefore(bytes);
  } else {
    ++used_;
    AcceptInside(bytes);
  }
}

void ReasoningGuard::AcceptBefore(std::string_view bytes) {
  text_ += bytes;
  const std::size_t first = text_.find_first_not_of(" \n\r\t");
  if (first == std::string::npos) return;
  const std::string_view rest = std::string_view(text_).substr(first);
  const std::string_view mark = budget_.open_mark;
  if (mark.empty() || !rest.starts_with(mark.substr(0, rest.size()))) {
    state_ = State::kAfter;
  } else if (rest.size() >= mark.size()) {
    const std::string more(rest.substr(mark.size()));
    text_.clear();
    state_ = State::kInside;
    AcceptInside(more);
  }
}

void ReasoningGuard::AcceptInside(std::string_view bytes) {
  text_ += bytes;
  if (text_.find(budget_.close_mark) != std::string::npos) {
    state_ = State::kAfter;
    return;
  }
  text_.erase(0, text_.size() - std::min(text_.size(), std::max<std::size_t>(budget_.close_mark.size() - 1, 4)));
}

}  // namespace bowhead::engine
