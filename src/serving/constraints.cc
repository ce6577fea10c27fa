#include "serving/constraints.h"

#include <utility>

namespace bowhead::serving {

namespace {

std::string KeyOf(const ConstraintSpec& spec) {
  std::string key(1, static_cast<char>('0' + static_cast<int>(spec.kind)));
  key += spec.text;
  // Lengths first, so that no two lists look alike.
  for (const std::string& choice : spec.choices) key += std::to_string(choice.size()) + ":" + choice;
  return key;
}

grammar::GrammarResult Compile(const ConstraintSpec& spec) {
  const grammar::CompileOptions options;
  switch (spec.kind) {
    case ConstraintSpec::Kind::kJsonObject:
      return grammar::CompileJsonObject(options);
    case ConstraintSpec::Kind::kJsonSchema:
      return grammar::CompileJsonSchema(spec.text, options);
    case ConstraintSpec::Kind::kRegex:
      return grammar::CompileRegex(spec.text, options);
    case ConstraintSpec::Kind::kChoice:
      return grammar::CompileChoice(spec.choices, options);
    case ConstraintSpec::Kind::kGrammar:
      return grammar::CompileEbnf(spec.text, options);
  }
  return base::Internal("an unknown kind of constraint");
}

}  // namespace

std::shared_ptr<const grammar::TokenTrie> Constraints::Trie() {
  std::call_once(trie_once_, [this] { trie_ = grammar::TokenTrie::Create(backend_->tokenizer()); });
  return trie_;
}

std::shared_ptr<grammar::Constraint> Constraints::Find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found->second);
  return found->second->constraint;
}

base::Result<std::shared_ptr<grammar::Constraint>> Constraints::Get(const ConstraintSpec& spec) {
  std::string key = KeyOf(spec);
  if (auto known = Find(key)) return known;
  const grammar::GrammarResult compiled = Compile(spec);
  if (!compiled.ok()) return compiled.status();
  auto constraint = grammar::Constraint::Create(*compiled, Trie());
  const std::lock_guard lock(mutex_);
  const auto other = by_key_.find(key);  // somebody may have been faster
  if (other != by_key_.end()) return other->second->constraint;
  kept_.push_front({key, constraint});
  by_key_.emplace(std::move(key), kept_.begin());
  if (kept_.size() > kMaxKept) {
    by_key_.erase(kept_.back().key);
    kept_.pop_back();
  }
  return constraint;
}

}  // namespace bowhead::serving
