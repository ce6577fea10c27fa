// Runs a Program: follows all ways at once, and remembers every step that it has taken.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grammar/object_states.h"
#include "grammar/program.h"

namespace bowhead::grammar {

/// A set of stacks is a set of items: what is on top, and the set of what may be below it. Equal sets have one number,
/// so a whole configuration of the automaton is an integer, and a step from it by a class of bytes is looked up once
/// it has been taken: texts that repeat run as fast as on a table. As the items of a set have different tops, sets with
/// common parts share them, and an ambiguous grammar costs no more stacks than it has ways to go on.
///
/// Everything it learns stays until the machine goes away; bytes() says how much that is. Not thread-safe.
class StackMachine {
 public:
  using SetId = std::int32_t;
  static constexpr SetId kDead = -1;
  struct Item {
    StateId state = 0;
    std::uint32_t data = 0;
    SetId below = 0;
    friend auto operator<=>(const Item&, const Item&) = default;
  };

  explicit StackMachine(std::shared_ptr<const Program> program);

  /// Before the first byte.
  [[nodiscard]] SetId start() const { return start_; }
  /// After one more byte; kDead if nothing that matches begins so, or if the step had to be given up (see overflow()).
  SetId Step(SetId from, std::uint8_t byte) {
    const std::uint8_t c = program_->class_of()[byte];
    const SetId known = rows_[RowOf(from) + c];
    return known != kUnknown ? known : Learn(from, c);
  }
  /// Whether what was read so far is a whole text.
  [[nodiscard]] bool Accepts(SetId set) const { return sets_[static_cast<std::size_t>(set)].accepts; }

  /// For texts that are really written (not tried): `key` is what was read of the key that a closing quote led out of.
  /// Gives the configuration that remembers it; see ObjectStates.
  SetId NameKey(SetId set, std::string_view key);
  [[nodiscard]] bool InKey(SetId set) const { return sets_[static_cast<std::size_t>(set)].in_key; }

  /// How many plain characters (none that JSON must escape) may follow in any order, and whether more of them, or
  /// others after those, have to be looked at one by one.
  struct PlainRoom {
    std::uint32_t characters = 0;
    bool all_known = false;
  };
  [[nodiscard]] PlainRoom FindPlainRoom(SetId set) const;

  [[nodiscard]] std::span<const Item> items(SetId set) const {
    const Set& s = sets_[static_cast<std::size_t>(set)];
    return {items_.data() + s.first, s.count};
  }
  [[nodiscard]] const Program& program() const { return *program_; }
  /// The same configuration in another machine of the same program.
  SetId CopyTo(StackMachine& other, SetId set) const;
  /// Memory in use, about.
  [[nodiscard]] std::size_t bytes() const;
  /// True once a step was given up because the grammar is too ambiguous at that place.
  [[nodiscard]] bool overflow() const { return overflow_; }

 private:
  static constexpr SetId kUnknown = -2;
  static constexpr StateId kEnd = ~StateId{0};  // the bottom of the stack
  struct Set {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    std::uint32_t depth = 0;  // the longest stack's
    std::int32_t row = -1;    // offset into rows_ in rows
    bool accepts = false;
    bool in_key = false;
  };

  std::size_t RowOf(SetId set) {
    Set& s = sets_[static_cast<std::size_t>(set)];
    if (s.row < 0) AddRow(s);
    return static_cast<std::size_t>(s.row) * width_;
  }
  void AddRow(Set& set);
  SetId Learn(SetId from, std::uint8_t byte_class);
  /// The set of the stacks that `pending_` leads to without a byte.
  SetId Close();
  void Visit(const Item& item, std::vector<Item>& tops);
  void Return(SetId below);
  void Push(StateId state, std::uint32_t data, SetId below, StateId callee);
  /// The number of a set; `items` in any order, tops may repeat.
  SetId Intern(std::vector<Item> items);
  SetId InternSorted(std::span<const Item> items);
  SetId Union(SetId a, SetId b);
  [[nodiscard]] std::uint32_t HeightLeft(SetId below) const;
  SetId CopySet(StackMachine& other, SetId set, std::unordered_map<SetId, SetId>& copied) const;
  [[nodiscard]] bool TakesPlainCharacters(const Item& item) const;

  std::shared_ptr<const Program> program_;
  std::size_t width_;
  ObjectStates objects_;
  std::vector<Item> items_;
  std::vector<Set> sets_;
  std::vector<SetId> rows_;
  std::int32_t num_rows_ = 0;
  std::unordered_multimap<std::uint64_t, SetId> by_hash_;
  std::unordered_map<std::uint64_t, SetId> unions_;
  std::vector<Item> pending_;
  std::vector<Item> visited_;
  bool overflow_ = false;
  SetId start_ = 0;
};

}  // namespace bowhead::grammar
