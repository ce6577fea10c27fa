// The tests of `is`.
#include <algorithm>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/string_methods.h"

namespace bowhead::model {
namespace {

void NoArgs(const Args& args) {
  const BoundArgs bound(args, "a test", {});
}

template <bool (*kIs)(const Value&)>
bool Simple(Runtime&, const Value& value, const Args& args) {
  NoArgs(args);
  return kIs(value);
}

bool IsDefined(const Value& v) {
  return !v.IsUndefined();
}
bool IsUndefinedValue(const Value& v) {
  return v.IsUndefined();
}
bool IsNone(const Value& v) {
  return v.IsNone();
}
bool IsBoolean(const Value& v) {
  return v.IsBool();
}
bool IsTrue(const Value& v) {
  return v.IsBool() && v.bool_value();
}
bool IsFalse(const Value& v) {
  return v.IsBool() && !v.bool_value();
}
bool IsInteger(const Value& v) {
  return v.IsInt();
}
bool IsFloat(const Value& v) {
  return v.IsDouble();
}
bool IsNumber(const Value& v) {
  return v.IsInt() || v.IsBool() || v.IsDouble();
}
bool IsStringValue(const Value& v) {
  return v.IsString();
}
bool IsMapping(const Value& v) {
  return v.IsDict();
}
bool IsEscaped(const Value& v) {
  return v.IsString() && v.text().markup();
}
bool IsSequence(const Value& v) {
  return v.IsString() || v.IsList() || v.IsDict() || v.IsUndefined() || AsRange(v) != nullptr;
}
bool IsCallable(const Value& v) {
  if (v.IsUndefined()) return true;  // it can be called, and fails then
  if (!v.IsObject()) return false;
  const Object::Type type = v.object().type();
  return type == Object::Type::kMacro || type == Object::Type::kFunction || type == Object::Type::kMethod ||
         type == Object::Type::kLoop || type == Object::Type::kJoiner;
}

bool IsOdd(Runtime& runtime, const Value& value, const Args& args) {
  NoArgs(args);
  return Equal(Binary(BinaryOp::kModulo, value, Value::Int(2), runtime.meter()), Value::Int(1), runtime.meter());
}
bool IsEven(Runtime& runtime, const Value& value, const Args& args) {
  NoArgs(args);
  return Equal(Binary(BinaryOp::kModulo, value, Value::Int(2), runtime.meter()), Value::Int(0), runtime.meter());
}
bool IsDivisibleBy(Runtime& runtime, const Value& value, const Args& args) {
  const BoundArgs bound(args, "divisibleby", {"num"}, 1);
  return Equal(Binary(BinaryOp::kModulo, value, bound[0], runtime.meter()), Value::Int(0), runtime.meter());
}

template <CompareOp kOp>
bool Compared(Runtime& runtime, const Value& value, const Args& args) {
  const BoundArgs bound(args, "a comparison", {"other"}, 1);
  return Compare(kOp, value, bound[0], runtime.meter());
}

bool IsSameAs(Runtime&, const Value& value, const Args& args) {
  const BoundArgs bound(args, "sameas", {"other"}, 1);
  if (value.kind() != bound[0].kind()) return false;
  if (value.IsNone() || value.IsBool() || value.IsInt()) return ValuesEqual(value, bound[0]);
  return value.SameObject(bound[0]);
}

bool IsKnownFilter(Runtime&, const Value& value, const Args& args) {
  NoArgs(args);
  RequireHashable(value);
  return value.IsString() && FindFilter(value.string_value()) != nullptr;
}
bool IsKnownTest(Runtime&, const Value& value, const Args& args) {
  NoArgs(args);
  RequireHashable(value);
  return value.IsString() && FindTest(value.string_value()) != nullptr;
}

bool HasCase(Runtime& runtime, const Value& value, const Args& args, std::string_view method) {
  NoArgs(args);
  const Value text = Str(value, runtime.meter());
  return Truthy(FindMethods(method).on_string->fn(runtime, text, {}));
}
bool IsLowerCase(Runtime& runtime, const Value& value, const Args& args) {
  return HasCase(runtime, value, args, "islower");
}
bool IsUpperCase(Runtime& runtime, const Value& value, const Args& args) {
  return HasCase(runtime, value, args, "isupper");
}

const std::vector<Test>& Tests() {
  static const std::vector<Test> kTests = {
      {"!=", Compared<CompareOp::kNotEqual>},
      {"<", Compared<CompareOp::kLess>},
      {"<=", Compared<CompareOp::kLessEqual>},
      {"==", Compared<CompareOp::kEqual>},
      {">", Compared<CompareOp::kGreater>},
      {">=", Compared<CompareOp::kGreaterEqual>},
      {"boolean", Simple<IsBoolean>},
      {"callable", Simple<IsCallable>},
      {"defined", Simple<IsDefined>},
      {"divisibleby", IsDivisibleBy},
      {"eq", Compared<CompareOp::kEqual>},
      {"equalto", Compared<CompareOp::kEqual>},
      {"escaped", Simple<IsEscaped>},
      {"even", IsEven},
      {"false", Simple<IsFalse>},
      {"filter", IsKnownFilter},
      {"float", Simple<IsFloat>},
      {"ge", Compared<CompareOp::kGreaterEqual>},
      {"greaterthan", Compared<CompareOp::kGreater>},
      {"gt", Compared<CompareOp::kGreater>},
      {"in", Compared<CompareOp::kIn>},
      {"integer", Simple<IsInteger>},
      {"iterable", Simple<IsIterable>},
      {"le", Compared<CompareOp::kLessEqual>},
      {"lessthan", Compared<CompareOp::kLess>},
      {"lower", IsLowerCase},
      {"lt", Compared<CompareOp::kLess>},
      {"mapping", Simple<IsMapping>},
      {"ne", Compared<CompareOp::kNotEqual>},
      {"none", Simple<IsNone>},
      {"number", Simple<IsNumber>},
      {"odd", IsOdd},
      {"sameas", IsSameAs},
      {"sequence", Simple<IsSequence>},
      {"string", Simple<IsStringValue>},
      {"test", IsKnownTest},
      {"true", Simple<IsTrue>},
      {"undefined", Simple<IsUndefinedValue>},
      {"upper", IsUpperCase},
  };
  return kTests;
}

}  // namespace

const Test* FindTest(std::string_view name) {
  const auto it = std::lower_bound(Tests().begin(), Tests().end(), name,
                                   [](const Test& test, std::string_view key) { return test.name < key; });
  return it != Tests().end() && it->name == name ? &*it : nullptr;
}

}  // namespace bowhead::model
