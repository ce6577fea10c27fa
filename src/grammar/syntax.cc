#include "grammar/syntax.h"

#include <algorithm>
#include <span>
#include <utility>

namespace bowhead::grammar {
namespace {

std::size_t CommonPrefix(const std::string& a, const std::string& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

/// `texts` is ascending without repetition, and all are alike up to `at`. The recursion is as deep as texts are
/// prefixes of each other.
ExprId OneOfFrom(Syntax& syntax, std::span<const std::string> texts, std::size_t at) {
  std::vector<ExprId> branches;
  if (texts.front().size() == at) {
    branches.push_back(syntax.Bytes(""));
    texts = texts.subspan(1);
  }
  while (!texts.empty()) {
    std::size_t count = 1;
    while (count < texts.size() && texts[count][at] == texts.front()[at]) ++count;
    const auto group = texts.first(count);
    texts = texts.subspan(count);
    const std::size_t end = CommonPrefix(group.front(), group.back());
    const ExprId begin = syntax.Bytes(group.front().substr(at, end - at));
    branches.push_back(count == 1 ? begin : syntax.Sequence({begin, OneOfFrom(syntax, group, end)}));
  }
  return syntax.Alternative(std::move(branches));
}

}  // namespace

ExprId Syntax::Add(Expr expr) {
  exprs_.push_back(std::move(expr));
  return static_cast<ExprId>(exprs_.size() - 1);
}

ExprId Syntax::Bytes(std::string bytes) {
  Expr expr;
  expr.bytes = std::move(bytes);
  return Add(std::move(expr));
}

ExprId Syntax::Text(TextDfa dfa, TextEncoding encoding) {
  Expr expr;
  expr.kind = Kind::kText;
  expr.encoding = encoding;
  expr.index = static_cast<std::uint32_t>(dfas_.size());
  dfas_.push_back(std::move(dfa));
  return Add(std::move(expr));
}

ExprId Syntax::Character(CodePointSet set, TextEncoding encoding) {
  DfaBuilder builder({std::move(set)});
  const std::int32_t begin = builder.AddState(TextDfa::kNotAccepting);
  builder.SetNext(begin, 0, builder.AddState(0));
  return Text(std::move(builder).Build(), encoding);
}

ExprId Syntax::Sequence(std::vector<ExprId> children) {
  if (children.size() == 1) return children.front();
  Expr expr;
  expr.kind = Kind::kSequence;
  expr.children = std::move(children);
  return Add(std::move(expr));
}

ExprId Syntax::Alternative(std::vector<ExprId> children) {
  if (children.size() == 1) return children.front();
  Expr expr;
  expr.kind = Kind::kAlternative;
  expr.children = std::move(children);
  return Add(std::move(expr));
}

ExprId Syntax::OneOf(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts.empty() ? Never() : OneOfFrom(*this, texts, 0);
}

ExprId Syntax::Repeat(ExprId child, std::uint32_t min, std::uint32_t max) {
  Expr expr;
  expr.kind = Kind::kRepeat;
  expr.min = min;
  expr.max = max;
  expr.children = {child};
  return Add(std::move(expr));
}

ExprId Syntax::Use(RuleId rule) {
  Expr expr;
  expr.kind = Kind::kRule;
  expr.index = rule;
  return Add(std::move(expr));
}

ExprId Syntax::Object(ObjectSyntax object) {
  Expr expr;
  expr.kind = Kind::kObject;
  expr.index = static_cast<std::uint32_t>(objects_.size());
  objects_.push_back(std::move(object));
  return Add(std::move(expr));
}

RuleId Syntax::Append(const Syntax& other) {
  const auto first_expr = static_cast<ExprId>(exprs_.size());
  const auto first_rule = static_cast<RuleId>(rules_.size());
  const auto first_dfa = static_cast<std::uint32_t>(dfas_.size());
  const auto first_object = static_cast<std::uint32_t>(objects_.size());
  for (Expr expr : other.exprs_) {
    for (ExprId& child : expr.children) child += first_expr;
    if (expr.kind == Kind::kText) expr.index += first_dfa;
    if (expr.kind == Kind::kRule) expr.index += first_rule;
    if (expr.kind == Kind::kObject) expr.index += first_object;
    exprs_.push_back(std::move(expr));
  }
  for (Rule rule : other.rules_) {
    rule.body += first_expr;
    rules_.push_back(std::move(rule));
  }
  dfas_.insert(dfas_.end(), other.dfas_.begin(), other.dfas_.end());
  for (ObjectSyntax object : other.objects_) {
    for (ObjectSyntax::Property& property : object.properties) property.value += first_rule;
    for (RuleId& value : object.other_values) value += first_rule;
    objects_.push_back(std::move(object));
  }
  if (other.flexible_layout && !flexible_layout) {
    flexible_layout = true;
    space = other.space + first_expr;
  }
  return other.start + first_rule;
}

RuleId Syntax::AddRule(std::string name) {
  rules_.push_back({std::move(name), Never()});
  return static_cast<RuleId>(rules_.size() - 1);
}

}  // namespace bowhead::grammar
