#include "engine/memory_budget.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>

namespace bowhead::engine {
namespace {

std::string ReadFile(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + begin, text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

/// What a control group leaves, if it limits at all.
std::optional<std::uint64_t> GroupLeft(const char* limit_path, const char* used_path) {
  const auto limit = ParseNumber(ReadFile(limit_path));  // "max" is no number
  const auto used = ParseNumber(ReadFile(used_path));
  if (!limit || !used) return std::nullopt;
  return *limit > *used ? *limit - *used : 0;
}

}  // namespace

std::uint64_t ParseMeminfo(std::string_view text, std::string_view key) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':') {
      return ParseNumber(line.substr(key.size() + 1)).value_or(0) * 1024;
    }
    begin = end + 1;
  }
  return 0;
}

std::uint64_t AvailableMemoryBytes() {
  std::uint64_t available = ParseMeminfo(ReadFile("/proc/meminfo"), "MemAvailable");
  const auto groups = {
      GroupLeft("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
      GroupLeft("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes")};
  for (const auto& left : groups) {
    if (left && (available == 0 || *left < available)) available = *left;
  }
  return available;
}

}  // namespace bowhead::engine
