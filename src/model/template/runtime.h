// What filters, tests and methods share: limits, arguments, and the services of the running interpreter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/template/value.h"

namespace bowhead::model {

enum class BinaryOp : std::uint8_t { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class CompareOp : std::uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

/// Counts what a rendering spends. Time and memory are both bounded by steps, since copied bytes and list elements cost
/// steps too. Every function throws TemplateError where the limit is passed.
class Meter {
 public:
  static constexpr std::size_t kBytesPerStep = 256;
  static constexpr std::size_t kElementsPerStep = 8;
  static constexpr std::size_t kMaxNesting = 200;  // of lists in lists
  /// Over a whole rendering, so that nothing a template keeps can take more memory: this many of the largest strings.
  static constexpr std::size_t kLargestStrings = 24;

  Meter(std::size_t max_steps, std::size_t max_bytes)
      : steps_(max_steps), max_bytes_(max_bytes), bytes_(kLargestStrings * max_bytes + (std::size_t{1} << 20)) {}

  void Step(std::size_t count = 1) {
    if (count > steps_) OutOfSteps();
    steps_ -= count;
  }
  /// `count` bytes were or will be read or copied.
  void Bytes(std::size_t count) {
    if (count > bytes_) OutOfBytes();
    bytes_ -= count;
    byte_debt_ += count;
    if (byte_debt_ < kBytesPerStep) return;
    Step(byte_debt_ / kBytesPerStep);
    byte_debt_ %= kBytesPerStep;
  }
  void Elements(std::size_t count) {
    Step(count / kElementsPerStep + 1);
    Bytes(count * sizeof(Value));
  }
  /// Call before a string of that size is made.
  void CheckSize(std::size_t bytes) const {
    if (bytes > max_bytes_) TooLong();
  }
  /// Call before `count` pieces of `size` bytes are made into one string.
  void CheckSize(std::size_t count, std::size_t size) const {
    if (size != 0 && count > max_bytes_ / size) TooLong();
  }

 private:
  [[noreturn]] static void OutOfSteps();
  [[noreturn]] static void OutOfBytes();
  [[noreturn]] void TooLong() const;

  std::size_t steps_;
  std::size_t max_bytes_;
  std::size_t bytes_;
  std::size_t byte_debt_ = 0;
};

/// Builds a Text under the meter's limits.
class TextBuilder {
 public:
  explicit TextBuilder(Meter& meter) : meter_(&meter) {}

  void Append(std::string_view bytes, bool untrusted = false) {
    Grow(bytes.size());
    text_.Append(bytes, untrusted);
  }
  void Append(const Text& text) {
    Grow(text.size());
    text_.Append(text);
  }
  void AppendSlice(const Text& text, std::size_t begin, std::size_t end) {
    Grow(end - begin);
    text_.AppendSlice(text, begin, end);
  }
  void AppendMapped(std::string_view bytes, const Text& from, std::size_t begin, std::size_t end) {
    Grow(bytes.size());
    text_.AppendMapped(bytes, from, begin, end);
  }
  /// `count` copies of an ASCII character.
  void Fill(char c, std::size_t count);

  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] const Text& text() const { return text_; }
  [[nodiscard]] Meter& meter() const { return *meter_; }
  Text Take(bool markup = false) {
    text_.set_markup(markup);
    return std::move(text_);
  }
  Value TakeValue(bool markup = false) { return Value::FromText(Take(markup)); }

 private:
  void Grow(std::size_t bytes) {
    meter_->CheckSize(text_.size() + bytes);
    meter_->Bytes(bytes);
  }

  Meter* meter_;
  Text text_;
};

/// The arguments of a call.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  [[nodiscard]] bool empty() const { return positional.empty() && named.empty(); }
};

/// Arguments matched with a function's parameters, as Python does it.
class BoundArgs {
 public:
  /// `params` name the parameters; "" is one that cannot be given by name. Fails if there are too many arguments, one
  /// that is not known, one given twice, or if one of the first `required` is missing.
  BoundArgs(const Args& args, std::string_view function, std::initializer_list<std::string_view> params,
            std::size_t required = 0);

  [[nodiscard]] bool Has(std::size_t i) const { return values_[i] != nullptr; }
  /// Given and not None.
  [[nodiscard]] bool HasValue(std::size_t i) const { return Has(i) && !values_[i]->IsNone(); }
  [[nodiscard]] const Value& operator[](std::size_t i) const { return *values_[i]; }
  /// The argument as Python's bool, int or str parameter; `otherwise` if it is absent.
  [[nodiscard]] bool Bool(std::size_t i, bool otherwise) const;
  [[nodiscard]] std::int64_t Int(std::size_t i, std::int64_t otherwise) const;
  [[nodiscard]] const Text& String(std::size_t i) const;

 private:
  std::string_view function_;
  std::vector<const Value*> values_;
};

/// The running interpreter, as functions of the language see it.
class Runtime {
 public:
  explicit Runtime(Meter meter) : meter_(meter) {}
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  virtual ~Runtime() = default;

  [[nodiscard]] Meter& meter() { return meter_; }
  virtual Value Call(const Value& callee, Args args) = 0;
  /// The moment that strftime_now shows, in seconds since 1970.
  [[nodiscard]] virtual std::int64_t Now() const = 0;
  /// Keeps a namespace until the rendering ends and empties it then, so that circles of them do not leak.
  virtual void Adopt(const std::shared_ptr<Object>& object) = 0;

 private:
  Meter meter_;
};

using FilterFn = Value (*)(Runtime&, const Value& input, const Args&);
using TestFn = bool (*)(Runtime&, const Value& input, const Args&);
using MethodFn = Value (*)(Runtime&, const Value& self, const Args&);

struct Filter {
  std::string_view name;
  FilterFn fn;
};
struct Test {
  std::string_view name;
  TestFn fn;
};
/// A method of one of Python's types. Without `fn` the sandbox forbids it, since it changes its object.
struct Method {
  std::string_view name;
  MethodFn fn;
};
/// What one name means on each type; nullptr where the type has no such method.
struct AttributeMethods {
  const Method* on_string = nullptr;
  const Method* on_list = nullptr;
  const Method* on_tuple = nullptr;
  const Method* on_dict = nullptr;
};

/// nullptr if there is none of that name.
const Filter* FindFilter(std::string_view name);
const Test* FindTest(std::string_view name);
AttributeMethods FindMethods(std::string_view name);
/// range, dict, namespace, cycler, joiner, raise_exception, strftime_now; undefined for another name.
Value FindGlobal(std::string_view name);

}  // namespace bowhead::model
