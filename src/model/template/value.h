// The values of a chat template: what JSON can say, plus undefined and the interpreter's own objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/template/text.h"

namespace bowhead::model {

class Dict;
class Object;
class Value;

/// An immutable list or tuple.
struct List {
  std::vector<Value> items;
  std::size_t depth = 1;   // of nesting: 1 for a list without containers in it
  std::size_t weight = 1;  // number of values in it, itself counted, shared ones each time (saturating)
  bool tuple = false;
};

/// A value with Python's meaning. Copies are cheap: strings, lists and dicts are shared and immutable. Values that the
/// caller builds (everything but kObject) are safe to share between threads.
///
/// Building a context:
///   Dict message;
///   message.Set("role", Value::String("user"));
///   message.Set("content", Value::String(text, /*untrusted=*/true));
///   Dict context;
///   context.Set("messages", Value::FromList({Value::FromDict(std::move(message))}));
///   context.Set("add_generation_prompt", Value::Bool(true));
///   tmpl->Render(Value::FromDict(std::move(context)), limits);
class Value {
 public:
  enum class Kind : std::uint8_t { kUndefined, kNone, kBool, kInt, kDouble, kString, kList, kDict, kObject };

  /// None, as JSON's null.
  Value() : data_(NoneTag{}) {}

  static Value None() { return {}; }
  static Value Bool(bool value) { return Value(Data(value)); }
  static Value Int(std::int64_t value) { return Value(Data(value)); }
  static Value Double(double value) { return Value(Data(value)); }
  /// UTF-8. `untrusted`: the text comes from the conversation (messages, names, tool results and definitions), so that
  /// special tokens spelled in it stay text. Words that the server has checked (roles, the types of parts) should be
  /// trusted: templates build special tokens from them, as in '<|' + message.role + '|>'.
  static Value String(std::string text, bool untrusted = false);
  static Value FromText(Text text);
  static Value FromList(std::vector<Value> items);
  static Value Tuple(std::vector<Value> items);
  static Value FromDict(Dict dict);

  /// No value; `what` finishes the sentence of the error when it is used ("'x' is undefined").
  static Value Undefined(std::string what = {});
  static Value FromObject(std::shared_ptr<Object> object) { return Value(Data(std::move(object))); }

  [[nodiscard]] Kind kind() const { return static_cast<Kind>(data_.index()); }
  [[nodiscard]] bool IsUndefined() const { return kind() == Kind::kUndefined; }
  [[nodiscard]] bool IsNone() const { return kind() == Kind::kNone; }
  [[nodiscard]] bool IsBool() const { return kind() == Kind::kBool; }
  [[nodiscard]] bool IsInt() const { return kind() == Kind::kInt; }
  [[nodiscard]] bool IsDouble() const { return kind() == Kind::kDouble; }
  [[nodiscard]] bool IsString() const { return kind() == Kind::kString; }
  [[nodiscard]] bool IsList() const { return kind() == Kind::kList; }  // tuples too
  [[nodiscard]] bool IsTuple() const { return IsList() && list().tuple; }
  [[nodiscard]] bool IsDict() const { return kind() == Kind::kDict; }
  [[nodiscard]] bool IsObject() const { return kind() == Kind::kObject; }

  // Each needs its kind.
  [[nodiscard]] bool bool_value() const { return std::get<bool>(data_); }
  [[nodiscard]] std::int64_t int_value() const { return std::get<std::int64_t>(data_); }
  [[nodiscard]] double double_value() const { return std::get<double>(data_); }
  [[nodiscard]] const Text& text() const { return *std::get<std::shared_ptr<const Text>>(data_); }
  [[nodiscard]] std::string_view string_value() const { return text().bytes(); }
  [[nodiscard]] const List& list() const { return *std::get<std::shared_ptr<const List>>(data_); }
  [[nodiscard]] const std::vector<Value>& items() const { return list().items; }
  [[nodiscard]] const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  [[nodiscard]] Object& object() const { return *std::get<std::shared_ptr<Object>>(data_); }
  [[nodiscard]] const std::shared_ptr<Object>& shared_object() const {
    return std::get<std::shared_ptr<Object>>(data_);
  }
  /// What an undefined value says about itself; may be "".
  [[nodiscard]] std::string_view undefined_reason() const;

  /// How deep containers are nested: 0 for a scalar, 1 for a list of scalars.
  [[nodiscard]] std::size_t depth() const;
  /// How many values a walk through this one visits (saturating): shared parts count each time that they occur.
  [[nodiscard]] std::size_t weight() const;
  /// True if both share the same list, dict, string or object.
  [[nodiscard]] bool SameObject(const Value& other) const;

 private:
  struct NoneTag {};
  struct UndefinedTag {
    std::shared_ptr<const std::string> reason;
  };
  using Data = std::variant<UndefinedTag, NoneTag, bool, std::int64_t, double, std::shared_ptr<const Text>,
                            std::shared_ptr<const List>, std::shared_ptr<const Dict>, std::shared_ptr<Object>>;

  explicit Value(Data data) : data_(std::move(data)) {}

  Data data_;
};

/// A dict in insertion order. Keys are strings nearly always; numbers, booleans, None and tuples of these work as in
/// Python (1, 1.0 and True are one key). Look-up by string is logarithmic or better.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;

  /// Replaces the value of a key that is there, else appends.
  void Set(Value key, Value value);
  void Set(std::string key, Value value) { Set(Value::String(std::move(key)), std::move(value)); }

  /// nullptr if absent; points into this object.
  [[nodiscard]] const Value* Find(std::string_view key) const;
  [[nodiscard]] const Value* Find(const Value& key) const;

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t depth() const { return depth_; }
  [[nodiscard]] std::size_t weight() const { return weight_; }

 private:
  [[nodiscard]] std::size_t IndexOf(std::string_view key) const;
  [[nodiscard]] std::size_t IndexOf(const Value& key) const;

  std::vector<Entry> entries_;
  // Of the string keys, once there are too many to scan; keys point into the entries' shared texts.
  std::map<std::string_view, std::size_t> index_;
  std::size_t others_ = 0;  // keys that are no strings
  std::size_t depth_ = 1;
  std::size_t weight_ = 1;
};

/// Python's ==: numbers by value across int, float and bool; lists, tuples and dicts element by element.
[[nodiscard]] bool ValuesEqual(const Value& a, const Value& b);

}  // namespace bowhead::model
