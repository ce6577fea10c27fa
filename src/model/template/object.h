// What the interpreter keeps behind a Value of kind kObject. Internal to the template module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bowhead::model {

/// A namespace, macro, bound method, range, iterator, dict view, loop or the like. It lives for one rendering.
class Object {
 public:
  enum class Type : std::uint8_t {
    kNamespace,
    kMacro,
    kFunction,
    kMethod,
    kRange,
    kIterator,
    kDictView,
    kLoop,
    kCycler,
    kJoiner,
  };

  explicit Object(Type type) : type_(type) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;

  [[nodiscard]] Type type() const { return type_; }
  /// Nesting of the containers that it holds, as Value::depth.
  [[nodiscard]] virtual std::size_t depth() const { return 0; }
  /// As Value::weight.
  [[nodiscard]] virtual std::size_t weight() const { return 1; }

 private:
  Type type_;
};

}  // namespace bowhead::model
