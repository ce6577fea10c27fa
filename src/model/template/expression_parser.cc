// Expressions from the conditional down to the unary operators.
#include <algorithm>
#include <array>
#include <optional>

#include "model/template/parser_base.h"

namespace bowhead::model {
namespace {

using Kind = Expr::Kind;

std::string Describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kData:
      return "text";
    case Token::Kind::kVariableBegin:
      return "'{{'";
    case Token::Kind::kVariableEnd:
      return "'}}'";
    case Token::Kind::kBlockBegin:
      return "'{%'";
    case Token::Kind::kBlockEnd:
      return "'%}'";
    case Token::Kind::kEnd:
      return "the end of the template";
    case Token::Kind::kString:
      return "a string";
    case Token::Kind::kInteger:
    case Token::Kind::kFloat:
      return "a number";
    case Token::Kind::kName:
    case Token::Kind::kOperator:
      break;
  }
  return "'" + token.text + "'";
}

std::optional<CompareOp> CompareOpOf(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, CompareOp>, 6> kOps = {{{"==", CompareOp::kEqual},
                                                                           {"!=", CompareOp::kNotEqual},
                                                                           {"<", CompareOp::kLess},
                                                                           {"<=", CompareOp::kLessEqual},
                                                                           {">", CompareOp::kGreater},
                                                                           {">=", CompareOp::kGreaterEqual}}};
  const auto* it = std::find_if(kOps.begin(), kOps.end(), [text](const auto& entry) { return entry.first == text; });
  return it == kOps.end() ? std::nullopt : std::optional(it->second);
}

}  // namespace

void ParserBase::Unexpected(std::string_view expected) const {
  FailAt(line(), "expected " + std::string(expected) + ", found " + Describe(current()));
}

void ExpressionParser::Raise(Expr& parent, const Expr* child) const {
  if (child == nullptr) return;
  parent.height = std::max(parent.height, child->height + 1);
  if (parent.height > kMaxHeight) FailAt(parent.line, "the expression is too long or nested too deep");
}

ExprPtr ExpressionParser::Make(Kind kind, std::size_t line, std::vector<ExprPtr> operands) const {
  auto node = std::make_unique<Expr>();
  node->kind = kind;
  node->line = static_cast<std::uint32_t>(line);
  node->operands = std::move(operands);
  for (const ExprPtr& operand : node->operands) Raise(*node, operand.get());
  return node;
}

ExprPtr ExpressionParser::ParseExpression(bool with_conditional) {
  const Nested nested(*this);
  return with_conditional ? ParseConditional() : ParseOr();
}

ExprPtr ExpressionParser::ParseConditional() {
  std::size_t at = line();
  ExprPtr value = ParseOr();
  while (SkipName("if")) {
    ExprPtr condition = ParseOr();
    ExprPtr otherwise;
    if (SkipName("else")) {
      const Nested nested(*this);
      otherwise = ParseConditional();
    }
    std::vector<ExprPtr> operands = Operands(std::move(condition), std::move(value));
    operands.push_back(std::move(otherwise));
    value = Make(Kind::kConditional, at, std::move(operands));
    at = line();
  }
  return value;
}

ExprPtr ExpressionParser::ParseOr() {
  ExprPtr left = ParseAnd();
  while (IsName("or")) {
    const std::size_t at = Take().line;
    left = Make(Kind::kOr, at, Operands(std::move(left), ParseAnd()));
  }
  return left;
}

ExprPtr ExpressionParser::ParseAnd() {
  ExprPtr left = ParseNot();
  while (IsName("and")) {
    const std::size_t at = Take().line;
    left = Make(Kind::kAnd, at, Operands(std::move(left), ParseNot()));
  }
  return left;
}

ExprPtr ExpressionParser::ParseNot() {
  if (!IsName("not")) return ParseCompare();
  const Nested nested(*this);
  const std::size_t at = Take().line;
  return Make(Kind::kNot, at, Operands(ParseNot()));
}

ExprPtr ExpressionParser::ParseCompare() {
  const std::size_t at = line();
  std::vector<ExprPtr> operands = Operands(ParseSum());
  std::vector<CompareOp> ops;
  for (;;) {
    const auto op = Is(Token::Kind::kOperator) ? CompareOpOf(current().text) : std::nullopt;
    if (op) {
      Take();
      ops.push_back(*op);
    } else if (SkipName("in")) {
      ops.push_back(CompareOp::kIn);
    } else if (IsName("not") && next().kind == Token::Kind::kName && next().text == "in") {
      Take();
      Take();
      ops.push_back(CompareOp::kNotIn);
    } else {
      break;
    }
    operands.push_back(ParseSum());
  }
  if (ops.empty()) return std::move(operands.front());
  ExprPtr node = Make(Kind::kCompare, at, std::move(operands));
  node->ops = std::move(ops);
  return node;
}

ExprPtr ExpressionParser::ParseSum() {
  ExprPtr left = ParseConcat();
  while (IsOperator("+") || IsOperator("-")) {
    const Token& token = Take();
    const BinaryOp op = token.text == "+" ? BinaryOp::kAdd : BinaryOp::kSubtract;
    left = Make(Kind::kBinary, token.line, Operands(std::move(left), ParseConcat()));
    left->op = op;
  }
  return left;
}

ExprPtr ExpressionParser::ParseConcat() {
  const std::size_t at = line();
  std::vector<ExprPtr> parts = Operands(ParseProduct());
  while (SkipOperator("~")) parts.push_back(ParseProduct());
  return parts.size() == 1 ? std::move(parts.front()) : Make(Kind::kConcat, at, std::move(parts));
}

ExprPtr ExpressionParser::ParseProduct() {
  ExprPtr left = ParsePower();
  while (IsOperator("*") || IsOperator("/") || IsOperator("//") || IsOperator("%")) {
    const Token& token = Take();
    const BinaryOp op = token.text == "*"    ? BinaryOp::kMultiply
                        : token.text == "/"  ? BinaryOp::kDivide
                        : token.text == "//" ? BinaryOp::kFloorDivide
                                             : BinaryOp::kModulo;
    left = Make(Kind::kBinary, token.line, Operands(std::move(left), ParsePower()));
    left->op = op;
  }
  return left;
}

ExprPtr ExpressionParser::ParsePower() {
  ExprPtr left = ParseUnary(true);
  while (IsOperator("**")) {
    const std::size_t at = Take().line;
    left = Make(Kind::kBinary, at, Operands(std::move(left), ParseUnary(true)));
    left->op = BinaryOp::kPower;
  }
  return left;
}

ExprPtr ExpressionParser::ParseUnary(bool with_filter) {
  ExprPtr node;
  if (IsOperator("-") || IsOperator("+")) {
    const Nested nested(*this);
    const Token& token = Take();
    const Kind kind = token.text == "-" ? Kind::kNegate : Kind::kPlus;
    node = Make(kind, token.line, Operands(ParseUnary(false)));
  } else {
    node = ParsePrimary();
  }
  node = ParsePostfix(std::move(node));
  return with_filter ? ParseFilterOrTest(std::move(node)) : std::move(node);
}

}  // namespace bowhead::model
