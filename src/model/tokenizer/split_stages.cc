#include "model/tokenizer/split_stages.h"

#include <algorithm>
#include <span>

#include "model/tokenizer/scan.h"

namespace bowhead::model::split {
namespace {

bool IsAsciiLetter(const Char& c) {
  return (c.value >= 'a' && c.value <= 'z') || (c.value >= 'A' && c.value <= 'Z');
}
bool IsOneOf(const Char& c, std::string_view ascii) {
  return c.value < 0x80 && ascii.find(static_cast<char>(c.value)) != std::string_view::npos;
}
bool IsLetterOrMark(const Char& c) {
  return c.properties.In(kLetters | kMarks);
}

/// ` ?X+` at `p`: its end, or nullptr.
template <class Test>
const char* OptionalSpaceThen(const char* p, const char* end, Test test) {
  const char* const start = *p == ' ' ? p + 1 : p;
  const char* const stop = Run(start, end, test);
  return stop > start ? stop : nullptr;
}

/// `\s?X+` at `p`: its end, or nullptr. (No X here contains a space, except U+3000, which the run then takes.)
template <class Test>
const char* AnySpaceThen(const char* p, const char* end, Test test) {
  const Char first = Read(p, end);
  if (IsSpace(first)) {
    const char* const stop = Run(first.next, end, test);
    if (stop > first.next) return stop;
  }
  const char* const stop = Run(p, end, test);
  return stop > p ? stop : nullptr;
}

/// What Llama 3, Qwen 2 and their relatives share. `letter` is what words are made of.
template <class Letter>
const char* Llama3Like(const char* p, const char* end, int max_digits, Letter letter) {
  if (const char* const stop = Contraction(p, end, true)) return stop;
  const Char first = Read(p, end);
  if (letter(first)) return Run(first.next, end, letter);
  if (IsNumber(first)) return RunAtMost(p, end, max_digits, IsNumber);
  if (!IsBreak(first)) {
    const char* const stop = Run(first.next, end, letter);
    if (stop > first.next) return stop;
  }
  const auto other = [letter](const Char& c) { return IsOther(c) && !letter(c); };
  if (const char* const stop = OptionalSpaceThen(p, end, other)) return Run(stop, end, IsBreak);
  return SpacesOrBreaks(p, end);
}

bool IsUpperSide(const Char& c) {
  return c.properties.In(kUpperLetters | kOtherLetters | kMarks);
}
bool IsLowerSide(const Char& c) {
  return c.properties.In(kLowerLetters | kOtherLetters | kMarks);
}

/// [upper side]*[lower side]+ at `p`: its end, or nullptr. Letters without case and marks are on both sides.
const char* WordWithLower(const char* p, const char* end) {
  const char* after_shared = nullptr;  // where the upper run can stop so that the lower one has a character left
  const char* q = p;
  while (q < end) {
    const Char c = Read(q, end);
    if (!IsUpperSide(c)) break;
    q = c.next;
    if (IsLowerSide(c)) after_shared = q;
  }
  const char* const stop = Run(q, end, IsLowerSide);
  return stop > q ? stop : after_shared;
}

/// The cased word at `p` with its optional first character, in the order in which the expression tries the four ways.
const char* CasedWord(const char* p, const char* end, const Char& first) {
  const bool optional = !IsBreak(first) && !first.properties.In(kLetters | kNumbers);
  if (optional) {
    if (const char* const stop = WordWithLower(first.next, end)) return stop;
  }
  if (const char* const stop = WordWithLower(p, end)) return stop;
  // Only characters of the upper side are left.
  const char* const start = optional ? first.next : p;
  const char* const stop = Run(start, end, IsUpperSide);
  return stop > start ? stop : nullptr;
}

const char* O200kLike(const char* p, const char* end, int max_digits, bool contractions) {
  const Char first = Read(p, end);
  if (const char* const stop = CasedWord(p, end, first)) {
    const char* const suffix = contractions ? Contraction(stop, end, true) : nullptr;
    return suffix != nullptr ? suffix : stop;
  }
  if (IsNumber(first)) return RunAtMost(p, end, max_digits, IsNumber);
  if (const char* const stop = OptionalSpaceThen(p, end, IsOther)) {
    return Run(stop, end, [](const Char& c) { return IsBreak(c) || c.value == '/'; });
  }
  return SpacesOrBreaks(p, end);
}

struct Range {
  char32_t first;
  char32_t last;
};

bool InRanges(std::span<const Range> ranges, char32_t c) {
  const auto it = std::upper_bound(ranges.begin(), ranges.end(), c,
                                   [](char32_t value, const Range& range) { return value < range.first; });
  return it != ranges.begin() && c <= std::prev(it)->last;
}

// clang-format off
constexpr Range kDeepSeekLetters[] = {
    {0x41, 0x5A}, {0x61, 0x7A}, {0xB5, 0xB5}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x1BA},
    {0x1BC, 0x1BF}, {0x1C4, 0x293}, {0x295, 0x2AF}, {0x370, 0x373}, {0x376, 0x377}, {0x37B, 0x37D},
    {0x37F, 0x37F}, {0x386, 0x386}, {0x388, 0x38A}, {0x38C, 0x38C}, {0x38E, 0x3A1}, {0x3A3, 0x3F5},
    {0x3F7, 0x481}, {0x48A, 0x52F}, {0x531, 0x556}, {0x10A0, 0x10C5}, {0x13A0, 0x13F5}, {0x13F8, 0x13FD},
    {0x1C90, 0x1CBA}, {0x1CBD, 0x1CBF}, {0x1D00, 0x1D2B}, {0x1D6B, 0x1D77}, {0x1D79, 0x1D9A}, {0x1E00, 0x1F15},
    {0x1F18, 0x1F1D}, {0x1F20, 0x1F45}, {0x1F48, 0x1F4D}, {0x1F50, 0x1F57}, {0x1F59, 0x1F59}, {0x1F5B, 0x1F5B},
    {0x1F5D, 0x1F5D}, {0x1F5F, 0x1F7D}, {0x1F80, 0x1FB4}, {0x1FB6, 0x1FBC}, {0x1FBE, 0x1FBE}, {0x1FC2, 0x1FC4},
    {0x1FC6, 0x1FCC}, {0x1FD0, 0x1FD3}, {0x1FD6, 0x1FDB}, {0x1FE0, 0x1FEC}, {0x1FF2, 0x1FF4}, {0x1FF6, 0x1FFC},
    {0x2102, 0x2102}, {0x2107, 0x2107}, {0x210A, 0x2113}, {0x2115, 0x2115}, {0x2119, 0x211D}, {0x2124, 0x2124},
    {0x2126, 0x2126}, {0x2128, 0x2128}, {0x212A, 0x212D}, {0x212F, 0x2134}, {0x2139, 0x2139}, {0x213C, 0x213F},
    {0x2145, 0x2149}, {0x214E, 0x214E}, {0x2183, 0x2184}, {0x2C00, 0x2C7B}, {0x2C7E, 0x2CE4}, {0x2CEB, 0x2CEE},
    {0x2CF2, 0x2CF3}, {0xA640, 0xA66D}, {0xA680, 0xA69B}, {0xA722, 0xA76F}, {0xA771, 0xA787}, {0xA78B, 0xA78E},
    {0xAB70, 0xABBF}, {0xFB00, 0xFB06}, {0xFB13, 0xFB17}, {0xFF21, 0xFF3A}, {0xFF41, 0xFF5A}, {0x10400, 0x1044F},
    {0x104B0, 0x104D3}, {0x104D8, 0x104FB}, {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943}};
// clang-format on
constexpr Range kDeepSeekPunctuation[] = {{0x21, 0x2F},     {0x3A, 0x7E},     {0x2018, 0x201F},
                                          {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}};
constexpr Range kDeepSeekCjk[] = {{0x0800, 0x9FA5}, {0xAC00, 0xD7FF}};
constexpr Range kDeepSeekV3Cjk[] = {{0x3040, 0x30FF}, {0x4E00, 0x9FA5}};
constexpr Range kBloomStops[] = {{'!', '!'},       {'(', ')'},       {',', ','},       {'.', '.'},
                                 {'?', '?'},       {'|', '|'},       {0x060C, 0x060C}, {0x06D4, 0x06D4},
                                 {0x0964, 0x0964}, {0x2026, 0x2026}, {0x3001, 0x3002}, {0xFF0C, 0xFF0C}};

/// X+ isolated, for a set of characters.
template <class Test>
const char* IsolateRun(const char* p, const char* end, Test test) {
  const char* const stop = Run(p, end, test);
  return stop > p ? stop : Run(p, end, [test](const Char& c) { return !test(c); });
}

/// At most `limit` characters of a set, isolated.
template <class Test>
const char* IsolateUpTo(const char* p, const char* end, int limit, Test test) {
  const char* const stop = RunAtMost(p, end, limit, test);
  return stop > p ? stop : Run(p, end, [test](const Char& c) { return !test(c); });
}

const char* MatchDeepSeekV3(const char* p, const char* end) {
  const Char first = Read(p, end);
  if (first.value < 0x80 && first.properties.In(kPunctuation | kSymbols) && first.next < end) {
    const char* const stop = Run(first.next, end, IsAsciiLetter);
    if (stop > first.next) return stop;
  }
  if (IsLetterOrMark(first)) return Run(first.next, end, IsLetterOrMark);
  if (!IsBreak(first) && !first.properties.In(kPunctuation | kSymbols)) {
    const char* const stop = Run(first.next, end, IsLetterOrMark);
    if (stop > first.next) return stop;
  }
  const auto mark = [](const Char& c) { return c.properties.In(kPunctuation | kSymbols); };
  if (const char* const stop = OptionalSpaceThen(p, end, mark)) return Run(stop, end, IsBreak);
  return IsSpace(first) ? SpacesOrBreaks(p, end) : nullptr;
}

}  // namespace

const char* Gpt2(const char* p, const char* end) {
  if (const char* const stop = Contraction(p, end, false)) return stop;
  const char* const start = *p == ' ' && p + 1 < end ? p + 1 : p;
  const Char first = Read(start, end);
  if (IsLetter(first)) return Run(first.next, end, IsLetter);
  if (IsNumber(first)) return Run(first.next, end, IsNumber);
  if (IsOther(first)) return Run(first.next, end, IsOther);
  return SpacesBeforeWord(p, end);
}

const char* Llama3(const char* p, const char* end) {
  return Llama3Like(p, end, 3, IsLetter);
}
const char* Qwen2(const char* p, const char* end) {
  return Llama3Like(p, end, 1, IsLetter);
}
const char* Qwen35(const char* p, const char* end) {
  return Llama3Like(p, end, 1, IsLetterOrMark);
}
const char* O200k(const char* p, const char* end) {
  return O200kLike(p, end, 3, true);
}
const char* Tekken(const char* p, const char* end) {
  return O200kLike(p, end, 1, false);
}
const char* DeepSeekV3(const char* p, const char* end) {
  return Isolate(p, end, MatchDeepSeekV3);
}

const char* Bloom(const char* p, const char* end) {
  const auto inside = [](const Char& c) { return !IsSpace(c) && !InRanges(kBloomStops, c.value); };
  return Isolate(p, end, [inside](const char* q, const char* stop) { return OptionalSpaceThen(q, stop, inside); });
}

const char* Digit(const char* p, const char* end) {
  return IsolateUpTo(p, end, 1, [](const Char& c) { return c.properties.numeric(); });
}
const char* Number(const char* p, const char* end) {
  return IsolateUpTo(p, end, 1, IsNumber);
}
const char* Numbers(const char* p, const char* end) {
  return IsolateRun(p, end, IsNumber);
}
const char* Numbers3(const char* p, const char* end) {
  return IsolateUpTo(p, end, 3, IsNumber);
}

const char* ThreeDigits(const char* p, const char* end) {
  const auto match = [](const char* q, const char* stop) -> const char* {
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return stop - q >= 3 && digit(q[0]) && digit(q[1]) && digit(q[2]) ? q + 3 : nullptr;
  };
  return Isolate(p, end, match);
}

const char* Newline(const char* p, const char* end) {
  return IsolateUpTo(p, end, 1, IsBreak);
}

const char* TrailingSpace(const char* p, const char* end) {
  const char* q = Run(p, end, IsSpace);
  if (q == end) return end;
  while (true) {  // the piece ends where the last run of spaces starts, if the text ends with spaces
    const char* const space = Run(q, end, [](const Char& c) { return !IsSpace(c); });
    q = Run(space, end, IsSpace);
    if (q == end) return space;
  }
}

const char* Letters(const char* p, const char* end) {
  return Isolate(p, end, [](const char* q, const char* stop) { return AnySpaceThen(q, stop, IsLetter); });
}

const char* Punctuation(const char* p, const char* end) {
  const auto inside = [](const Char& c) { return c.properties.In(kPunctuation); };
  return Isolate(p, end, [inside](const char* q, const char* stop) { return AnySpaceThen(q, stop, inside); });
}

const char* DefaultPunctuation(const char* p, const char* end) {
  return IsolateRun(p, end, [](const Char& c) { return c.properties.In(kPunctuation) || IsOneOf(c, "$+<=>^~|"); });
}

const char* FalconPunctuation(const char* p, const char* end) {
  return IsolateRun(p, end, [](const Char& c) { return c.properties.In(kPunctuation) || IsOneOf(c, "$+<=>^~|`"); });
}

const char* DeepSeekLetters(const char* p, const char* end) {
  const auto inside = [](const Char& c) { return InRanges(kDeepSeekLetters, c.value); };
  return Isolate(p, end, [inside](const char* q, const char* stop) { return AnySpaceThen(q, stop, inside); });
}

const char* DeepSeekPunctuation(const char* p, const char* end) {
  const auto inside = [](const Char& c) { return InRanges(kDeepSeekPunctuation, c.value); };
  return Isolate(p, end, [inside](const char* q, const char* stop) { return AnySpaceThen(q, stop, inside); });
}

const char* DeepSeekCjk(const char* p, const char* end) {
  return IsolateRun(p, end, [](const Char& c) { return InRanges(kDeepSeekCjk, c.value); });
}

const char* DeepSeekV3Cjk(const char* p, const char* end) {
  return IsolateRun(p, end, [](const Char& c) { return InRanges(kDeepSeekV3Cjk, c.value); });
}

const char* Lines(const char* p, const char* end) {
  return IsolateRun(p, end, [](const Char& c) { return c.value == '\n'; });
}

}  // namespace bowhead::model::split
