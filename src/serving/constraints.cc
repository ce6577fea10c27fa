#include "serving/constraints.h"

#include <utility>

namespace bowhead::serving {

namespace {

/// Lengths come before texts, so that no two forms look alike.
void Add(const std::string& text, std::string& key) {
  key += std::to_string(text.size()) + ":" + text;
}

void Add(int number, std::string& key) {
  key += std::to_string(number) + ",";
}

std::string KeyOf(const grammar::AnswerForm& form) {
  std::string key = form.dialect.name + ",";  // the marks follow from it
  Add(static_cast<int>(form.reasoning), key);
  Add(form.call_required ? 1 : 0, key);
  Add(form.single_call ? 1 : 0, key);
  for (const grammar::ToolForm& tool : form.tools) {
    Add(tool.name, key);
    Add(tool.schema, key);
    Add(tool.strict ? 1 : 0, key);
  }
  if (!form.content) return key;
  key += "=";
  Add(static_cast<int>(form.content->kind), key);
  Add(form.content->text, key);
  for (const std::string& choice : form.content->choices) Add(choice, key);
  return key;
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

base::Result<std::shared_ptr<grammar::Constraint>> Constraints::Get(const grammar::AnswerForm& form, int* failed_tool) {
  std::string key = KeyOf(form);
  if (auto known = Find(key)) return known;
  const auto trie = Trie();
  const auto spell = [&trie](std::string_view mark) { return trie->SpellMarks(mark); };
  const grammar::GrammarResult compiled = grammar::CompileAnswer(form, spell, {}, failed_tool);
  if (!compiled.ok()) return compiled.status();
  auto constraint = grammar::Constraint::Create(*compiled, trie);
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

std::vector<model::TokenId> Constraints::HiddenMarks(const model::Dialect& dialect) const {
  const model::Tokenizer& tokenizer = backend_->tokenizer();
  std::vector<model::TokenId> hidden;
  for (const std::string* mark : {&dialect.section_open, &dialect.section_close, &dialect.call_open, &dialect.name_end,
                                  &dialect.call_close, &dialect.think_open, &dialect.think_close}) {
    for (const model::TokenId token : tokenizer.Encode(*mark, {.add_special = false, .parse_special = true})) {
      if (tokenizer.IsSpecial(token) && !tokenizer.IsEndOfGeneration(token)) hidden.push_back(token);
    }
  }
  return hidden;
}

}  // namespace bowhead::serving
