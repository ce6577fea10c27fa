// Truth, types, iteration and containers.
#include <algorithm>
#include <utility>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

std::string ObjectTypeName(const Object& object) {
  switch (object.type()) {
    case Object::Type::kNamespace:
      return "Namespace";
    case Object::Type::kMacro:
      return "Macro";
    case Object::Type::kFunction:
      return "function";
    case Object::Type::kMethod:
      return "method";
    case Object::Type::kRange:
      return "range";
    case Object::Type::kIterator:
      return "generator";
    case Object::Type::kDictView:
      return "dict view";
    case Object::Type::kLoop:
      return "LoopContext";
    case Object::Type::kCycler:
      return "Cycler";
    case Object::Type::kJoiner:
      return "Joiner";
  }
  return "object";
}

void AppendView(std::vector<Value>& out, const DictViewObject& view) {
  for (const auto& [key, value] : view.dict.dict().entries()) {
    switch (view.part) {
      case DictViewObject::Part::kKeys:
        out.push_back(key);
        break;
      case DictViewObject::Part::kValues:
        out.push_back(value);
        break;
      case DictViewObject::Part::kItems:
        out.push_back(Value::Tuple({key, value}));
        break;
    }
  }
}

std::vector<Value> ObjectItems(const Value& value, Meter& meter) {
  std::vector<Value> out;
  if (const RangeObject* range = AsRange(value)) {
    meter.Elements(static_cast<std::size_t>(range->length));
    for (std::int64_t i = 0; i < range->length; ++i) out.push_back(Value::Int(range->At(i)));
  } else if (IteratorObject* iterator = AsIterator(value)) {
    meter.Elements(iterator->items.size() - iterator->next);
    const auto first = iterator->items.begin() + static_cast<std::ptrdiff_t>(iterator->next);
    out.assign(first, iterator->items.end());
    iterator->next = iterator->items.size();
  } else if (const DictViewObject* view = AsDictView(value)) {
    meter.Step(view->dict.dict().size());
    AppendView(out, *view);
  } else {
    Fail("a " + TypeName(value) + " is not iterable");
  }
  return out;
}

std::vector<Value> Characters(const Text& text, Meter& meter) {
  meter.Step(text.size());  // each becomes a string of its own
  std::vector<Value> out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = DecodeAt(text.bytes(), i).size;
    Text character;
    character.AppendSlice(text, i, i + size);  // and no Slice, which would keep the markup
    out.push_back(Value::FromText(std::move(character)));
    i += size;
  }
  return out;
}

const Value& Checked(const Value& value) {
  if (value.depth() > Meter::kMaxNesting) FailLimit("lists or dicts are nested too deep");
  return value;
}

}  // namespace

bool Truthy(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNone:
      return false;
    case Value::Kind::kBool:
      return value.bool_value();
    case Value::Kind::kInt:
      return value.int_value() != 0;
    case Value::Kind::kDouble:
      return value.double_value() != 0;
    case Value::Kind::kString:
      return !value.text().empty();
    case Value::Kind::kList:
      return !value.items().empty();
    case Value::Kind::kDict:
      return !value.dict().empty();
    case Value::Kind::kObject:
      break;
  }
  if (AsRange(value) != nullptr || AsDictView(value) != nullptr || AsLoop(value) != nullptr) return Length(value) != 0;
  return true;
}

std::string TypeName(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return "Undefined";
    case Value::Kind::kNone:
      return "None";
    case Value::Kind::kBool:
      return "bool";
    case Value::Kind::kInt:
      return "int";
    case Value::Kind::kDouble:
      return "float";
    case Value::Kind::kString:
      return "str";
    case Value::Kind::kList:
      return value.list().tuple ? "tuple" : "list";
    case Value::Kind::kDict:
      return "dict";
    case Value::Kind::kObject:
      return ObjectTypeName(value.object());
  }
  return "value";
}

void RequireDefined(const Value& value) {
  if (!value.IsUndefined()) return;
  const std::string_view reason = value.undefined_reason();
  Fail(reason.empty() ? "a value that is used is undefined" : std::string(reason));
}

std::int64_t Length(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return 0;
    case Value::Kind::kString:
      return static_cast<std::int64_t>(CountCodePoints(value.string_value()));
    case Value::Kind::kList:
      return static_cast<std::int64_t>(value.items().size());
    case Value::Kind::kDict:
      return static_cast<std::int64_t>(value.dict().size());
    default:
      break;
  }
  if (const RangeObject* range = AsRange(value)) return range->length;
  if (const DictViewObject* view = AsDictView(value)) return static_cast<std::int64_t>(view->dict.dict().size());
  if (LoopObject* loop = AsLoop(value)) return loop->Length();
  return -1;
}

bool IsIterable(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kString:
    case Value::Kind::kList:
    case Value::Kind::kDict:
      return true;
    default:
      return AsRange(value) != nullptr || AsIterator(value) != nullptr || AsDictView(value) != nullptr ||
             AsLoop(value) != nullptr;
  }
}

std::vector<Value> ToVector(const Value& value, Meter& meter) {
  switch (value.kind()) {
    case Value::Kind::kUndefined:
      return {};
    case Value::Kind::kString:
      return Characters(value.text(), meter);
    case Value::Kind::kList:
      meter.Elements(value.items().size());
      return value.items();
    case Value::Kind::kDict: {
      meter.Elements(value.dict().size());
      std::vector<Value> keys;
      keys.reserve(value.dict().size());
      for (const auto& entry : value.dict().entries()) keys.push_back(entry.first);
      return keys;
    }
    default:
      if (!value.IsObject()) Fail("a " + TypeName(value) + " is not iterable");
      return ObjectItems(value, meter);
  }
}

Value MakeList(std::vector<Value> items, Meter& meter) {
  meter.Elements(items.size());
  return Checked(Value::FromList(std::move(items)));
}

Value MakeTuple(std::vector<Value> items, Meter& meter) {
  meter.Elements(items.size());
  return Checked(Value::Tuple(std::move(items)));
}

Value MakeIterator(std::vector<Value> items, Meter& meter) {
  meter.Elements(items.size());
  return Checked(Value::FromObject(std::make_shared<IteratorObject>(std::move(items))));
}

Value MakeDict(Dict dict, Meter& meter) {
  meter.Step(dict.size());
  return Checked(Value::FromDict(std::move(dict)));
}

void RequireHashable(const Value& value) {
  if (value.IsTuple()) {
    std::for_each(value.items().begin(), value.items().end(), RequireHashable);
  } else if (value.IsList() || value.IsDict()) {
    Fail("a " + TypeName(value) + " cannot be a key");
  }
}

std::int64_t ToInt(const Value& value, std::string_view what) {
  RequireDefined(value);
  if (value.IsInt()) return value.int_value();
  if (value.IsBool()) return value.bool_value() ? 1 : 0;
  Fail(std::string(what) + " needs an integer, not a " + TypeName(value));
}

}  // namespace bowhead::model
