// The half of the interpreter that evaluates expressions.
#include <utility>

#include "model/template/errors.h"
#include "model/template/interpreter.h"
#include "model/template/python.h"

namespace bowhead::model {

using Kind = Expr::Kind;

Value Interpreter::Eval(const Expr& expr, Scope& scope) {
  if (expr.kind == Kind::kConst) return expr.constant;
  if (++stack_depth_ > kMaxStackDepth) FailLimit("the template's calls are nested too deep");
  meter().Step();
  Value value = EvalNode(expr, scope);
  --stack_depth_;  // a rendering that fails in here ends as a whole
  return value;
}

Value Interpreter::EvalNode(const Expr& expr, Scope& scope) {
  switch (expr.kind) {
    case Kind::kConst:
      return expr.constant;
    case Kind::kName:
      return EvalName(expr, scope);
    case Kind::kTuple:
    case Kind::kList:
      return EvalList(expr, scope);
    case Kind::kDict:
      return EvalDict(expr, scope);
    case Kind::kAttribute:
      return EvalAttribute(expr, scope);
    case Kind::kItem: {
      const Value object = Eval(*expr.operands[0], scope);
      const Value key = Eval(*expr.operands[1], scope);
      line_ = expr.line;
      return GetItem(object, key, meter());
    }
    case Kind::kSlice:
      return EvalSlice(expr, scope);
    case Kind::kCall:
      return EvalCall(expr, scope);
    case Kind::kFilter:
      return EvalFilter(expr, scope);
    case Kind::kTest:
      return EvalTest(expr, scope);
    case Kind::kNegate:
      return Negate(Eval(*expr.operands[0], scope));
    case Kind::kPlus:
      return Plus(Eval(*expr.operands[0], scope));
    case Kind::kNot:
      return Value::Bool(!Truthy(Eval(*expr.operands[0], scope)));
    case Kind::kBinary: {
      const Value left = Eval(*expr.operands[0], scope);
      const Value right = Eval(*expr.operands[1], scope);
      line_ = expr.line;
      return Binary(expr.op, left, right, meter());
    }
    case Kind::kConcat:
      return EvalConcat(expr, scope);
    case Kind::kCompare:
      return EvalCompare(expr, scope);
    case Kind::kAnd: {
      Value left = Eval(*expr.operands[0], scope);
      return Truthy(left) ? Eval(*expr.operands[1], scope) : left;
    }
    case Kind::kOr: {
      Value left = Eval(*expr.operands[0], scope);
      return Truthy(left) ? left : Eval(*expr.operands[1], scope);
    }
    case Kind::kConditional:
      return EvalConditional(expr, scope);
    case Kind::kNamespace:
      break;
  }
  Fail("the expression has no value");
}

Value Interpreter::EvalName(const Expr& expr, Scope& scope) {
  const Value* value = Lookup(expr.id, scope);
  return value == nullptr ? expr.constant : *value;
}

Value Interpreter::EvalAttribute(const Expr& expr, Scope& scope) {
  const Value object = Eval(*expr.operands[0], scope);
  line_ = expr.line;
  Value value = GetAttribute(object, expr.name, expr.methods, meter());
  return value.IsUndefined() && value.undefined_reason().empty() ? expr.constant : value;
}

Value Interpreter::EvalList(const Expr& expr, Scope& scope) {
  std::vector<Value> items;
  items.reserve(expr.operands.size());
  for (const auto& operand : expr.operands) items.push_back(Eval(*operand, scope));
  return expr.kind == Kind::kTuple ? MakeTuple(std::move(items), meter()) : MakeList(std::move(items), meter());
}

Value Interpreter::EvalDict(const Expr& expr, Scope& scope) {
  Dict dict;
  for (std::size_t i = 0; i < expr.operands.size(); i += 2) {
    Value key = Eval(*expr.operands[i], scope);
    RequireHashable(key);
    dict.Set(std::move(key), Eval(*expr.operands[i + 1], scope));
  }
  return MakeDict(std::move(dict), meter());
}

Value Interpreter::EvalSlice(const Expr& expr, Scope& scope) {
  const Value object = Eval(*expr.operands[0], scope);
  const auto bound = [this, &expr, &scope](std::size_t i) {
    return expr.operands[i] == nullptr ? Value::None() : Eval(*expr.operands[i], scope);
  };
  const Value start = bound(1);
  const Value stop = bound(2);
  const Value step = bound(3);
  line_ = expr.line;
  return GetSlice(object, start, stop, step, meter());
}

Args Interpreter::EvalArgs(const CallArgs& call, Scope& scope) {
  Args args;
  args.positional.reserve(call.positional.size());
  for (const auto& expr : call.positional) args.positional.push_back(Eval(*expr, scope));
  for (const auto& [name, expr] : call.named) args.named.emplace_back(name, Eval(*expr, scope));
  if (call.star != nullptr) {
    for (Value& value : ToVector(Eval(*call.star, scope), meter())) args.positional.push_back(std::move(value));
  }
  if (call.double_star != nullptr) {
    const Value more = Eval(*call.double_star, scope);
    RequireDefined(more);
    if (!more.IsDict()) Fail("** needs a dict, not " + TypeName(more));
    meter().Step(more.dict().size());
    for (const auto& [key, value] : more.dict().entries()) {
      if (!key.IsString()) Fail("** needs a dict whose keys are strings");
      for (const auto& other : args.named) {
        meter().Step();
        if (other.first == key.string_value()) Fail("the argument '" + other.first + "' is given twice");
      }
      args.named.emplace_back(std::string(key.string_value()), value);
    }
  }
  return args;
}

Value Interpreter::EvalCall(const Expr& expr, Scope& scope, const Value* caller) {
  const Expr& callee = *expr.operands[0];
  if (callee.kind == Kind::kAttribute) {
    // x.method(...): no object for the method is needed.
    const Value object = Eval(*callee.operands[0], scope);
    line_ = callee.line;
    RequireDefined(object);
    const Method* method = MethodOf(object, callee.name, callee.methods);
    if (method != nullptr && caller == nullptr) {
      const Args args = EvalArgs(*expr.args, scope);
      line_ = expr.line;
      return CallMethod(*this, *method, object, args);
    }
    Value function = GetAttribute(object, callee.name, callee.methods, meter());
    if (function.IsUndefined() && function.undefined_reason().empty()) function = callee.constant;
    Args args = EvalArgs(*expr.args, scope);
    if (caller != nullptr) args.named.emplace_back("caller", *caller);
    line_ = expr.line;
    return Call(function, std::move(args));
  }
  const Value function = Eval(callee, scope);
  Args args = EvalArgs(*expr.args, scope);
  if (caller != nullptr) args.named.emplace_back("caller", *caller);
  line_ = expr.line;
  return Call(function, std::move(args));
}

Value Interpreter::EvalFilter(const Expr& expr, Scope& scope, const Value* block_text) {
  const Expr* operand = expr.operands[0].get();
  Value input;
  if (operand == nullptr) {
    input = *block_text;
  } else if (block_text != nullptr && operand->kind == Kind::kFilter) {
    input = EvalFilter(*operand, scope, block_text);
  } else {
    input = Eval(*operand, scope);
  }
  const Args args = EvalArgs(*expr.args, scope);
  line_ = expr.line;
  return expr.filter->fn(*this, input, args);
}

Value Interpreter::EvalTest(const Expr& expr, Scope& scope) {
  const Value input = Eval(*expr.operands[0], scope);
  const Args args = EvalArgs(*expr.args, scope);
  line_ = expr.line;
  return Value::Bool(expr.test->fn(*this, input, args));
}

Value Interpreter::EvalConcat(const Expr& expr, Scope& scope) {
  TextBuilder out(meter());
  for (const auto& operand : expr.operands) AppendStr(out, Eval(*operand, scope));
  return out.TakeValue();
}

Value Interpreter::EvalCompare(const Expr& expr, Scope& scope) {
  Value left = Eval(*expr.operands[0], scope);
  for (std::size_t i = 0; i < expr.ops.size(); ++i) {
    Value right = Eval(*expr.operands[i + 1], scope);
    line_ = expr.line;
    if (!Compare(expr.ops[i], left, right, meter())) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

Value Interpreter::EvalConditional(const Expr& expr, Scope& scope) {
  if (Truthy(Eval(*expr.operands[0], scope))) return Eval(*expr.operands[1], scope);
  if (expr.operands[2] != nullptr) return Eval(*expr.operands[2], scope);
  return Value::Undefined("the inline if evaluated to false and no else section was defined");
}

}  // namespace bowhead::model
