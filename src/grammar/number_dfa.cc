#include "grammar/number_dfa.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "grammar/regex.h"

namespace bowhead::grammar {
namespace {

constexpr std::uint32_t kMaxDigits = 15;         // that a double holds exactly
constexpr std::uint32_t kMaxIntegerDigits = 19;  // of an integer without a bound on that side

enum class Phase : std::uint8_t { kStart, kSign, kZero, kInteger, kPoint, kFraction };

/// What is known after some characters of a number.
struct State {
  Phase phase = Phase::kStart;
  bool negative = false;
  std::uint32_t integer_digits = 0;
  std::uint32_t fraction_digits = 0;
  // The digits so far against as many digits of the bounds of the magnitude.
  std::int8_t to_low = 0;
  std::int8_t to_high = 0;
  std::uint64_t remainder = 0;
  friend auto operator<=>(const State&, const State&) = default;
};

/// A bound on the magnitude of the numbers of one sign. Without a value: no bound, or nothing is in range.
struct Magnitudes {
  std::optional<NumberBound> low;
  std::optional<NumberBound> high;
  bool none = false;
};

class NumberMachine {
 public:
  explicit NumberMachine(const NumberRange& range) : range_(range) {
    positive_ = Of(range.min, range.max);
    const auto negated = [](std::optional<NumberBound> bound) {
      if (bound) bound->value = bound->value.Negated();
      return bound;
    };
    negative_ = Of(negated(range.max), negated(range.min));
    fractions_ = !range.integer && range.multiple_of == 1;
    bounded_ = range.min || range.max;
  }

  [[nodiscard]] bool Accepts(const State& state) const {
    const bool complete =
        state.phase == Phase::kZero || state.phase == Phase::kInteger || state.phase == Phase::kFraction;
    if (!complete || state.remainder != 0) return false;
    const Magnitudes& bounds = state.negative ? negative_ : positive_;
    if (bounds.none) return false;
    if (bounds.low) {
      const int order = Order(state, bounds.low->value, state.to_low);
      if (order < 0 || (order == 0 && bounds.low->exclusive)) return false;
    }
    if (bounds.high) {
      const int order = Order(state, bounds.high->value, state.to_high);
      if (order > 0 || (order == 0 && bounds.high->exclusive)) return false;
    }
    return true;
  }

  /// False if the number cannot go on with `c`.
  bool Step(State& state, char c) const {
    if (c == '-') {
      if (state.phase != Phase::kStart) return false;
      state.phase = Phase::kSign;
      state.negative = true;
      return true;
    }
    if (c == '.') {
      if (!fractions_ || (state.phase != Phase::kZero && state.phase != Phase::kInteger)) return false;
      state.phase = Phase::kPoint;
      // From here on only the place of the integer part matters.
      const Magnitudes& bounds = state.negative ? negative_ : positive_;
      if (bounds.low) state.to_low = IntegerOrder(state, bounds.low->value, state.to_low);
      if (bounds.high) state.to_high = IntegerOrder(state, bounds.high->value, state.to_high);
      return true;
    }
    return StepDigit(state, c);
  }

 private:
  static Magnitudes Of(const std::optional<NumberBound>& min, const std::optional<NumberBound>& max) {
    Magnitudes result;
    if (min && !min->value.negative) result.low = min;
    if (max) {
      if (max->value.negative) {
        result.none = true;
      } else {
        result.high = max;
      }
    }
    return result;
  }

  bool StepDigit(State& state, char c) const {
    const Magnitudes& bounds = state.negative ? negative_ : positive_;
    const bool in_integer =
        state.phase == Phase::kStart || state.phase == Phase::kSign || state.phase == Phase::kInteger;
    if (state.phase == Phase::kZero) return false;
    if (in_integer) {
      const bool first = state.phase != Phase::kInteger;
      state.phase = first && c == '0' ? Phase::kZero : Phase::kInteger;
      if (state.integer_digits == MaxIntegerDigits(bounds)) return false;
      if (bounds.low) state.to_low = Follow(state.to_low, c, bounds.low->value.integer, state.integer_digits);
      if (bounds.high) state.to_high = Follow(state.to_high, c, bounds.high->value.integer, state.integer_digits);
      if (bounded_ || range_.multiple_of == 1) ++state.integer_digits;
      state.remainder = (state.remainder * 10 + static_cast<std::uint64_t>(c - '0')) % range_.multiple_of;
      return true;
    }
    if (state.integer_digits + state.fraction_digits >= kMaxDigits) return false;
    state.phase = Phase::kFraction;
    if (bounds.low) state.to_low = Follow(state.to_low, c, bounds.low->value.fraction, state.fraction_digits);
    if (bounds.high) state.to_high = Follow(state.to_high, c, bounds.high->value.fraction, state.fraction_digits);
    ++state.fraction_digits;
    return true;
  }

  [[nodiscard]] std::uint32_t MaxIntegerDigits(const Magnitudes& bounds) const {
    if (fractions_) return kMaxDigits;
    std::size_t digits = kMaxIntegerDigits;
    if (bounds.low) digits = std::max(digits, bounds.low->value.integer.size() + 1);
    if (bounds.high) digits = bounds.high->value.integer.size();
    return static_cast<std::uint32_t>(digits);
  }

  /// The order of two digit strings after one more digit each; behind its end the bound has zeros.
  static std::int8_t Follow(std::int8_t order, char digit, const std::string& bound, std::size_t at) {
    if (order != 0) return order;
    const char other = at < bound.size() ? bound[at] : '0';
    if (digit == other) return 0;
    return digit < other ? -1 : 1;
  }

  static std::int8_t IntegerOrder(const State& state, const Decimal& bound, std::int8_t order) {
    if (state.integer_digits != bound.integer.size()) return state.integer_digits < bound.integer.size() ? -1 : 1;
    return order;
  }

  static int Order(const State& state, const Decimal& bound, std::int8_t order) {
    const bool in_fraction = state.phase == Phase::kFraction;
    if (!in_fraction) order = IntegerOrder(state, bound, order);
    if (order != 0) return order;
    const std::size_t written = in_fraction ? state.fraction_digits : 0;
    return written < bound.fraction.size() ? -1 : 0;  // the bound's last digit is not 0
  }

  const NumberRange& range_;
  Magnitudes positive_;
  Magnitudes negative_;
  bool fractions_ = false;
  bool bounded_ = false;
};

base::Result<TextDfa> Unbounded(bool integer, Budget& budget) {
  const auto regex =
      ParseRegex(integer ? "-?(0|[1-9][0-9]{0,18})" : "-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?",
                 budget.limits());
  if (!regex.ok()) return regex.status();
  return TextDfa::FromRegex(*regex, false, budget);
}

}  // namespace

base::Result<TextDfa> NumberDfa(const NumberRange& range, Budget& budget) {
  if (!range.min && !range.max && range.multiple_of == 1) return Unbounded(range.integer, budget);
  const NumberMachine machine(range);
  if (!range.integer && range.multiple_of == 1) {
    for (const auto* bound : {&range.min, &range.max}) {
      if (*bound && (*bound)->value.integer.size() + (*bound)->value.fraction.size() > kMaxDigits) {
        return base::Unimplemented("a bound of more than 15 digits cannot be enforced on numbers with a fraction");
      }
    }
  }
  static constexpr std::string_view kCharacters = "0123456789-.";
  std::vector<CodePointSet> classes;
  for (const char c : kCharacters) classes.push_back(CodePointSet::Of(static_cast<unsigned char>(c)));
  DfaBuilder builder(std::move(classes));
  std::map<State, std::int32_t> known;
  std::vector<std::pair<State, std::int32_t>> pending;
  const auto get = [&](const State& state) {
    const auto [it, added] = known.emplace(state, 0);
    if (added) {
      it->second = builder.AddState(machine.Accepts(state) ? 0 : TextDfa::kNotAccepting);
      pending.emplace_back(state, it->second);
    }
    return it->second;
  };
  get({});
  while (!pending.empty()) {
    const auto [from, id] = pending.back();
    pending.pop_back();
    if (builder.num_states() > budget.limits().max_dfa_states || !budget.Spend(16)) {
      return base::ResourceExhausted("the range with multipleOf needs too many states; use a smaller multipleOf");
    }
    for (std::size_t c = 0; c < kCharacters.size(); ++c) {
      State to = from;
      if (machine.Step(to, kCharacters[c])) builder.SetNext(id, c, get(to));
    }
  }
  return std::move(builder).Build();
}

}  // namespace bowhead::grammar
