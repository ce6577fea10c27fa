// How far an object has come: which names are used, and what of a key is written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "grammar/program.h"

namespace bowhead::grammar {

/// States of objects, numbered as they come up, so that a number can stand for one on a stack. Not thread-safe.
///
/// A key that is not named in the schema is forgotten while it is written: else each such key would be a state of its
/// own. Its closing quote leads to an "open" state, which knows that a key was added but not which one. Name() puts it
/// in. While a state is open no second key of that kind can be closed, so that no name can come up twice.
class ObjectStates {
 public:
  using Id = std::uint32_t;
  struct KeyStep {
    Id state = 0;
    bool closed = false;  // the byte was the closing quote
  };

  explicit ObjectStates(const Program& program);

  /// `{` was read. Ids are never 0.
  Id Begin(std::uint32_t object);
  /// A key begins.
  Id BeginKey(Id id);
  /// Whether the object may end now, and whether one more property may follow whose value is at most `height` deep.
  [[nodiscard]] bool MayEnd(Id id) const;
  [[nodiscard]] bool MayAdd(Id id, std::uint32_t height) const;
  /// A byte of a key, only if there is a way to go on with values at most `height` deep.
  std::optional<KeyStep> Step(Id id, std::uint8_t byte, std::uint32_t height);
  /// After a key: where its value's rule starts, and the state after the value.
  [[nodiscard]] StateId Value(Id id) const;
  Id AfterValue(Id id);

  /// Whether a key was added that is not known.
  [[nodiscard]] bool IsOpen(Id id) const { return states_[id].open; }
  /// The state with that key, as written between its quotes.
  Id Name(Id id, std::string_view key);
  /// True if a key may go on with any characters that need no escape, any number of them.
  [[nodiscard]] bool TakesAnyCharacter(Id id, std::uint32_t height) const;

  /// The same state among `other`'s.
  Id CopyTo(ObjectStates& other, Id id) const;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Range {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
  };
  struct State {
    std::uint32_t object = 0;
    std::uint32_t count = 0;
    std::uint32_t extras = 0;  // index into key_sets_
    bool open = false;
    std::int32_t value = kNoValue;  // a property, or -2 - label of others
    // Of the key that is being written: its length, and which names begin like it.
    std::uint32_t length = 0;
    Range named;
    Range extra;
    std::int32_t dfa = KeyDfa::kDead;
    std::vector<bool> seen;
  };
  using KeySet = std::vector<std::string>;  // ascending
  static constexpr std::int32_t kNoValue = -1;

  Id Intern(State state);
  std::uint32_t InternKeys(KeySet keys);
  [[nodiscard]] const ObjectProgram& program_of(const State& state) const { return program_.objects()[state.object]; }
  [[nodiscard]] bool MayUse(const State& state, std::uint32_t property, std::uint32_t height) const;
  [[nodiscard]] bool MayUseOthers(const State& state, std::uint32_t height) const;
  [[nodiscard]] bool CanContinue(const State& state, std::uint32_t height) const;
  /// How many properties must still come, if `added` (or none: kNone) comes too; more than any limit if one of them
  /// cannot.
  [[nodiscard]] std::uint32_t Missing(const State& state, std::uint32_t added, std::uint32_t height) const;
  std::optional<KeyStep> Close(State state, std::uint32_t height);

  const Program& program_;
  std::vector<bool> has_needs_;  // of each object
  std::vector<State> states_;
  std::unordered_map<std::string, Id> known_;
  std::vector<KeySet> key_sets_;
  std::size_t bytes_ = 0;
};

}  // namespace bowhead::grammar
