// Comparison and arithmetic.
#include <cmath>
#include <cstring>
#include <limits>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"

namespace bowhead::model {
namespace {

bool IsInteger(const Value& v) {
  return v.IsInt() || v.IsBool();
}
bool IsNumber(const Value& v) {
  return IsInteger(v) || v.IsDouble();
}
std::int64_t IntOf(const Value& v) {
  return v.IsBool() ? (v.bool_value() ? 1 : 0) : v.int_value();
}
double DoubleOf(const Value& v) {
  return v.IsDouble() ? v.double_value() : static_cast<double>(IntOf(v));
}

std::string_view OpName(BinaryOp op) {
  constexpr std::string_view kNames[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kNames[static_cast<std::size_t>(op)];
}

[[noreturn]] void Unsupported(std::string_view op, const Value& a, const Value& b) {
  RequireDefined(a);
  RequireDefined(b);
  Fail("'" + std::string(op) + "' does not work on " + TypeName(a) + " and " + TypeName(b));
}

[[noreturn]] void Overflow() {
  FailLimit("a number needs more than 64 bits");
}

// -1, 0, 1; 2 if there is no order (NaN).
int OrderNumbers(const Value& a, const Value& b) {
  if (IsInteger(a) && IsInteger(b)) return IntOf(a) < IntOf(b) ? -1 : IntOf(a) > IntOf(b) ? 1 : 0;
  const long double x = a.IsDouble() ? static_cast<long double>(a.double_value()) : static_cast<long double>(IntOf(a));
  const long double y = b.IsDouble() ? static_cast<long double>(b.double_value()) : static_cast<long double>(IntOf(b));
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

bool Ordered(CompareOp op, const Value& a, const Value& b, Meter& meter);

bool HoldsFor(CompareOp op, int order) {
  switch (op) {
    case CompareOp::kLess:
      return order == -1;
    case CompareOp::kLessEqual:
      return order == -1 || order == 0;
    case CompareOp::kGreater:
      return order == 1;
    default:
      return order == 1 || order == 0;
  }
}

bool OrderedLists(CompareOp op, const std::vector<Value>& a, const std::vector<Value>& b, Meter& meter) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (!ValuesEqual(a[i], b[i])) return Ordered(op, a[i], b[i], meter);
  }
  return HoldsFor(op, a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0);
}

bool Ordered(CompareOp op, const Value& a, const Value& b, Meter& meter) {
  if (IsNumber(a) && IsNumber(b)) return HoldsFor(op, OrderNumbers(a, b));
  if (a.IsString() && b.IsString()) {
    meter.Bytes(std::min(a.text().size(), b.text().size()));
    const int order = a.string_value().compare(b.string_value());  // UTF-8 sorts as its code points do
    return HoldsFor(op, order < 0 ? -1 : order > 0 ? 1 : 0);
  }
  if (a.IsList() && b.IsList() && a.list().tuple == b.list().tuple)
    return OrderedLists(op, a.items(), b.items(), meter);
  constexpr std::string_view kNames[] = {"==", "!=", "<", "<=", ">", ">="};
  Unsupported(kNames[static_cast<std::size_t>(op)], a, b);
}

bool ContainsIn(const std::vector<Value>& items, const Value& item, Meter& meter) {
  for (const Value& other : items) {
    meter.Step();
    if (Equal(other, item, meter)) return true;
  }
  return false;
}

bool Contains(const Value& container, const Value& item, Meter& meter) {
  switch (container.kind()) {
    case Value::Kind::kUndefined:
      return false;
    case Value::Kind::kString:
      if (!item.IsString()) Fail("'in' on a string needs a string on its left, not " + TypeName(item));
      meter.Bytes(container.text().size());
      return FindBytes(container.string_value(), item.string_value(), 0) != std::string_view::npos;
    case Value::Kind::kList:
      return ContainsIn(container.items(), item, meter);
    case Value::Kind::kDict:
      RequireHashable(item);
      return container.dict().Find(item) != nullptr;
    default:
      break;
  }
  if (IteratorObject* iterator = AsIterator(container)) {
    while (iterator->next < iterator->items.size()) {
      meter.Step();
      if (Equal(iterator->items[iterator->next++], item, meter)) return true;
    }
    return false;
  }
  const DictViewObject* view = AsDictView(container);
  if (view != nullptr && view->part == DictViewObject::Part::kKeys) return Contains(view->dict, item, meter);
  if (view != nullptr || AsRange(container) != nullptr) return ContainsIn(ToVector(container, meter), item, meter);
  Fail("'in' needs something to look through on its right, not " + TypeName(container));
}

Value AddTexts(const Value& a, const Value& b, Meter& meter) {
  const bool markup = a.text().markup() || b.text().markup();
  TextBuilder out(meter);
  AppendStr(out, markup ? Escape(a, meter) : a);
  AppendStr(out, markup ? Escape(b, meter) : b);
  return out.TakeValue(markup);
}

Value AddLists(const Value& a, const Value& b, Meter& meter) {
  meter.Elements(a.items().size() + b.items().size());
  std::vector<Value> items;
  items.reserve(a.items().size() + b.items().size());
  items.insert(items.end(), a.items().begin(), a.items().end());
  items.insert(items.end(), b.items().begin(), b.items().end());
  return a.IsTuple() ? MakeTuple(std::move(items), meter) : MakeList(std::move(items), meter);
}

Value Repeat(const Value& sequence, std::int64_t count, Meter& meter) {
  const std::size_t times = count < 0 ? 0 : static_cast<std::size_t>(count);
  if (sequence.IsString()) {
    meter.CheckSize(times, sequence.text().size());
    TextBuilder out(meter);
    if (!sequence.text().empty()) {
      for (std::size_t i = 0; i < times; ++i) out.Append(sequence.text());
    }
    return out.TakeValue(sequence.text().markup());
  }
  const std::vector<Value>& items = sequence.items();
  std::vector<Value> out;
  if (!items.empty()) {
    for (std::size_t i = 0; i < times; ++i) {
      meter.Elements(items.size());
      out.insert(out.end(), items.begin(), items.end());
    }
  }
  return sequence.IsTuple() ? MakeTuple(std::move(out), meter) : MakeList(std::move(out), meter);
}

std::int64_t FloorDivide(std::int64_t a, std::int64_t b) {
  if (b == 0) Fail("division by zero");
  if (b == -1 && a == std::numeric_limits<std::int64_t>::min()) Overflow();
  const std::int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

std::int64_t Modulo(std::int64_t a, std::int64_t b) {
  if (b == 0) Fail("modulo by zero");
  if (b == -1) return 0;
  const std::int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

Value IntPower(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) Fail("zero to a negative power");
    return Value::Double(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) Overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) Overflow();
  }
  return Value::Int(result);
}

Value IntArithmetic(BinaryOp op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case BinaryOp::kAdd:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case BinaryOp::kSubtract:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case BinaryOp::kMultiply:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case BinaryOp::kDivide:
      if (b == 0) Fail("division by zero");
      return Value::Double(static_cast<double>(a) / static_cast<double>(b));
    case BinaryOp::kFloorDivide:
      result = FloorDivide(a, b);
      break;
    case BinaryOp::kModulo:
      result = Modulo(a, b);
      break;
    case BinaryOp::kPower:
      return IntPower(a, b);
  }
  if (overflow) Overflow();
  return Value::Int(result);
}

// Python's float floor division and modulo: the rest has the divisor's sign.
Value FloatDivision(BinaryOp op, double a, double b) {
  if (b == 0) Fail("division by zero");
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) {
      rest += b;
      quotient -= 1;
    }
  } else {
    rest = std::copysign(0.0, b);
  }
  if (op == BinaryOp::kModulo) return Value::Double(rest);
  if (quotient == 0) return Value::Double(std::copysign(0.0, a / b));
  const double floored = std::floor(quotient);
  return Value::Double(quotient - floored > 0.5 ? floored + 1 : floored);
}

Value FloatPower(double a, double b) {
  if (a == 0 && b < 0) Fail("zero to a negative power");
  if (a < 0 && std::isfinite(a) && std::isfinite(b) && std::floor(b) != b) Fail("the power is a complex number");
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b)) Fail("the power is too large");
  return Value::Double(result);
}

Value FloatArithmetic(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd:
      return Value::Double(a + b);
    case BinaryOp::kSubtract:
      return Value::Double(a - b);
    case BinaryOp::kMultiply:
      return Value::Double(a * b);
    case BinaryOp::kDivide:
      if (b == 0) Fail("division by zero");
      return Value::Double(a / b);
    case BinaryOp::kPower:
      return FloatPower(a, b);
    default:
      return FloatDivision(op, a, b);
  }
}

bool IsSequence(const Value& v) {
  return v.IsString() || v.IsList();
}

}  // namespace

std::size_t FindBytes(std::string_view text, std::string_view needle, std::size_t from) {
  if (from > text.size() || needle.size() > text.size() - from) return std::string_view::npos;
  if (needle.empty()) return from;
  // glibc's memmem is linear in the worst case; string_view::find is not.
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool Equal(const Value& a, const Value& b, Meter& meter) {
  if (a.kind() == b.kind()) {
    if (a.IsString()) meter.Bytes(std::min(a.text().size(), b.text().size()));
    if (a.IsList() || a.IsDict()) meter.Step(std::min(a.weight(), b.weight()));
  }
  return ValuesEqual(a, b);
}

bool Compare(CompareOp op, const Value& a, const Value& b, Meter& meter) {
  switch (op) {
    case CompareOp::kEqual:
      return Equal(a, b, meter);
    case CompareOp::kNotEqual:
      return !Equal(a, b, meter);
    case CompareOp::kIn:
      return Contains(b, a, meter);
    case CompareOp::kNotIn:
      return !Contains(b, a, meter);
    default:
      meter.Step(std::min(a.weight(), b.weight()));
      return Ordered(op, a, b, meter);
  }
}

Value Binary(BinaryOp op, const Value& a, const Value& b, Meter& meter) {
  if (IsInteger(a) && IsInteger(b)) return IntArithmetic(op, IntOf(a), IntOf(b));
  if (IsNumber(a) && IsNumber(b)) return FloatArithmetic(op, DoubleOf(a), DoubleOf(b));
  RequireDefined(a);
  if (op == BinaryOp::kModulo && a.IsString()) return PercentFormat(a.text(), b, meter);
  RequireDefined(b);
  if (op == BinaryOp::kAdd) {
    if (a.IsString() && b.IsString()) return AddTexts(a, b, meter);
    if (a.IsList() && b.IsList() && a.IsTuple() == b.IsTuple()) return AddLists(a, b, meter);
  } else if (op == BinaryOp::kMultiply) {
    if (IsSequence(a) && IsInteger(b)) return Repeat(a, IntOf(b), meter);
    if (IsInteger(a) && IsSequence(b)) return Repeat(b, IntOf(a), meter);
  }
  Unsupported(OpName(op), a, b);
}

Value Negate(const Value& value) {
  if (value.IsDouble()) return Value::Double(-value.double_value());
  if (!IsInteger(value)) Unsupported("-", value, value);
  return IntArithmetic(BinaryOp::kSubtract, 0, IntOf(value));
}

Value Plus(const Value& value) {
  if (value.IsDouble()) return value;
  if (!IsInteger(value)) Unsupported("+", value, value);
  return Value::Int(IntOf(value));
}

}  // namespace bowhead::model
