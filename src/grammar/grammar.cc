#include "grammar/grammar.h"

#include <utility>
#include <vector>

#include "grammar/constraint_syntax.h"
#include "grammar/ebnf.h"
#include "grammar/json_schema.h"
#include "grammar/program.h"
#include "grammar/regex.h"
#include "grammar/syntax.h"
#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {
namespace {

constexpr std::size_t kMaxChoices = 4096;

base::Result<Syntax> WithBody(Syntax syntax, ExprId body) {
  syntax.start = syntax.AddRule("start");
  syntax.SetBody(syntax.start, body);
  return syntax;
}

base::Result<Syntax> ParseWholeRegex(std::string_view pattern, Budget& budget) {
  const auto regex = ParseRegex(pattern, budget.limits());
  if (!regex.ok()) return regex.status();
  auto dfa = TextDfa::FromRegex(*regex, false, budget);
  if (!dfa.ok()) return dfa.status();
  if (dfa->empty()) return base::InvalidArgument("no text matches the expression");
  Syntax syntax;
  const ExprId body = syntax.Text(std::move(dfa).value(), TextEncoding::kUtf8);
  return WithBody(std::move(syntax), body);
}

base::Result<Syntax> ParseChoice(std::span<const std::string> texts, const Limits& limits) {
  if (texts.empty()) return base::InvalidArgument("a choice needs at least one text");
  Syntax syntax;
  if (texts.size() > kMaxChoices) return base::InvalidArgument("a choice of more than 4096 texts");
  std::size_t bytes = 0;
  for (const std::string& text : texts) {
    bytes += text.size();
    if (bytes > limits.max_source_bytes) return base::InvalidArgument("the texts to choose from are too long");
    if (text.empty()) return base::InvalidArgument("a text to choose is empty");
    std::string well_formed;
    model::AppendWellFormed(text, well_formed);
    if (well_formed != text) return base::InvalidArgument("a text to choose is not UTF-8");
  }
  const ExprId body = syntax.OneOf({texts.begin(), texts.end()});
  return WithBody(std::move(syntax), body);
}

base::Result<Syntax> ParseGrammar(std::string_view text, Budget& budget) {
  if (text.size() > budget.limits().max_source_bytes) return base::InvalidArgument("the grammar is too long");
  return ParseEbnf(text, budget);
}

}  // namespace

GrammarResult CompileSyntax(const base::Result<Syntax>& syntax, Budget& budget) {
  if (!syntax.ok()) return syntax.status();
  auto program = Program::Compile(*syntax, budget);
  if (!program.ok()) return program.status();
  return std::shared_ptr<const Grammar>(std::make_shared<Grammar>(std::move(program).value()));
}

base::Result<Syntax> ParseConstraint(const ConstraintSpec& spec, JsonLayout layout, Budget& budget) {
  const bool flexible = layout == JsonLayout::kFlexible;
  switch (spec.kind) {
    case ConstraintSpec::Kind::kJsonObject:
      return ParseJsonSchema(R"({"type":"object"})", flexible, budget);
    case ConstraintSpec::Kind::kJsonSchema:
      return ParseJsonSchema(spec.text, flexible, budget);
    case ConstraintSpec::Kind::kRegex:
      return ParseWholeRegex(spec.text, budget);
    case ConstraintSpec::Kind::kChoice:
      return ParseChoice(spec.choices, budget.limits());
    case ConstraintSpec::Kind::kGrammar:
      return ParseGrammar(spec.text, budget);
  }
  return base::Internal("an unknown kind of constraint");
}

GrammarResult CompileConstraint(const ConstraintSpec& spec, const CompileOptions& options) {
  Budget budget(options.limits);
  return CompileSyntax(ParseConstraint(spec, options.layout, budget), budget);
}

GrammarResult CompileJsonSchema(std::string_view schema, const CompileOptions& options) {
  return CompileConstraint({ConstraintSpec::Kind::kJsonSchema, std::string(schema), {}}, options);
}

GrammarResult CompileJsonObject(const CompileOptions& options) {
  return CompileConstraint({ConstraintSpec::Kind::kJsonObject, {}, {}}, options);
}

GrammarResult CompileRegex(std::string_view pattern, const CompileOptions& options) {
  return CompileConstraint({ConstraintSpec::Kind::kRegex, std::string(pattern), {}}, options);
}

GrammarResult CompileChoice(std::span<const std::string> texts, const CompileOptions& options) {
  return CompileConstraint({ConstraintSpec::Kind::kChoice, {}, {texts.begin(), texts.end()}}, options);
}

GrammarResult CompileEbnf(std::string_view text, const CompileOptions& options) {
  return CompileConstraint({ConstraintSpec::Kind::kGrammar, std::string(text), {}}, options);
}

}  // namespace bowhead::grammar
