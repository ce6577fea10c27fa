// The keys of an object that are not named: a deterministic automaton over the bytes of an escaped key.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "grammar/limits.h"
#include "grammar/text_dfa.h"

namespace bowhead::grammar {

/// From every state an accepting one can be reached. Immutable; thread-safe.
class KeyDfa {
 public:
  static constexpr std::int32_t kDead = -1;
  static constexpr std::uint64_t kEndless = ~std::uint64_t{0};

  /// Accepts nothing.
  KeyDfa() = default;
  /// The keys whose text `dfa` accepts, as EscapeJson spells them. Errors: kResourceExhausted.
  static base::Result<KeyDfa> Create(const TextDfa& dfa, Budget& budget);

  [[nodiscard]] bool empty() const { return states_.empty(); }
  [[nodiscard]] std::int32_t Next(std::int32_t state, std::uint8_t byte) const {
    return states_[static_cast<std::size_t>(state)].next[byte];
  }
  /// TextDfa's label.
  [[nodiscard]] std::int32_t label(std::int32_t state) const { return states_[static_cast<std::size_t>(state)].label; }
  /// How many keys are accepted from here on: kEndless, or a number that is exact below 2^32 and 2^32 above that.
  [[nodiscard]] std::uint64_t words(std::int32_t state) const { return states_[static_cast<std::size_t>(state)].words; }
  /// True if every character that needs no escape leads back to this state.
  [[nodiscard]] bool any_character(std::int32_t state) const { return states_[static_cast<std::size_t>(state)].any; }
  [[nodiscard]] bool Accepts(std::string_view key) const;

 private:
  struct State {
    std::array<std::int32_t, 256> next;
    std::int32_t label = TextDfa::kNotAccepting;
    std::uint64_t words = 0;
    bool any = false;
  };
  void CountWords();

  std::vector<State> states_;
};

}  // namespace bowhead::grammar
