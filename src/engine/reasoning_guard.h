// Keeps an answer's reasoning within its budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/backend.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::engine {

/// Follows one answer token by token: where its reasoning begins, how long it is, where it ends. Not thread-safe.
class ReasoningGuard {
 public:
  /// `tokenizer` must outlive the guard.
  ReasoningGuard(ReasoningBudget budget, const model::Tokenizer& tokenizer);

  /// The token that has to come next; nothing while the model is free.
  [[nodiscard]] std::optional<TokenId> Forced() const;
  /// Tells which token was taken.
  void Accept(TokenId token);

 private:
  enum class State : std::uint8_t { kBefore, kInside, kClosing, kAfter };

  void AcceptBefore(std::string_view bytes);
  void AcceptInside(std::string_view bytes);

  ReasoningBudget budget_;
  const model::Tokenizer* tokenizer_;
  State state_;
  std::string text_;        // before the reasoning: all of it; inside: an end that may begin the close mark
  int used_ = 0;            // tokens of the reasoning
  std::size_t closed_ = 0;  // of the closing tokens, written
};

}  // namespace bowhead::engine
