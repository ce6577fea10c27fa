// Numbers in a range, as an automaton over their digits.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"
#include "grammar/decimal.h"
#include "grammar/limits.h"
#include "grammar/text_dfa.h"

namespace bowhead::grammar {

struct NumberBound {
  Decimal value;
  bool exclusive = false;
};

struct NumberRange {
  bool integer = false;
  std::optional<NumberBound> min;
  std::optional<NumberBound> max;
  std::uint64_t multiple_of = 1;  // above 1: integers only
};

/// The spellings of the numbers of a range, exact for every reader: an integer has no fraction and no exponent. Numbers
/// without bounds have at most 15 digits before the point, 17 behind it and 2 in the exponent, integers at most 19.
/// With bounds a number with a fraction has no exponent and at most 15 digits, so that no two of them become the same
/// double, and what is in the range as a decimal is in it for a reader that knows only doubles. May be empty. Errors:
/// kResourceExhausted; kUnimplemented for a bound of more than 15 digits on numbers that are no integers.
base::Result<TextDfa> NumberDfa(const NumberRange& range, Budget& budget);

}  // namespace bowhead::grammar
