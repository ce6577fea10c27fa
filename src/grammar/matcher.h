// The interface to decoding under a constraint: Grammar says what is allowed, Constraint binds it to a vocabulary and
// remembers what it has computed, Matcher is the place of one text in it.
//
//   auto grammar = CompileJsonSchema(schema_text, {});            // an error is a bad request
//   auto constraint = Constraint::Create(*grammar, token_trie);   // keep it: its caches serve later requests too
//   Matcher matcher(constraint);
//   loop: matcher.FillMask(&mask); token = sample(logits, mask); matcher.AcceptToken(token);
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "grammar/grammar.h"
#include "grammar/token_mask.h"
#include "grammar/token_trie.h"

namespace bowhead::grammar {

class ConstraintTables;

/// A grammar over a vocabulary, with what has been learned about both. Requests with the same grammar should share one.
/// Thread-safe (each call of a Matcher takes its lock for some microseconds).
class Constraint {
 public:
  static std::shared_ptr<Constraint> Create(std::shared_ptr<const Grammar> grammar,
                                            std::shared_ptr<const TokenTrie> trie);
  ~Constraint();

  /// Memory that its tables take. New matchers get new tables once it passes `kMaxTableBytes`; the old ones go away
  /// with the last matcher that uses them.
  [[nodiscard]] std::size_t TableBytes() const;
  static constexpr std::size_t kMaxTableBytes = std::size_t{64} << 20U;

 private:
  friend class Matcher;
  Constraint(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie);
  std::shared_ptr<ConstraintTables> Tables();

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Where one text is in a constraint. A copy is independent and cheap (some words and the key that is being written),
/// so speculation copies before it tries and assigns to go back. One thread at a time; copies may be on other threads.
class Matcher {
 public:
  explicit Matcher(std::shared_ptr<Constraint> constraint);

  /// Takes the bytes, all or (if they do not match) none. False also if the constraint is too ambiguous there; then
  /// status() says so.
  bool Accept(std::string_view bytes);
  /// Takes a token: as a mark (TokenTrie) where one may stand, else its bytes; for a token that ends a generation,
  /// nothing if CanEnd(). False for what is not allowed.
  bool AcceptToken(model::TokenId token);
  /// How many bytes from the start of `bytes` could be accepted, without taking them.
  [[nodiscard]] std::size_t CountAcceptable(std::string_view bytes) const;

  /// Whether the text may end here.
  [[nodiscard]] bool CanEnd() const;
  /// Whether nothing can follow: the text is complete, and only an end token is allowed.
  [[nodiscard]] bool MustEnd() const;
  /// The bytes that must come next, at most `max_bytes`: up to where there is a choice (ending counts as one). May stop
  /// inside of a character.
  [[nodiscard]] std::string ForcedBytes(std::size_t max_bytes = 256) const;

  /// Makes `mask` (of any size before) say which tokens may come next: those whose bytes begin a text that matches, and
  /// the end tokens if CanEnd(). Errors: kFailedPrecondition if no token is allowed (the vocabulary lacks bytes),
  /// kResourceExhausted if the constraint is too ambiguous here. On an error the mask is empty: never sample without
  /// one.
  base::Status FillMask(TokenMask* mask);
  /// The same for one token.
  [[nodiscard]] bool Allows(model::TokenId token) const;

  /// OK, or why nothing is accepted any more.
  [[nodiscard]] base::Status status() const;

 private:
  struct Place {
    std::int32_t set = 0;
    std::string key;  // what is written of a key
  };
  bool Advance(Place& place, std::uint8_t byte) const;
  void LeaveFullTables();

  std::shared_ptr<Constraint> constraint_;
  std::shared_ptr<ConstraintTables> tables_;
  Place place_;
};

}  // namespace bowhead::grammar
