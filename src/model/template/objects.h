// The interpreter's own kinds of objects. Each lives for one rendering, on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/template/ast.h"
#include "model/template/object.h"
#include "model/template/runtime.h"
#include "model/template/value.h"

namespace bowhead::model {

/// Variables of one scope. Closures point at the scope that they were made in.
struct Scope {
  explicit Scope(Scope* outer) : parent(outer) {}

  Scope* parent;
  std::vector<std::pair<NameId, Value>> variables;
};

/// namespace(): the one thing that templates can change.
struct NamespaceObject : Object {
  NamespaceObject() : Object(Type::kNamespace) {}
  Dict attributes;
};

struct MacroObject : Object {
  MacroObject(const MacroNode& macro, Scope* in) : Object(Type::kMacro), node(&macro), scope(in) {}
  const MacroNode* node;
  Scope* scope;
};

/// A global function.
struct FunctionObject : Object {
  FunctionObject(std::string_view function, Value (*code)(Runtime&, const Args&))
      : Object(Type::kFunction), name(function), fn(code) {}
  std::string_view name;
  Value (*fn)(Runtime&, const Args&);
};

/// A method taken from its object without a call: x.strip.
struct MethodObject : Object {
  MethodObject(Value object, const Method* code) : Object(Type::kMethod), self(std::move(object)), method(code) {}
  [[nodiscard]] std::size_t depth() const override { return self.depth() + 1; }
  [[nodiscard]] std::size_t weight() const override { return self.weight(); }
  Value self;
  const Method* method;
};

/// range(): its length is at most kMaxLength, as in Jinja's sandbox.
struct RangeObject : Object {
  static constexpr std::int64_t kMaxLength = 100'000;

  RangeObject(std::int64_t first, std::int64_t count, std::int64_t by)
      : Object(Type::kRange), start(first), length(count), step(by) {}
  [[nodiscard]] std::int64_t At(std::int64_t i) const { return start + i * step; }
  std::int64_t start;
  std::int64_t length;
  std::int64_t step;
};

/// A generator: its items can be read once.
struct IteratorObject : Object {
  explicit IteratorObject(std::vector<Value> values);
  [[nodiscard]] std::size_t depth() const override { return depth_; }
  [[nodiscard]] std::size_t weight() const override { return weight_; }
  std::vector<Value> items;
  std::size_t next = 0;

 private:
  std::size_t depth_ = 1;
  std::size_t weight_ = 1;
};

/// dict.keys(), .values() or .items().
struct DictViewObject : Object {
  enum class Part : std::uint8_t { kKeys, kValues, kItems };
  DictViewObject(Value of, Part what) : Object(Type::kDictView), dict(std::move(of)), part(what) {}
  [[nodiscard]] std::size_t depth() const override { return dict.depth() + 1; }
  [[nodiscard]] std::size_t weight() const override { return dict.weight() * 2; }
  Value dict;
  Part part;
};

/// The `loop` variable. Items are pulled one at a time, since a loop's condition may depend on what its body did;
/// looking ahead (loop.last) pulls early, as in Jinja.
struct LoopObject : Object {
  LoopObject() : Object(Type::kLoop) {}
  [[nodiscard]] std::size_t depth() const override { return 1; }

  /// Goes on to the next item; false at the end.
  bool Advance();
  [[nodiscard]] bool IsLast();
  [[nodiscard]] std::int64_t Length();

  std::function<bool(Value&)> pull;  // the next item of the source; false at its end
  std::int64_t known_length = -1;
  std::int64_t index0 = -1;
  std::size_t depth0 = 0;
  Value current;
  Value previous;
  std::vector<Value> ahead;  // pulled and not yet used, from ahead_at on
  std::size_t ahead_at = 0;
  std::vector<Value> last_changed;
  bool has_changed = false;
  const Stmt* recursive = nullptr;
  Scope* scope = nullptr;  // of the for statement, for recursion
};

struct CyclerObject : Object {
  explicit CyclerObject(std::vector<Value> values) : Object(Type::kCycler), items(Value::Tuple(std::move(values))) {}
  [[nodiscard]] std::size_t depth() const override { return items.depth(); }
  [[nodiscard]] std::size_t weight() const override { return items.weight(); }
  Value items;
  std::size_t position = 0;
};

struct JoinerObject : Object {
  explicit JoinerObject(Value text) : Object(Type::kJoiner), separator(std::move(text)) {}
  Value separator;
  bool used = false;
};

/// The object as type T; nullptr if `value` is none. T::Type is given by `type`.
template <class T>
T* As(const Value& value, Object::Type type) {
  return value.IsObject() && value.object().type() == type ? static_cast<T*>(&value.object()) : nullptr;
}

inline RangeObject* AsRange(const Value& v) {
  return As<RangeObject>(v, Object::Type::kRange);
}
inline IteratorObject* AsIterator(const Value& v) {
  return As<IteratorObject>(v, Object::Type::kIterator);
}
inline DictViewObject* AsDictView(const Value& v) {
  return As<DictViewObject>(v, Object::Type::kDictView);
}
inline NamespaceObject* AsNamespace(const Value& v) {
  return As<NamespaceObject>(v, Object::Type::kNamespace);
}
inline LoopObject* AsLoop(const Value& v) {
  return As<LoopObject>(v, Object::Type::kLoop);
}

}  // namespace bowhead::model
