// Deterministic automata over code points: what patterns, formats, lengths and ranges become.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "grammar/code_point_set.h"
#include "grammar/limits.h"
#include "grammar/regex.h"

namespace bowhead::grammar {

/// A deterministic automaton without useless states: from every state an accepting one can be reached. State 0 is the
/// start. Immutable; thread-safe.
class TextDfa {
 public:
  static constexpr std::int32_t kDead = -1;
  static constexpr std::int32_t kNotAccepting = -1;

  /// Accepts nothing.
  TextDfa() = default;

  /// `search`: anything may stand before and after a match, as `pattern` of JSON Schema means it; else the expression
  /// must match the whole text. Errors: kResourceExhausted.
  static base::Result<TextDfa> FromRegex(const Regex& regex, bool search, Budget& budget);
  /// Texts of `min` to `max` code points.
  static base::Result<TextDfa> OfLength(std::uint32_t min, std::uint32_t max, Budget& budget);
  static TextDfa Anything();

  /// The automaton that runs all of `parts` side by side. `label(accepting)` gives the label of a state in which the
  /// parts accept as told, or kNotAccepting. Errors: kResourceExhausted.
  static base::Result<TextDfa> Product(std::span<const TextDfa* const> parts,
                                       const std::function<std::int32_t(const std::vector<bool>&)>& label,
                                       Budget& budget);
  static base::Result<TextDfa> Intersection(const TextDfa& a, const TextDfa& b, Budget& budget);

  /// True if no text is accepted.
  [[nodiscard]] bool empty() const { return labels_.empty(); }
  [[nodiscard]] std::size_t num_states() const { return labels_.size(); }
  [[nodiscard]] const std::vector<CodePointSet>& classes() const { return classes_; }
  [[nodiscard]] std::int32_t Next(std::int32_t state, std::size_t character_class) const {
    return next_[static_cast<std::size_t>(state) * classes_.size() + character_class];
  }
  /// The label of an accepting state (0 or more), or kNotAccepting.
  [[nodiscard]] std::int32_t label(std::int32_t state) const { return labels_[static_cast<std::size_t>(state)]; }
  /// The label with which a text in UTF-8 is accepted, or kNotAccepting.
  [[nodiscard]] std::int32_t Match(std::string_view text) const;

 private:
  friend class DfaBuilder;
  void Trim();

  std::vector<CodePointSet> classes_;
  std::vector<std::int32_t> next_;    // [states, classes]
  std::vector<std::int32_t> labels_;  // [states]
};

/// Builds a TextDfa state by state. For automata that are easier to compute than to write as an expression.
class DfaBuilder {
 public:
  /// `classes` must be disjoint; what is in none of them is never accepted.
  explicit DfaBuilder(std::vector<CodePointSet> classes) { dfa_.classes_ = std::move(classes); }
  /// The first state added is the start. All its transitions are dead.
  std::int32_t AddState(std::int32_t label) {
    dfa_.labels_.push_back(label);
    dfa_.next_.resize(dfa_.labels_.size() * dfa_.classes_.size(), TextDfa::kDead);
    return static_cast<std::int32_t>(dfa_.labels_.size()) - 1;
  }
  void SetNext(std::int32_t state, std::size_t character_class, std::int32_t next) {
    dfa_.next_[static_cast<std::size_t>(state) * dfa_.classes_.size() + character_class] = next;
  }
  [[nodiscard]] std::size_t num_states() const { return dfa_.labels_.size(); }
  TextDfa Build() && {
    dfa_.Trim();
    return std::move(dfa_);
  }

 private:
  TextDfa dfa_;
};

}  // namespace bowhead::grammar
