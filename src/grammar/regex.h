// Regular expressions: text to a tree. The dialect is ECMA-262's with the u flag, without what no automaton can do.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "grammar/code_point_set.h"
#include "grammar/limits.h"

namespace bowhead::grammar {

constexpr std::uint32_t kUnlimited = ~std::uint32_t{0};

/// A regular expression over code points. Immutable once built.
struct Regex {
  enum class Kind : std::uint8_t {
    kSequence,     // of children; none: the empty text
    kAlternative,  // of children; none: matches nothing
    kSet,
    kRepeat,  // of its one child, min to max times (kUnlimited: without end)
    kBegin,   // ^: nothing stands before
    kEnd,     // $: nothing stands after
  };
  Kind kind = Kind::kSequence;
  CodePointSet set;
  std::uint32_t min = 0;
  std::uint32_t max = 0;
  std::vector<Regex> children;

  static Regex Set(CodePointSet set);
  static Regex Text(std::string_view utf8);
  static Regex Sequence(std::vector<Regex> children);
  static Regex Alternative(std::vector<Regex> children);
  static Regex Repeat(Regex child, std::uint32_t min, std::uint32_t max);
};

/// Parses `pattern`: literals, ., classes, \d \w \s and their opposites (the ASCII digits and letters, Unicode's
/// spaces), \p{..} of general categories, \xHH, \uHHHH, \u{H..}, groups of any kind but lookaround, | ? * + {m,n}, lazy
/// quantifiers (the same language), ^ and $. Errors: kInvalidArgument for what is malformed, kUnimplemented for
/// backreferences, lookaround and word boundaries; both name the offset.
base::Result<Regex> ParseRegex(std::string_view pattern, const Limits& limits);

}  // namespace bowhead::grammar
