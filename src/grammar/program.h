// The compiled grammar: a pushdown automaton over bytes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "grammar/key_dfa.h"
#include "grammar/limits.h"
#include "grammar/syntax.h"

namespace bowhead::grammar {

/// Index of a state of a Program.
using StateId = std::uint32_t;

/// An object as the automaton runs it: names as the bytes inside of their quotes.
struct ObjectProgram {
  struct Property {
    std::string key;    // escaped
    StateId value = 0;  // where the value's rule starts
    bool forbidden = false;
    bool required = false;
    bool taken_by_others = false;  // `others` accepts this key too
    std::vector<std::uint32_t> needs;
  };
  std::vector<Property> properties;  // ascending by key
  KeyDfa others;
  std::vector<StateId> other_values;
  std::uint32_t min_properties = 0;
  std::uint32_t max_properties = kUnlimited;
};

/// States, each of a kind that says how it goes on. A state runs with a number of its own ("data": a count, or an index
/// of the state of an object) on top of a stack of return states with theirs. Immutable; thread-safe.
class Program {
 public:
  enum class Kind : std::uint8_t {
    kPlain,        // edges by bytes, and empty steps; both keep data
    kReturn,       // pops
    kCall,         // pushes `b` with data, goes on at `a` with data 0
    kRepeat,       // data counts calls of `a`; returns once it is at least `min`, calls while it is below `max`
    kObjectOpen,   // after '{': empty steps to `a` (the end) and `b` (a key), as the object's state allows
    kObjectKey,    // inside of a key; at its closing quote to `a`
    kObjectValue,  // calls the value that the key asks for, then `a`
    kObjectNext,   // after a value: as kObjectOpen, where `b` begins with the comma
  };
  struct Edge {
    std::uint8_t first = 0;
    std::uint8_t last = 0;
    StateId to = 0;
  };
  struct State {
    Kind kind = Kind::kPlain;
    /// Begins a character of a JSON string that may be any character: see TokenTrie about plain tokens.
    bool any_character = false;
    StateId a = 0;
    StateId b = 0;
    std::uint32_t min = 0;
    std::uint32_t max = 0;
    std::uint32_t object = 0;  // of kObject*: index into objects
    std::uint32_t first_edge = 0, num_edges = 0;
    std::uint32_t first_empty = 0, num_empty = 0;
  };
  static constexpr std::uint32_t kInfinite = ~std::uint32_t{0} / 4;

  /// Errors: kInvalidArgument for left recursion (names the rule) and for a grammar that matches nothing finite,
  /// kResourceExhausted for one that is too large.
  static base::Result<std::shared_ptr<const Program>> Compile(const Syntax& syntax, Budget& budget);

  [[nodiscard]] StateId start() const { return start_; }
  [[nodiscard]] const State& state(StateId id) const { return states_[id]; }
  [[nodiscard]] std::size_t num_states() const { return states_.size(); }
  [[nodiscard]] std::span<const Edge> edges(const State& s) const {
    return {edges_.data() + s.first_edge, s.num_edges};
  }
  [[nodiscard]] std::span<const StateId> empty_steps(const State& s) const {
    return {empty_.data() + s.first_empty, s.num_empty};
  }
  [[nodiscard]] const std::vector<ObjectProgram>& objects() const { return objects_; }
  /// How many calls inside of each other the shortest way from this state to its return takes; kInfinite: none returns.
  [[nodiscard]] std::uint32_t height(StateId id) const { return heights_[id]; }
  [[nodiscard]] int max_depth() const { return max_depth_; }

  /// Bytes of the same class are never told apart.
  [[nodiscard]] std::size_t num_classes() const { return class_bytes_.size(); }
  [[nodiscard]] const std::array<std::uint8_t, 256>& class_of() const { return class_of_; }
  /// The lowest byte of a class, and how many bytes are in it.
  [[nodiscard]] std::uint8_t ByteOfClass(std::size_t c) const { return class_bytes_[c].first; }
  [[nodiscard]] int SizeOfClass(std::size_t c) const { return class_bytes_[c].second; }

 private:
  friend class ProgramCompiler;
  Program() = default;

  StateId start_ = 0;
  std::vector<State> states_;
  std::vector<Edge> edges_;
  std::vector<StateId> empty_;
  std::vector<std::uint32_t> heights_;
  std::vector<ObjectProgram> objects_;
  int max_depth_ = 0;
  std::array<std::uint8_t, 256> class_of_ = {};
  std::vector<std::pair<std::uint8_t, int>> class_bytes_;
};

}  // namespace bowhead::grammar
