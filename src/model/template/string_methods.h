// Methods of str that filters use too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/template/runtime.h"

namespace bowhead::model {

/// The table of str's methods, sorted by name.
const std::vector<Method>& StringMethods();
/// Its parts, in any order.
std::vector<Method> SplitMethods();
std::vector<Method> SearchMethods();
std::vector<Method> CharacterMethods();

/// Bytes [begin, end) of a text as a string of their own.
Value Piece(const Text& text, std::size_t begin, std::size_t end, Meter& meter);
/// Where `needle` starts last; npos if nowhere. Searching backwards is not linear in the worst case, so that long
/// needles cost more steps.
std::size_t FindLast(std::string_view text, std::string_view needle, Meter& meter);

enum class Ends : std::uint8_t { kBoth, kLeft, kRight };
/// Whitespace, or the characters of `chars` unless it is nullptr, cut from the ends.
Value Strip(const Text& text, const Text* chars, Ends ends, Meter& meter);
/// At most `count` replacements; all if it is negative. Linear time.
Value Replace(const Text& text, const Text& from, const Text& to, std::int64_t count, Meter& meter);
/// The lines as ranges of bytes; with their line breaks if `keep`.
std::vector<ByteRange> SplitLines(std::string_view text, bool keep);
/// Padded with `fill` to `width` code points; left or right or both as `align` says (< > ^).
Value Justify(const Text& text, std::int64_t width, char align, std::string_view fill, Meter& meter);
Value Join(const Text& separator, const std::vector<Value>& items, bool only_strings, Meter& meter);

}  // namespace bowhead::model
