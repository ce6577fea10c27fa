// Reads {"name": "f", "arguments": {...}} as it arrives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bowhead::assistant {

/// Finds the name and the arguments of a call in a JSON object that comes in pieces. The arguments' bytes are passed on
/// as they are; it checks only what it needs to find their ends. Not thread-safe.
class CallObjectReader {
 public:
  enum class Result : std::uint8_t { kMore, kDone, kBroken };

  /// Starts over. `whole`: the object has a name and its arguments below `arguments_key`; else all of it is arguments.
  void Reset(bool whole, std::string_view arguments_key);

  /// Takes bytes from the front of `text` and says how many in `*used`.
  Result Add(std::string_view text, std::size_t* used);

  [[nodiscard]] bool has_name() const { return has_name_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  /// The bytes of the arguments since the last call of this.
  std::string TakeArguments();

 private:
  enum class At : std::uint8_t { kOpen, kKeyOrEnd, kKey, kColon, kValueStart, kValue, kCommaOrEnd };

  Result Take(char c);
  Result TakeInValue(char c);
  Result EndValue();
  [[nodiscard]] bool InArguments() const { return !whole_ || key_ == arguments_key_ || key_ == "arguments"; }

  bool whole_ = true;
  std::string arguments_key_;
  At at_ = At::kOpen;
  int depth_ = 0;  // of the value that is being read
  bool in_string_ = false;
  bool escaped_ = false;
  bool scalar_ = false;  // the value is a number, true, false or null
  std::string key_;
  std::string value_;  // of `name`
  bool has_name_ = false;
  bool has_arguments_ = false;
  std::string name_;
  std::string arguments_;
};

}  // namespace bowhead::assistant
