// Many short strings in one piece of memory: the vocabularies and merge rules of model files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace bowhead::model {

/// Strings one after the other, with four bytes of overhead each instead of std::string's 32. Together they may have
/// up to 4 GiB. Reading is thread-safe.
class StringArray {
 public:
  StringArray() = default;
  StringArray(std::initializer_list<std::string_view> strings) {
    for (const std::string_view string : strings) Add(string);
  }
  explicit StringArray(const std::vector<std::string>& strings) {
    for (const std::string& string : strings) Add(string);
  }

  void Reserve(std::size_t count) { ends_.reserve(count); }
  void Add(std::string_view string) {
    bytes_.append(string);
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  /// Gives back memory that was taken for more strings to come.
  void ShrinkToFit() { bytes_.shrink_to_fit(); }

  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] bool empty() const { return ends_.empty(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }
  /// Copies, to change them.
  [[nodiscard]] std::vector<std::string> ToVector() const {
    std::vector<std::string> strings;
    strings.reserve(size());
    for (std::size_t i = 0; i < size(); ++i) strings.emplace_back((*this)[i]);
    return strings;
  }

  friend bool operator==(const StringArray&, const StringArray&) = default;

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
};

}  // namespace bowhead::model
