// Small steps over characters that the split stages are written with.
#pragma once

#include <cstdint>

#include "model/tokenizer/unicode.h"

namespace bowhead::model::split {

/// A character at a place of the text.
struct Char {
  const char* next = nullptr;  // the place after it
  char32_t value = 0;
  Properties properties;
};

/// `p` must be before `end`.
inline Char Read(const char* p, const char* end) {
  const auto byte = static_cast<unsigned char>(*p);
  const UnicodeTable& table = UnicodeTable::Get();
  if (byte < 0x80) return {p + 1, byte, table.LookupAscii(byte)};
  const DecodedChar c = DecodeUtf8(p, end);
  return {p + c.length, c.value, table.Lookup(c.value)};
}

/// The end of the longest run at `p` of characters for which `test` holds.
template <class Test>
const char* Run(const char* p, const char* end, Test test) {
  while (p < end) {
    const Char c = Read(p, end);
    if (!test(c)) break;
    p = c.next;
  }
  return p;
}

/// The end of a run of at most `limit` characters.
template <class Test>
const char* RunAtMost(const char* p, const char* end, int limit, Test test) {
  for (int n = 0; p < end && n < limit; ++n) {
    const Char c = Read(p, end);
    if (!test(c)) break;
    p = c.next;
  }
  return p;
}

/// "Isolated" splitting: the match at `p`, or the text up to the next place where `match` gives not nullptr.
template <class Match>
const char* Isolate(const char* p, const char* end, Match match) {
  if (const char* const stop = match(p, end)) return stop;
  do {
    p = Read(p, end).next;
  } while (p < end && match(p, end) == nullptr);
  return p;
}

inline bool IsSpace(const Char& c) {
  return c.properties.space();
}
inline bool IsLetter(const Char& c) {
  return c.properties.In(kLetters);
}
inline bool IsNumber(const Char& c) {
  return c.properties.In(kNumbers);
}
inline bool IsBreak(const Char& c) {
  return c.value == '\r' || c.value == '\n';
}
/// [^\s\p{L}\p{N}]
inline bool IsOther(const Char& c) {
  return !c.properties.In(kLetters | kNumbers) && !c.properties.space();
}

/// The alternatives \s+(?!\S)|\s+ at a space: the whole run at the end of the text; else all but its last character,
/// which belongs to the next word, unless it is the only one.
inline const char* SpacesBeforeWord(const char* p, const char* end) {
  const char* last = p;
  const char* q = p;
  while (q < end) {
    const Char c = Read(q, end);
    if (!IsSpace(c)) break;
    last = q;
    q = c.next;
  }
  return q == end || last == p ? q : last;
}

/// \s*[\r\n]+|\s+(?!\S)|\s+ at a space: up to the last line break of the run, if it has one.
inline const char* SpacesOrBreaks(const char* p, const char* end) {
  const char* after_break = nullptr;
  for (const char* q = p; q < end;) {
    const Char c = Read(q, end);
    if (!IsSpace(c)) break;
    q = c.next;
    if (IsBreak(c)) after_break = q;
  }
  return after_break != nullptr ? after_break : SpacesBeforeWord(p, end);
}

/// 's|'t|'re|'ve|'m|'ll|'d at `p`: its end, or nullptr. `any_case` folds case as Unicode does: U+017F (ſ) is an s.
inline const char* Contraction(const char* p, const char* end, bool any_case) {
  if (end - p < 2 || *p != '\'') return nullptr;
  const auto fold = [any_case](char c) { return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  const char first = fold(p[1]);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return p + 2;
  if (end - p < 3) return nullptr;
  const char second = fold(p[2]);
  if (((first == 'r' || first == 'v') && second == 'e') || (first == 'l' && second == 'l')) return p + 3;
  if (any_case && p[1] == '\xC5' && p[2] == '\xBF') return p + 3;
  return nullptr;
}

}  // namespace bowhead::model::split
