#include "grammar/grammar.h"

#include <utility>
#include <vector>

#include "grammar/ebnf.h"
#include "grammar/json_schema.h"
#include "grammar/program.h"
#include "grammar/regex.h"
#include "grammar/syntax.h"
#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {
namespace {

constexpr std::size_t kMaxChoices = 4096;

GrammarResult Compile(const base::Result<Syntax>& syntax, Budget& budget) {
  if (!syntax.ok()) return syntax.status();
  auto program = Program::Compile(*syntax, budget);
  if (!program.ok()) return program.status();
  return std::shared_ptr<const Grammar>(std::make_shared<Grammar>(std::move(program).value()));
}

GrammarResult CompileBody(Syntax syntax, ExprId body, Budget& budget) {
  syntax.start = syntax.AddRule("start");
  syntax.SetBody(syntax.start, body);
  return Compile(std::move(syntax), budget);
}

}  // namespace

GrammarResult CompileJsonSchema(std::string_view schema, const CompileOptions& options) {
  Budget budget(options.limits);
  return Compile(ParseJsonSchema(schema, options.layout == JsonLayout::kFlexible, budget), budget);
}

GrammarResult CompileJsonObject(const CompileOptions& options) {
  return CompileJsonSchema(R"({"type":"object"})", options);
}

GrammarResult CompileRegex(std::string_view pattern, const CompileOptions& options) {
  Budget budget(options.limits);
  const auto regex = ParseRegex(pattern, options.limits);
  if (!regex.ok()) return regex.status();
  auto dfa = TextDfa::FromRegex(*regex, false, budget);
  if (!dfa.ok()) return dfa.status();
  if (dfa->empty()) return base::InvalidArgument("no text matches the expression");
  Syntax syntax;
  const ExprId body = syntax.Text(std::move(dfa).value(), TextEncoding::kUtf8);
  return CompileBody(std::move(syntax), body, budget);
}

GrammarResult CompileChoice(std::span<const std::string> texts, const CompileOptions& options) {
  Budget budget(options.limits);
  if (texts.empty()) return base::InvalidArgument("a choice needs at least one text");
  Syntax syntax;
  if (texts.size() > kMaxChoices) return base::InvalidArgument("a choice of more than 4096 texts");
  std::size_t bytes = 0;
  for (const std::string& text : texts) {
    bytes += text.size();
    if (bytes > options.limits.max_source_bytes) return base::InvalidArgument("the texts to choose from are too long");
    if (text.empty()) return base::InvalidArgument("a text to choose is empty");
    std::string well_formed;
    model::AppendWellFormed(text, well_formed);
    if (well_formed != text) return base::InvalidArgument("a text to choose is not UTF-8");
  }
  const ExprId body = syntax.OneOf({texts.begin(), texts.end()});
  return CompileBody(std::move(syntax), body, budget);
}

GrammarResult CompileEbnf(std::string_view text, const CompileOptions& options) {
  Budget budget(options.limits);
  if (text.size() > options.limits.max_source_bytes) return base::InvalidArgument("the grammar is too long");
  return Compile(ParseEbnf(text, budget), budget);
}

}  // namespace bowhead::grammar
