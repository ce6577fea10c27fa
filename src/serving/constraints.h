// What answers must match, compiled once and kept: constraints over one model's vocabulary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "engine/backend.h"
#include "grammar/matcher.h"

namespace bowhead::serving {

/// A constraint as a client states it.
struct ConstraintSpec {
  enum class Kind : std::uint8_t { kJsonObject, kJsonSchema, kRegex, kChoice, kGrammar };
  Kind kind = Kind::kJsonObject;
  std::string text;                  // the schema (JSON text), expression or grammar
  std::vector<std::string> choices;  // of kChoice
};

/// Compiles constraints and keeps those that were used last, with the masks that they have learned. Thread-safe;
/// compiling takes milliseconds on the caller's thread.
class Constraints {
 public:
  /// Most constraints kept; each has tables of its own, of at most some tens of MiB (grammar::Constraint).
  static constexpr std::size_t kMaxKept = 32;

  explicit Constraints(std::shared_ptr<engine::Backend> backend) : backend_(std::move(backend)) {}

  /// Errors: those of compiling, which name what cannot be enforced.
  base::Result<std::shared_ptr<grammar::Constraint>> Get(const ConstraintSpec& spec);

 private:
  struct Kept {
    std::string key;
    std::shared_ptr<grammar::Constraint> constraint;
  };

  std::shared_ptr<const grammar::TokenTrie> Trie();
  std::shared_ptr<grammar::Constraint> Find(const std::string& key);

  const std::shared_ptr<engine::Backend> backend_;  // owns the tokenizer
  std::once_flag trie_once_;                        // a vocabulary takes some tens of milliseconds
  std::shared_ptr<const grammar::TokenTrie> trie_;
  std::mutex mutex_;
  std::list<Kept> kept_;                                               // guarded by mutex_; last used first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_key_;  // guarded by mutex_
};

}  // namespace bowhead::serving
