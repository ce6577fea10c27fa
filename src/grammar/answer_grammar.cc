#include "grammar/answer_grammar.h"

#include <algorithm>
#include <utility>

#include "grammar/constraint_syntax.h"
#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {
namespace {

using model::CallForm;

std::vector<std::uint32_t> CodePoints(std::string_view text) {
  std::vector<std::uint32_t> points;
  for (const char *p = text.data(), *end = p + text.size(); p != end;) {
    const model::DecodedChar c = model::DecodeUtf8(p, end);
    points.push_back(c.value);
    p += c.length;
  }
  return points;
}

/// Any text that `mark` does not occur in: the automaton of Knuth, Morris and Pratt without its last state.
TextDfa TextWithout(std::string_view mark) {
  const std::vector<std::uint32_t> points = CodePoints(mark);
  std::vector<CodePointSet> letters;
  for (const std::uint32_t point : points) letters.push_back(CodePointSet::Of(point));
  std::vector<const CodePointSet*> sets;
  for (const CodePointSet& letter : letters) sets.push_back(&letter);
  const std::vector<CodePointSet> classes = Partition(sets);
  DfaBuilder builder(classes);
  const std::size_t states = points.size();
  for (std::size_t i = 0; i < states; ++i) builder.AddState(0);
  // fallback[i]: the longest proper prefix of the first i that they end with.
  std::vector<std::size_t> fallback(states + 1, 0);
  for (std::size_t i = 1; i < states; ++i) {
    std::size_t k = fallback[i];
    while (k > 0 && points[k] != points[i]) k = fallback[k];
    fallback[i + 1] = points[k] == points[i] ? k + 1 : 0;
  }
  for (std::size_t c = 0; c < classes.size(); ++c) {
    for (std::size_t i = 0; i < states; ++i) {
      std::size_t k = i;
      while (k > 0 && !classes[c].Contains(points[k])) k = fallback[k];
      if (classes[c].Contains(points[k])) ++k;
      if (k < states) builder.SetNext(static_cast<std::int32_t>(i), c, static_cast<std::int32_t>(k));
    }
  }
  return std::move(builder).Build();
}

/// Any text whose first character that is no blank is no brace.
TextDfa TextWithoutBrace() {
  const CodePointSet blank({{' ', ' '}, {'\t', '\t'}, {'\n', '\n'}, {'\r', '\r'}});
  const CodePointSet brace = CodePointSet::Of('{');
  DfaBuilder builder({blank, brace, blank.Union(brace).Complement()});
  const std::int32_t before = builder.AddState(0);
  const std::int32_t after = builder.AddState(0);
  builder.SetNext(before, 0, before);
  builder.SetNext(before, 2, after);
  for (std::size_t c = 0; c < 3; ++c) builder.SetNext(after, c, after);
  return std::move(builder).Build();
}

class AnswerCompiler {
 public:
  AnswerCompiler(const AnswerForm& form, const MarkSpelling& spell, const CompileOptions& options, Budget& budget)
      : form_(form), dialect_(form.dialect), spell_(spell), options_(options), budget_(budget) {}

  base::Result<Syntax> Run(int* failed_tool) {
    std::vector<ExprId> bodies;
    if (!form_.tools.empty()) {
      const auto calls = Calls(failed_tool);
      if (!calls.ok()) return calls.status();
      const bool text_before = !form_.call_required && !form_.content;
      bodies.push_back(text_before && !FirstMark().empty() ? syntax_.Sequence({FreeText(), *calls}) : *calls);
    }
    if (!form_.call_required || form_.tools.empty()) {
      const auto content = Content();
      if (!content.ok()) return content.status();
      bodies.push_back(*content);
    }
    const ExprId body = syntax_.Sequence({Reasoning(), syntax_.Alternative(std::move(bodies))});
    syntax_.start = syntax_.AddRule("answer");
    syntax_.SetBody(syntax_.start, body);
    return std::move(syntax_);
  }

 private:
  ExprId Mark(std::string_view mark) { return syntax_.Bytes(spell_(mark)); }
  ExprId Maybe(std::string_view bytes) { return syntax_.Repeat(syntax_.Bytes(std::string(bytes)), 0, 1); }
  ExprId Blanks() {
    constexpr std::uint32_t kMost = 4;
    return syntax_.Repeat(syntax_.OneOf({" ", "\n"}), 0, kMost);
  }
  [[nodiscard]] const std::string& FirstMark() const {
    return dialect_.section_open.empty() ? dialect_.call_open : dialect_.section_open;
  }

  ExprId Reasoning() {
    if (form_.reasoning == ReasoningForm::kNone || !dialect_.has_reasoning()) return syntax_.Bytes("");
    const ExprId rest = syntax_.Sequence(
        {syntax_.Text(TextWithout(dialect_.think_close), TextEncoding::kUtf8), Mark(dialect_.think_close), Blanks()});
    if (form_.reasoning == ReasoningForm::kOpened) return rest;
    return syntax_.Repeat(syntax_.Sequence({Blanks(), Mark(dialect_.think_open), rest}), 0, 1);
  }

  /// Text that has no call.
  ExprId FreeText() {
    if (form_.tools.empty()) return syntax_.Text(TextDfa::Anything(), TextEncoding::kUtf8);
    TextDfa dfa = FirstMark().empty() ? TextWithoutBrace() : TextWithout(FirstMark());
    return syntax_.Text(std::move(dfa), TextEncoding::kUtf8);
  }

  base::Result<ExprId> Content() {
    if (!form_.content) return FreeText();
    const base::Result<Syntax> content = ParseConstraint(*form_.content, options_.layout, budget_);
    if (!content.ok()) return content.status();
    return syntax_.Use(syntax_.Append(*content));
  }

  base::Result<ExprId> Calls(int* failed_tool) {
    const auto call = Call(failed_tool);
    if (!call.ok() || dialect_.form == CallForm::kBareObject) return call;
    std::vector<ExprId> parts = {*call};
    if (!dialect_.section_open.empty()) parts.insert(parts.begin(), Mark(dialect_.section_open));
    if (!form_.single_call) {
      const RuleId more = syntax_.AddRule("call");
      syntax_.SetBody(more, syntax_.Sequence({Maybe("\n"), *call}));
      parts.push_back(syntax_.Repeat(syntax_.Use(more), 0, kUnlimited));
    }
    if (!dialect_.section_close.empty()) parts.push_back(Mark(dialect_.section_close));
    return syntax_.Sequence(std::move(parts));
  }

  /// One call of any of the tools.
  base::Result<ExprId> Call(int* failed_tool) {
    std::vector<ExprId> choices;
    for (std::size_t i = 0; i < form_.tools.size(); ++i) {
      const auto arguments = Arguments(form_.tools[i]);
      if (!arguments.ok()) {
        *failed_tool = static_cast<int>(i);
        return arguments.status();
      }
      choices.push_back(Named(form_.tools[i].name, *arguments));
    }
    const ExprId named = syntax_.Alternative(std::move(choices));
    const RuleId rule = syntax_.AddRule("named");
    syntax_.SetBody(rule, named);
    const ExprId use = syntax_.Use(rule);
    switch (dialect_.form) {
      case CallForm::kObject:
        return syntax_.Sequence({Mark(dialect_.call_open), syntax_.OneOf({"", "\n", " "}), syntax_.Bytes("{\"name\":"),
                                 Maybe(" "), use, syntax_.Bytes("}"), syntax_.OneOf({"", "\n", " "}),
                                 Mark(dialect_.call_close)});
      case CallForm::kBareObject:
        return syntax_.Sequence({syntax_.Bytes("{\"name\":"), Maybe(" "), use, syntax_.Bytes("}")});
      case CallForm::kNameThenObject:
        return syntax_.Sequence({Mark(dialect_.call_open), use, Mark(dialect_.call_close)});
      case CallForm::kNone:
        break;
    }
    return base::Internal("a dialect without calls has tools");
  }

  /// The name and the arguments of a call, with what stands between them.
  ExprId Named(const std::string& name, ExprId arguments) {
    if (dialect_.form == CallForm::kNameThenObject) {
      return syntax_.Sequence({syntax_.Bytes(name), Mark(dialect_.name_end), arguments});
    }
    return syntax_.Sequence({syntax_.Bytes("\"" + name + "\","), Maybe(" "),
                             syntax_.Bytes("\"" + dialect_.arguments_key + "\":"), Maybe(" "), arguments});
  }

  base::Result<ExprId> Arguments(const ToolForm& tool) {
    // What one tool may cost, so that a hostile one that nobody needs to keep does not take it from the others.
    Limits limits = options_.limits;
    limits.max_work = std::max<std::int64_t>(limits.max_work / static_cast<std::int64_t>(form_.tools.size()), 50'000);
    Budget budget(limits);
    auto syntax = ParseConstraint({ConstraintSpec::Kind::kJsonSchema, tool.schema, {}}, options_.layout, budget);
    // Whether anything matches shows only in the program.
    const base::Status status = syntax.ok() ? CompileSyntax(syntax, budget).status() : syntax.status();
    if (!status.ok() && tool.strict) return status;
    if (!status.ok()) syntax = ParseConstraint({}, options_.layout, budget_);
    if (!syntax.ok()) return syntax.status();
    return syntax_.Use(syntax_.Append(*syntax));
  }

  const AnswerForm& form_;
  const model::Dialect& dialect_;
  const MarkSpelling& spell_;
  const CompileOptions& options_;
  Budget& budget_;
  Syntax syntax_;
};

}  // namespace

GrammarResult CompileAnswer(const AnswerForm& form, const MarkSpelling& spell, const CompileOptions& options,
                            int* failed_tool) {
  *failed_tool = -1;
  Budget budget(options.limits);
  return CompileSyntax(AnswerCompiler(form, spell, options, budget).Run(failed_tool), budget);
}

}  // namespace bowhead::grammar
