// Filling in the middle: the prompt of models that were trained to write what stands between two texts.
// After "Efficient Training of Language Models to Fill in the Middle" (https://arxiv.org/abs/2207.14255).
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::model {

/// The tokens that stand before the three parts.
struct FillInTokens {
  TokenId prefix = 0;
  TokenId suffix = 0;
  TokenId middle = 0;
};

/// Those of the vocabulary, under the names that Qwen and Codestral-like models, StarCoder, DeepSeek, CodeLlama and
/// CodeGemma give them; nothing if the model has none.
std::optional<FillInTokens> FindFillInTokens(const Tokenizer& tokenizer);

/// The prompt after which the model writes the middle: prefix, suffix, middle. Special tokens that the texts spell stay
/// text. Errors: kUnimplemented if the model has no such tokens.
base::Result<std::vector<TokenId>> FillInPrompt(const Tokenizer& tokenizer, std::string_view prefix,
                                                std::string_view suffix);

}  // namespace bowhead::model
