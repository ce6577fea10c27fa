// Attributes, items and slices.
#include <algorithm>
#include <limits>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

bool IsInteger(const Value& v) {
  return v.IsInt() || v.IsBool();
}

Value LoopAttribute(LoopObject& loop, std::string_view name) {
  if (name == "index") return Value::Int(loop.index0 + 1);
  if (name == "index0") return Value::Int(loop.index0);
  if (name == "first") return Value::Bool(loop.index0 == 0);
  if (name == "last") return Value::Bool(loop.IsLast());
  if (name == "length") return Value::Int(loop.Length());
  if (name == "revindex") return Value::Int(loop.Length() - loop.index0);
  if (name == "revindex0") return Value::Int(loop.Length() - loop.index0 - 1);
  if (name == "depth") return Value::Int(static_cast<std::int64_t>(loop.depth0) + 1);
  if (name == "depth0") return Value::Int(static_cast<std::int64_t>(loop.depth0));
  if (name == "previtem") return loop.index0 == 0 ? Value::Undefined("there is no previous item") : loop.previous;
  if (name == "nextitem") {
    return loop.IsLast() ? Value::Undefined("there is no next item") : loop.ahead[loop.ahead_at];
  }
  return Value::Undefined();
}

Value ObjectAttribute(Object& object, std::string_view name) {
  switch (object.type()) {
    case Object::Type::kNamespace: {
      const Value* found =
          name.starts_with('_') ? nullptr : static_cast<NamespaceObject&>(object).attributes.Find(name);
      return found == nullptr ? Value::Undefined() : *found;
    }
    case Object::Type::kLoop:
      return LoopAttribute(static_cast<LoopObject&>(object), name);
    case Object::Type::kMacro:
      return name == "name" ? Value::String(static_cast<MacroObject&>(object).node->name) : Value::Undefined();
    case Object::Type::kRange: {
      const auto& range = static_cast<RangeObject&>(object);
      if (name == "start") return Value::Int(range.start);
      if (name == "stop") return Value::Int(range.start + range.length * range.step);
      return name == "step" ? Value::Int(range.step) : Value::Undefined();
    }
    case Object::Type::kCycler: {
      const auto& cycler = static_cast<CyclerObject&>(object);
      return name == "current" ? cycler.items.items()[cycler.position] : Value::Undefined();
    }
    default:
      return Value::Undefined();
  }
}

// The index from the front, or -1 if it is outside.
std::int64_t Normalize(std::int64_t index, std::int64_t length) {
  if (index < 0) index += length;
  return index >= 0 && index < length ? index : -1;
}

Value CharacterAt(const Text& text, std::int64_t index, Meter& meter) {
  meter.Bytes(text.size());
  if (index < 0) index = Normalize(index, static_cast<std::int64_t>(CountCodePoints(text.bytes())));
  if (index < 0) return Value::Undefined("the index is outside of the string");
  const std::size_t at = OffsetOf(text.bytes(), static_cast<std::size_t>(index));
  if (at >= text.size()) return Value::Undefined("the index is outside of the string");
  return Value::FromText(text.Slice(at, at + DecodeAt(text.bytes(), at).size));
}

Value IndexInto(const Value& object, std::int64_t index, Meter& meter) {
  if (object.IsString()) return CharacterAt(object.text(), index, meter);
  if (object.IsList()) {
    const std::int64_t i = Normalize(index, static_cast<std::int64_t>(object.items().size()));
    if (i >= 0) return object.items()[static_cast<std::size_t>(i)];
    return Value::Undefined("the list has no element " + std::to_string(index));
  }
  if (const RangeObject* range = AsRange(object)) {
    const std::int64_t i = Normalize(index, range->length);
    if (i >= 0) return Value::Int(range->At(i));
  }
  return Value::Undefined("a " + TypeName(object) + " has no element " + std::to_string(index));
}

// A slice over `length` elements, as Python's slice.indices().
struct Indices {
  std::int64_t start;
  std::int64_t step;
  std::int64_t count;
};

std::int64_t Clamp(std::int64_t index, std::int64_t length, std::int64_t low, std::int64_t high) {
  if (index < 0) index = index < -length ? low : std::max(index + length, low);
  return std::min(index, high);
}

Indices Resolve(const Value& start, const Value& stop, const Value& step, std::int64_t length) {
  std::int64_t by = step.IsNone() ? 1 : ToInt(step, "a slice");
  if (by == 0) Fail("the step of a slice is zero");
  by = std::max(by, -std::numeric_limits<std::int64_t>::max());
  const std::int64_t low = by < 0 ? -1 : 0;
  const std::int64_t high = by < 0 ? length - 1 : length;
  const std::int64_t from = start.IsNone() ? (by < 0 ? high : low) : Clamp(ToInt(start, "a slice"), length, low, high);
  const std::int64_t to = stop.IsNone() ? (by < 0 ? low : high) : Clamp(ToInt(stop, "a slice"), length, low, high);
  const std::int64_t distance = by < 0 ? from - to : to - from;
  const std::int64_t stride = by < 0 ? -by : by;
  return {from, by, distance <= 0 ? 0 : (distance - 1) / stride + 1};
}

Value SliceText(const Text& text, const Indices& indices, Meter& meter) {
  TextBuilder out(meter);
  if (indices.step == 1) {
    const std::size_t begin = OffsetOf(text.bytes(), static_cast<std::size_t>(indices.start));
    const std::size_t size = OffsetOf(text.bytes().substr(begin), static_cast<std::size_t>(indices.count));
    out.AppendSlice(text, begin, begin + size);
    return out.TakeValue(text.markup());
  }
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); i += DecodeAt(text.bytes(), i).size) starts.push_back(i);
  for (std::int64_t n = 0; n < indices.count; ++n) {
    const std::size_t at = starts[static_cast<std::size_t>(indices.start + n * indices.step)];
    out.AppendSlice(text, at, at + DecodeAt(text.bytes(), at).size);
  }
  return out.TakeValue(text.markup());
}

Value MissingAttribute(std::string_view name) {
  return Value::Undefined("there is no attribute '" + std::string(name) + "'");
}

}  // namespace

const Method* MethodOf(const Value& object, std::string_view name, const AttributeMethods& methods) {
  switch (object.kind()) {
    case Value::Kind::kString:
      return methods.on_string;
    case Value::Kind::kList:
      return object.list().tuple ? methods.on_tuple : methods.on_list;
    case Value::Kind::kDict:
      return methods.on_dict;
    case Value::Kind::kObject:
      return FindObjectMethod(object, name);
    default:
      return nullptr;
  }
}

Value GetAttribute(const Value& object, std::string_view name, const AttributeMethods& methods, Meter& meter) {
  RequireDefined(object);
  if (const Method* method = MethodOf(object, name, methods)) {
    if (method->fn == nullptr) return Value::Undefined("the sandbox forbids ." + std::string(name) + "()");
    meter.Step();
    return Value::FromObject(std::make_shared<MethodObject>(object, method));
  }
  if (object.IsDict()) {
    const Value* found = object.dict().Find(name);
    return found == nullptr ? Value::Undefined() : *found;
  }
  return object.IsObject() ? ObjectAttribute(object.object(), name) : Value::Undefined();
}

Value GetItem(const Value& object, const Value& key, Meter& meter) {
  RequireDefined(object);
  if (object.IsDict() && !key.IsDict() && !(key.IsList() && !key.IsTuple())) {
    if (const Value* found = object.dict().Find(key)) return *found;
  } else if (IsInteger(key)) {
    return IndexInto(object, ToInt(key, "an index"), meter);
  }
  if (!key.IsString()) return Value::Undefined("a " + TypeName(object) + " has no such element");
  const std::string_view name = key.string_value();
  if (!object.IsDict()) {
    Value value = GetAttribute(object, name, FindMethods(name), meter);
    return value.IsUndefined() && value.undefined_reason().empty() ? MissingAttribute(name) : value;
  }
  if (FindMethods(name).on_dict != nullptr) return GetAttribute(object, name, FindMethods(name), meter);
  return MissingAttribute(name);
}

Value GetSlice(const Value& object, const Value& start, const Value& stop, const Value& step, Meter& meter) {
  RequireDefined(object);
  if (object.IsString()) {
    const Text& text = object.text();
    meter.Bytes(2 * text.size());
    return SliceText(text, Resolve(start, stop, step, static_cast<std::int64_t>(CountCodePoints(text.bytes()))), meter);
  }
  if (object.IsList()) {
    const std::vector<Value>& items = object.items();
    const Indices indices = Resolve(start, stop, step, static_cast<std::int64_t>(items.size()));
    std::vector<Value> out;
    out.reserve(static_cast<std::size_t>(indices.count));
    for (std::int64_t n = 0; n < indices.count; ++n) {
      out.push_back(items[static_cast<std::size_t>(indices.start + n * indices.step)]);
    }
    return object.IsTuple() ? MakeTuple(std::move(out), meter) : MakeList(std::move(out), meter);
  }
  if (const RangeObject* range = AsRange(object)) {
    const Indices indices = Resolve(start, stop, step, range->length);
    const std::int64_t by = indices.count > 1 ? range->step * indices.step : 1;
    return Value::FromObject(std::make_shared<RangeObject>(range->At(indices.start), indices.count, by));
  }
  Fail("a " + TypeName(object) + " cannot be sliced");
}

}  // namespace bowhead::model
