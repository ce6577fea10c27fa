// The passes that pre-tokenizers are made of, each a regular expression written out as a linear scan. The expression
// that a stage stands for is in its comment; "isolated" means that the text between matches becomes pieces too.
#pragma once

namespace bowhead::model::split {

/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
const char* Gpt2(const char* p, const char* end);

/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
const char* Llama3(const char* p, const char* end);
/// The same with \p{N} for \p{N}{1,3}.
const char* Qwen2(const char* p, const char* end);
/// Qwen2 with [\p{L}\p{M}] for \p{L} and [^\s\p{L}\p{M}\p{N}] for [^\s\p{L}\p{N}].
const char* Qwen35(const char* p, const char* end);

/// o200k: [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
///  |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
///  |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
const char* O200k(const char* p, const char* end);
/// O200k without the contractions and with \p{N} for \p{N}{1,3}.
const char* Tekken(const char* p, const char* end);

/// [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*
///  |\s*[\r\n]+|\s+(?!\S)|\s+, isolated
const char* DeepSeekV3(const char* p, const char* end);

///  ?[^(\s|.,!?…。，、।۔،)]+, isolated
const char* Bloom(const char* p, const char* end);

/// One numeric character (the Digits pre-tokenizer with individual digits), isolated.
const char* Digit(const char* p, const char* end);
/// \p{N}, isolated
const char* Number(const char* p, const char* end);
/// \p{N}+, isolated
const char* Numbers(const char* p, const char* end);
/// \p{N}{1,3}, isolated
const char* Numbers3(const char* p, const char* end);
/// [0-9][0-9][0-9], isolated
const char* ThreeDigits(const char* p, const char* end);
/// [\r\n], isolated
const char* Newline(const char* p, const char* end);
/// \s+$, isolated
const char* TrailingSpace(const char* p, const char* end);
/// \s?\p{L}+, isolated
const char* Letters(const char* p, const char* end);
/// \s?\p{P}+, isolated
const char* Punctuation(const char* p, const char* end);
/// [\p{P}$+<=>^~|]+, isolated
const char* DefaultPunctuation(const char* p, const char* end);
/// [\p{P}$+<=>^~|`]+, isolated
const char* FalconPunctuation(const char* p, const char* end);
/// \s?[cased letters of a fixed list]+, isolated (DeepSeek LLM)
const char* DeepSeekLetters(const char* p, const char* end);
/// \s?[!-/:-~！-／：-～‘-‟　-。]+, isolated (DeepSeek LLM)
const char* DeepSeekPunctuation(const char* p, const char* end);
/// [一-龥ࠀ-一가-퟿]+, isolated (DeepSeek LLM and Coder)
const char* DeepSeekCjk(const char* p, const char* end);
/// [一-龥぀-ゟ゠-ヿ]+, isolated (DeepSeek V3)
const char* DeepSeekV3Cjk(const char* p, const char* end);
/// [^\n]+|\n+
const char* Lines(const char* p, const char* end);

}  // namespace bowhead::model::split
