// Methods of lists, tuples, dicts, loops and cyclers, and the look-up of methods by name.
#include <algorithm>
#include <limits>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/string_methods.h"

namespace bowhead::model {
namespace {

Value MethodIndex(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "index", {"", "", ""}, 1);
  const std::vector<Value>& items = self.items();
  const auto length = static_cast<std::int64_t>(items.size());
  const auto clamp = [length](std::int64_t i) {
    return std::max<std::int64_t>(0, i < 0 && i >= -length ? i + length : i);
  };
  const std::int64_t end = bound.Has(2) ? std::min(clamp(bound.Int(2, 0)), length) : length;
  for (std::int64_t i = clamp(bound.Int(1, 0)); i < end; ++i) {
    runtime.meter().Step();
    if (Equal(items[static_cast<std::size_t>(i)], bound[0], runtime.meter())) return Value::Int(i);
  }
  Fail("index(): the value is not in the list");
}

Value MethodCount(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "count", {""}, 1);
  std::int64_t count = 0;
  for (const Value& item : self.items()) {
    runtime.meter().Step();
    if (Equal(item, bound[0], runtime.meter())) ++count;
  }
  return Value::Int(count);
}

// Lists and dicts never change, so a copy is the object itself.
Value MethodCopy(Runtime&, const Value& self, const Args& args) {
  const BoundArgs bound(args, "copy", {});
  return self;
}

Value MethodGet(Runtime&, const Value& self, const Args& args) {
  const BoundArgs bound(args, "get", {"", ""}, 1);
  RequireHashable(bound[0]);
  const Value* found = self.dict().Find(bound[0]);
  if (found != nullptr) return *found;
  return bound.Has(1) ? bound[1] : Value::None();
}

template <DictViewObject::Part kPart>
Value MethodView(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "a view of a dict", {});
  runtime.meter().Step();
  return Value::FromObject(std::make_shared<DictViewObject>(self, kPart));
}

Value MethodCycle(Runtime&, const Value& self, const Args& args) {
  if (args.positional.empty() || !args.named.empty()) Fail("loop.cycle() needs the values to cycle through");
  const std::int64_t index = AsLoop(self)->index0;
  return args.positional[static_cast<std::size_t>(index) % args.positional.size()];
}

Value MethodChanged(Runtime& runtime, const Value& self, const Args& args) {
  LoopObject& loop = *AsLoop(self);
  if (!args.named.empty()) Fail("loop.changed() takes no arguments by name");
  const bool same =
      loop.has_changed && Equal(Value::Tuple(loop.last_changed), Value::Tuple(args.positional), runtime.meter());
  loop.has_changed = true;
  loop.last_changed = args.positional;
  return Value::Bool(!same);
}

Value MethodNext(Runtime&, const Value& self, const Args& args) {
  const BoundArgs bound(args, "next", {});
  auto& cycler = static_cast<CyclerObject&>(self.object());
  Value value = cycler.items.items()[cycler.position];
  cycler.position = (cycler.position + 1) % cycler.items.items().size();
  return value;
}

Value MethodReset(Runtime&, const Value& self, const Args& args) {
  const BoundArgs bound(args, "reset", {});
  static_cast<CyclerObject&>(self.object()).position = 0;
  return Value::None();
}

// Those without code change their object, which the sandbox of the hub's library forbids.
const std::vector<Method>& ListMethods() {
  static const std::vector<Method> kMethods = {
      {"append", nullptr}, {"clear", nullptr},     {"copy", MethodCopy}, {"count", MethodCount},
      {"extend", nullptr}, {"index", MethodIndex}, {"insert", nullptr},  {"pop", nullptr},
      {"remove", nullptr}, {"reverse", nullptr},   {"sort", nullptr},
  };
  return kMethods;
}

const std::vector<Method>& TupleMethods() {
  static const std::vector<Method> kMethods = {{"count", MethodCount}, {"index", MethodIndex}};
  return kMethods;
}

const std::vector<Method>& DictMethods() {
  static const std::vector<Method> kMethods = {
      {"clear", nullptr},
      {"copy", MethodCopy},
      {"get", MethodGet},
      {"items", MethodView<DictViewObject::Part::kItems>},
      {"keys", MethodView<DictViewObject::Part::kKeys>},
      {"pop", nullptr},
      {"popitem", nullptr},
      {"setdefault", nullptr},
      {"update", nullptr},
      {"values", MethodView<DictViewObject::Part::kValues>},
  };
  return kMethods;
}

const Method* FindIn(const std::vector<Method>& methods, std::string_view name) {
  const auto it = std::lower_bound(methods.begin(), methods.end(), name,
                                   [](const Method& method, std::string_view key) { return method.name < key; });
  return it != methods.end() && it->name == name ? &*it : nullptr;
}

}  // namespace

AttributeMethods FindMethods(std::string_view name) {
  return {FindIn(StringMethods(), name), FindIn(ListMethods(), name), FindIn(TupleMethods(), name),
          FindIn(DictMethods(), name)};
}

const Method* FindObjectMethod(const Value& object, std::string_view name) {
  static const std::vector<Method> kLoopMethods = {{"changed", MethodChanged}, {"cycle", MethodCycle}};
  static const std::vector<Method> kCyclerMethods = {{"next", MethodNext}, {"reset", MethodReset}};
  if (AsLoop(object) != nullptr) return FindIn(kLoopMethods, name);
  return object.object().type() == Object::Type::kCycler ? FindIn(kCyclerMethods, name) : nullptr;
}

Value CallMethod(Runtime& runtime, const Method& method, const Value& self, const Args& args) {
  if (method.fn == nullptr) {
    Fail("." + std::string(method.name) + "() would change a " + TypeName(self) + ", which the sandbox forbids");
  }
  return method.fn(runtime, self, args);
}

}  // namespace bowhead::model
