// Code points: strict UTF-8 decoding and the Unicode properties that pre-tokenizers ask about.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bowhead::model {

/// General categories, in the order of gen_unicode_tables.py.
enum class Category : std::uint8_t {
  kCn,
  kCc,
  kCf,
  kCo,
  kLl,
  kLm,
  kLo,
  kLt,
  kLu,
  kMc,
  kMe,
  kMn,
  kNd,
  kNl,
  kNo,  // clang-format off
  kPc, kPd, kPe, kPf, kPi, kPo, kPs, kSc, kSk, kSm, kSo, kZl, kZp, kZs,  // clang-format on
};

constexpr std::uint32_t CategoryBit(Category category) {
  return 1U << static_cast<unsigned>(category);
}
constexpr std::uint32_t kUpperLetters = CategoryBit(Category::kLu) | CategoryBit(Category::kLt);
constexpr std::uint32_t kLowerLetters = CategoryBit(Category::kLl);
constexpr std::uint32_t kOtherLetters = CategoryBit(Category::kLm) | CategoryBit(Category::kLo);
constexpr std::uint32_t kLetters = kUpperLetters | kLowerLetters | kOtherLetters;
constexpr std::uint32_t kMarks = CategoryBit(Category::kMc) | CategoryBit(Category::kMe) | CategoryBit(Category::kMn);
constexpr std::uint32_t kNumbers = CategoryBit(Category::kNd) | CategoryBit(Category::kNl) | CategoryBit(Category::kNo);
constexpr std::uint32_t kPunctuation =
    CategoryBit(Category::kPc) | CategoryBit(Category::kPd) | CategoryBit(Category::kPe) | CategoryBit(Category::kPf) |
    CategoryBit(Category::kPi) | CategoryBit(Category::kPo) | CategoryBit(Category::kPs);
constexpr std::uint32_t kSymbols =
    CategoryBit(Category::kSc) | CategoryBit(Category::kSk) | CategoryBit(Category::kSm) | CategoryBit(Category::kSo);

/// What is known about one code point, in a byte.
class Properties {
 public:
  constexpr Properties() = default;
  constexpr explicit Properties(std::uint8_t bits) : bits_(bits) {}
  /// True if the general category is in `mask` (a union of the constants above).
  [[nodiscard]] constexpr bool In(std::uint32_t mask) const { return ((mask >> (bits_ & 31U)) & 1U) != 0; }
  /// \s of the regular expressions: Unicode's White_Space.
  [[nodiscard]] constexpr bool space() const { return (bits_ & 32U) != 0; }
  /// Numeric as the Digits pre-tokenizer means it (slightly newer tables than `kNumbers`).
  [[nodiscard]] constexpr bool numeric() const { return (bits_ & 64U) != 0; }

 private:
  std::uint8_t bits_ = 0;
};

/// The generated ranges: first code point in the upper 24 bits, property byte in the lower 8; ascending.
std::span<const std::uint32_t> UnicodeRanges();

/// Two-level lookup of properties, expanded once from the ranges. Immutable; thread-safe.
class UnicodeTable {
 public:
  static const UnicodeTable& Get();
  /// `code_point` must be at most 0x10FFFF.
  [[nodiscard]] Properties Lookup(char32_t code_point) const {
    return Properties(leaves_[page_[code_point >> 8U]][code_point & 255U]);
  }
  [[nodiscard]] Properties LookupAscii(unsigned char byte) const { return Properties(ascii_[byte]); }

 private:
  UnicodeTable();
  std::array<std::uint8_t, 256> ascii_ = {};
  std::array<std::uint16_t, 0x1100> page_ = {};
  std::array<std::array<std::uint8_t, 256>, 512> leaves_ = {};
};

constexpr char32_t kReplacement = 0xFFFD;

/// One decoded character. An invalid byte counts as one character: U+FFFD of length 1 with `valid` false.
struct DecodedChar {
  char32_t value = kReplacement;
  std::uint32_t length = 1;
  bool valid = false;
};

/// Decodes the character at `p` (p < end). Strict: no overlong forms, no surrogates, nothing above U+10FFFF.
DecodedChar DecodeUtf8(const char* p, const char* end);

/// How many bytes at the start of `text` are complete characters or bytes that can never become one; what follows is an
/// unfinished character of at most 3 bytes.
std::size_t CompletePrefix(std::string_view text);

/// Appends `text` to `out` with every invalid sequence replaced by U+FFFD: one for each maximal part of a character, as
/// Unicode recommends and Python's decode(errors="replace") does.
void AppendWellFormed(std::string_view text, std::string& out);

void AppendUtf8(char32_t code_point, std::string& out);

}  // namespace bowhead::model
