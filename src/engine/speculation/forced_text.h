// Guesses from a constraint: where a grammar leaves no choice of the text, the model need not be asked byte by byte.
#pragma once

#include "engine/speculation/drafter.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::engine {

/// Proposes the text that a sequence's constraint forces (the keys and punctuation of a JSON schema), in the usual
/// layout where only the layout is free, cut into tokens as the tokenizer would cut it. The text may be certain, its
/// tokens are not: the model may prefer other cuts, so they are guesses like others and change no answer.
class ForcedText final : public Drafter {
 public:
  /// `tokenizer` outlives it.
  explicit ForcedText(const model::Tokenizer* tokenizer) : tokenizer_(tokenizer) {}

  base::Status Propose(std::span<DraftJob> jobs) override;
  void Forget(RequestId) override {}

  /// Classes of guesses: the last token of a forced text may be one with what follows, and a layout is a habit.
  static constexpr std::uint8_t kInside = kConfidenceClasses - 1;
  static constexpr std::uint8_t kLayout = 1;
  static constexpr std::uint8_t kLast = 0;

 private:
  /// Adds the tokens of `text` to the job's draft; before the places `choices` in it the layout was chosen.
  void Cut(std::string_view text, std::span<const std::size_t> choices, DraftJob* job) const;

  const model::Tokenizer* tokenizer_;
};

}  // namespace bowhead::engine
