// What answers must match, compiled once and kept: constraints over one model's vocabulary.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "engine/backend.h"
#include "grammar/answer_grammar.h"
#include "grammar/matcher.h"
#include "model/template/dialect.h"

namespace bowhead::serving {

using grammar::ConstraintSpec;

/// Compiles constraints and keeps those that were used last, with the masks that they have learned. Thread-safe;
/// compiling takes milliseconds on the caller's thread.
class Constraints {
 public:
  /// Most constraints kept; each has tables of its own, of at most some tens of MiB (grammar::Constraint).
  static constexpr std::size_t kMaxKept = 32;

  explicit Constraints(std::shared_ptr<engine::Backend> backend) : backend_(std::move(backend)) {}

  /// What a whole answer must match. Errors: those of compiling, which name what cannot be enforced; `*failed_tool` is
  /// as CompileAnswer has it.
  base::Result<std::shared_ptr<grammar::Constraint>> Get(const grammar::AnswerForm& form, int* failed_tool);

  /// The tokens of the vocabulary that the marks of this dialect are made of and that would not be shown as text.
  [[nodiscard]] std::vector<model::TokenId> HiddenMarks(const model::Dialect& dialect) const;

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
