// Names, literals, targets, and what follows them: attributes, items, calls, filters and tests.
#include "model/template/parser_base.h"

namespace bowhead::model {

using Kind = Expr::Kind;

ExprPtr ExpressionParser::ParsePrimary() {
  switch (current().kind) {
    case Token::Kind::kName:
      return ParseNameOrConstant();
    case Token::Kind::kString:
      return ParseString();
    case Token::Kind::kInteger:
    case Token::Kind::kFloat: {
      const Token& token = Take();
      ExprPtr node = Make(Kind::kConst, token.line);
      node->constant = token.kind == Token::Kind::kInteger ? Value::Int(token.integer) : Value::Double(token.number);
      return node;
    }
    default:
      break;
  }
  if (SkipOperator("(")) {
    ExprPtr node = ParseTuple(true, {}, true);
    ExpectOperator(")");
    return node;
  }
  if (IsOperator("[")) return ParseListLiteral();
  if (IsOperator("{")) return ParseDictLiteral();
  Unexpected("an expression");
}

ExprPtr ExpressionParser::ParseNameOrConstant() {
  const Token& token = Take();
  const std::string& name = token.text;
  if (name == "true" || name == "True" || name == "false" || name == "False" || name == "none" || name == "None") {
    ExprPtr node = Make(Kind::kConst, token.line);
    if (name != "none" && name != "None") node->constant = Value::Bool(name == "true" || name == "True");
    return node;
  }
  ExprPtr node = Make(Kind::kName, token.line);
  node->id = Intern(name);
  node->name = name;
  node->constant = Value::Undefined("'" + name + "' is undefined");
  if (node->id == Program::kLoop) ++loop_uses_;
  if (node->id == Program::kCaller) ++caller_uses_;
  if (node->id == Program::kVarargs) ++varargs_uses_;
  if (node->id == Program::kKwargs) ++kwargs_uses_;
  return node;
}

ExprPtr ExpressionParser::ParseString() {
  const std::size_t at = line();
  std::string text = Take().text;
  while (Is(Token::Kind::kString)) text += Take().text;
  ExprPtr node = Make(Kind::kConst, at);
  node->constant = Value::String(std::move(text));
  return node;
}

ExprPtr ExpressionParser::ParseListLiteral() {
  const std::size_t at = Take().line;
  std::vector<ExprPtr> items;
  while (!IsOperator("]")) {
    if (!items.empty()) ExpectOperator(",");
    if (IsOperator("]")) break;
    items.push_back(ParseExpression());
  }
  ExpectOperator("]");
  return Make(Kind::kList, at, std::move(items));
}

ExprPtr ExpressionParser::ParseDictLiteral() {
  const std::size_t at = Take().line;
  std::vector<ExprPtr> items;
  while (!IsOperator("}")) {
    if (!items.empty()) ExpectOperator(",");
    if (IsOperator("}")) break;
    items.push_back(ParseExpression());
    if (items.back()->kind == Kind::kConst && items.back()->constant.IsString()) {
      own_attributes_.emplace(items.back()->constant.string_value());
    }
    ExpectOperator(":");
    items.push_back(ParseExpression());
  }
  ExpectOperator("}");
  return Make(Kind::kDict, at, std::move(items));
}

bool ExpressionParser::IsTupleEnd(std::string_view stop) const {
  if (Is(Token::Kind::kVariableEnd) || Is(Token::Kind::kBlockEnd) || IsOperator(")")) return true;
  return !stop.empty() && IsName(stop);
}

ExprPtr ExpressionParser::ParseTuple(bool with_conditional, std::string_view stop, bool explicit_parentheses) {
  const std::size_t at = line();
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) ExpectOperator(",");
    if (IsTupleEnd(stop)) break;
    items.push_back(ParseExpression(with_conditional));
    if (!IsOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!items.empty()) return std::move(items.front());
    if (!explicit_parentheses) Unexpected("an expression");
  }
  return Make(Kind::kTuple, at, std::move(items));
}

ExprPtr ExpressionParser::ParseTargetItem(bool with_namespace) {
  const Nested nested(*this);
  const std::size_t at = line();
  if (SkipOperator("(")) {
    ExprPtr node = ParseTarget({}, false);
    ExpectOperator(")");
    return node;
  }
  const std::string name = Expect(Token::Kind::kName, "a name to assign to").text;
  if (name == "true" || name == "True" || name == "false" || name == "False" || name == "none" || name == "None") {
    FailAt(at, "cannot assign to '" + name + "'");
  }
  if (with_namespace && SkipOperator(".")) {
    ExprPtr node = Make(Kind::kNamespace, at);
    node->id = Intern(name);
    node->name = Expect(Token::Kind::kName, "an attribute").text;
    own_attributes_.insert(node->name);
    return node;
  }
  ExprPtr node = Make(Kind::kName, at);
  node->id = Intern(name);
  node->name = name;
  return node;
}

ExprPtr ExpressionParser::ParseTarget(std::string_view stop, bool with_namespace) {
  const std::size_t at = line();
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) ExpectOperator(",");
    if (IsTupleEnd(stop)) break;
    items.push_back(ParseTargetItem(with_namespace));
    if (!IsOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (items.empty()) Unexpected("a name to assign to");
    return std::move(items.front());
  }
  return Make(Kind::kTuple, at, std::move(items));
}

ExprPtr ExpressionParser::ParsePostfix(ExprPtr node) {
  for (;;) {
    if (IsOperator(".") || IsOperator("[")) {
      node = ParseSubscript(std::move(node));
    } else if (IsOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr ExpressionParser::ParseFilterOrTest(ExprPtr node) {
  for (;;) {
    if (IsOperator("|")) {
      node = ParseFilters(std::move(node), false);
    } else if (IsName("is")) {
      node = ParseTest(std::move(node));
    } else if (IsOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr ExpressionParser::ParseSubscript(ExprPtr node) {
  const Token& token = Take();
  if (token.text == "[") return ParseSubscribed(std::move(node), token.line);
  if (Is(Token::Kind::kName)) {
    ExprPtr result = Make(Kind::kAttribute, token.line, Operands(std::move(node)));
    result->name = Take().text;
    result->methods = FindMethods(result->name);
    result->constant = Value::Undefined("there is no attribute '" + result->name + "'");
    return result;
  }
  if (!Is(Token::Kind::kInteger)) Unexpected("a name or a number after '.'");
  ExprPtr index = Make(Kind::kConst, token.line);
  index->constant = Value::Int(Take().integer);
  return Make(Kind::kItem, token.line, Operands(std::move(node), std::move(index)));
}

ExprPtr ExpressionParser::ParseSubscribed(ExprPtr object, std::size_t at) {
  std::vector<ExprPtr> operands = Operands(std::move(object));
  const auto ends = [this] { return IsOperator("]") || IsOperator(","); };
  if (IsOperator("]")) Unexpected("an index");
  if (!IsOperator(":")) operands.push_back(ParseExpression());
  if (operands.size() == 2 && !IsOperator(":")) {
    if (!IsOperator(",")) {
      ExpectOperator("]");
      return Make(Kind::kItem, at, std::move(operands));
    }
    std::vector<ExprPtr> keys = Operands(std::move(operands[1]));
    while (SkipOperator(",")) {
      if (IsOperator(":")) FailUnknown(at, "slices inside of a tuple index are not supported");
      keys.push_back(ParseExpression());
    }
    ExpectOperator("]");
    operands[1] = Make(Kind::kTuple, at, std::move(keys));
    return Make(Kind::kItem, at, std::move(operands));
  }
  if (operands.size() == 1) operands.push_back(nullptr);
  ExpectOperator(":");
  operands.push_back(IsOperator(":") || ends() ? nullptr : ParseExpression());
  operands.push_back(SkipOperator(":") && !ends() ? ParseExpression() : nullptr);
  if (IsOperator(",")) FailUnknown(at, "slices inside of a tuple index are not supported");
  ExpectOperator("]");
  return Make(Kind::kSlice, at, std::move(operands));
}

std::unique_ptr<CallArgs> ExpressionParser::ParseArgs(Expr& owner) {
  const Nested nested(*this);
  const std::size_t at = line();
  ExpectOperator("(");
  auto args = std::make_unique<CallArgs>();
  const auto ensure = [at](bool fine) {
    if (!fine) FailAt(at, "the arguments of the call are in the wrong order");
  };
  for (bool first = true; !IsOperator(")"); first = false) {
    if (!first) {
      ExpectOperator(",");
      if (IsOperator(")")) break;
    }
    if (SkipOperator("*")) {
      ensure(args->star == nullptr && args->double_star == nullptr);
      args->star = ParseExpression();
      Raise(owner, args->star.get());
    } else if (SkipOperator("**")) {
      ensure(args->double_star == nullptr);
      args->double_star = ParseExpression();
      Raise(owner, args->double_star.get());
    } else if (Is(Token::Kind::kName) && next().kind == Token::Kind::kOperator && next().text == "=") {
      ensure(args->double_star == nullptr);
      std::string name = Take().text;
      Take();
      own_attributes_.insert(name);
      for (const auto& other : args->named) {
        if (other.first == name) FailAt(line(), "the argument '" + name + "' is given twice");
      }
      args->named.emplace_back(std::move(name), ParseExpression());
      Raise(owner, args->named.back().second.get());
    } else {
      ensure(args->star == nullptr && args->double_star == nullptr && args->named.empty());
      args->positional.push_back(ParseExpression());
      Raise(owner, args->positional.back().get());
    }
  }
  ExpectOperator(")");
  return args;
}

ExprPtr ExpressionParser::ParseCall(ExprPtr callee) {
  if (callee->kind == Kind::kAttribute) {
    const AttributeMethods& m = callee->methods;
    if (m.on_string == nullptr && m.on_list == nullptr && m.on_tuple == nullptr && m.on_dict == nullptr) {
      unknown_methods_.emplace_back(callee->name, callee->line);
    }
  }
  ExprPtr node = Make(Kind::kCall, line(), Operands(std::move(callee)));
  node->args = ParseArgs(*node);
  return node;
}

std::string ExpressionParser::ParseDottedName() {
  std::string name = Expect(Token::Kind::kName, "a name").text;
  while (SkipOperator(".")) name += "." + Expect(Token::Kind::kName, "a name").text;
  return name;
}

// map('upper'), select('odd'), selectattr('x', 'defined'): a name that is written out is checked like any other.
void ExpressionParser::CheckNamedFilterOrTest(const Expr& node) const {
  const std::string_view filter = node.filter->name;
  const auto literal = [&node](std::size_t i) -> const Value* {
    if (i >= node.args->positional.size()) return nullptr;
    const Expr& arg = *node.args->positional[i];
    return arg.kind == Kind::kConst && arg.constant.IsString() ? &arg.constant : nullptr;
  };
  const bool by_attribute = filter == "selectattr" || filter == "rejectattr";
  if (filter == "map") {
    const Value* name = literal(0);
    if (name != nullptr && FindFilter(name->string_value()) == nullptr) {
      FailUnknown(node.line, "there is no filter '" + std::string(name->string_value()) + "'");
    }
  } else if (by_attribute || filter == "select" || filter == "reject") {
    const Value* name = literal(by_attribute ? 1 : 0);
    if (name != nullptr && FindTest(name->string_value()) == nullptr) {
      FailUnknown(node.line, "there is no test '" + std::string(name->string_value()) + "'");
    }
  }
}

ExprPtr ExpressionParser::ParseFilters(ExprPtr input, bool inline_start) {
  while (inline_start || IsOperator("|")) {
    if (!inline_start) Take();
    inline_start = false;
    const std::size_t at = line();
    const std::string name = ParseDottedName();
    ExprPtr node = Make(Kind::kFilter, at, Operands(std::move(input)));
    node->filter = FindFilter(name);
    if (node->filter == nullptr) FailUnknown(at, "there is no filter '" + name + "'");
    node->args = IsOperator("(") ? ParseArgs(*node) : std::make_unique<CallArgs>();
    CheckNamedFilterOrTest(*node);
    input = std::move(node);
  }
  return input;
}

ExprPtr ExpressionParser::ParseTest(ExprPtr input) {
  const std::size_t at = Take().line;
  const bool negated = SkipName("not");
  const std::string name = ParseDottedName();
  ExprPtr node = Make(Kind::kTest, at, Operands(std::move(input)));
  node->test = FindTest(name);
  if (node->test == nullptr) FailUnknown(at, "there is no test '" + name + "'");
  if (IsOperator("(")) {
    node->args = ParseArgs(*node);
  } else {
    node->args = std::make_unique<CallArgs>();
    const bool has_argument = Is(Token::Kind::kName) || Is(Token::Kind::kString) || Is(Token::Kind::kInteger) ||
                              Is(Token::Kind::kFloat) || IsOperator("[") || IsOperator("{");
    if (has_argument && !IsName("else") && !IsName("or") && !IsName("and")) {
      if (IsName("is")) FailAt(line(), "tests cannot be chained with 'is'");
      const Nested nested(*this);
      node->args->positional.push_back(ParsePostfix(ParsePrimary()));
      Raise(*node, node->args->positional.back().get());
    }
  }
  return negated ? Make(Kind::kNot, at, Operands(std::move(node))) : std::move(node);
}

}  // namespace bowhead::model
