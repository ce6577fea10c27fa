#include "model/format/split_files.h"

#include <algorithm>

namespace bowhead::model {
namespace {

constexpr std::size_t kDigits = 5;
constexpr std::uint32_t kMaxParts = 4096;
constexpr std::string_view kOf = "-of-";
constexpr std::string_view kEnding = ".gguf";

std::optional<std::uint32_t> ParseDigits(std::string_view text) {
  std::uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return value;
}

std::string Padded(std::uint32_t value) {
  const std::string digits = std::to_string(value);
  return std::string(kDigits - std::min(kDigits, digits.size()), '0') + digits;
}

}  // namespace

std::string SplitName::PathOf(std::uint32_t part) const {
  return prefix + '-' + Padded(part) + std::string(kOf) + Padded(count) + std::string(kEnding);
}

std::optional<SplitName> ParseSplitName(std::string_view path) {
  constexpr std::size_t kTail = 1 + kDigits + kOf.size() + kDigits + kEnding.size();
  if (path.size() <= kTail) return std::nullopt;
  const std::string_view tail = path.substr(path.size() - kTail);
  if (tail[0] != '-' || tail.substr(1 + kDigits, kOf.size()) != kOf) return std::nullopt;
  if (tail.substr(tail.size() - kEnding.size()) != kEnding) return std::nullopt;
  const auto number = ParseDigits(tail.substr(1, kDigits));
  const auto count = ParseDigits(tail.substr(1 + kDigits + kOf.size(), kDigits));
  if (!number || !count || *number < 1 || *number > *count) return std::nullopt;
  return SplitName{std::string(path.substr(0, path.size() - kTail)), *number, *count};
}

base::Result<SplitKeys> ReadSplitKeys(const Metadata& metadata) {
  SplitKeys keys;
  if (!metadata.Has("split.count")) return keys;
  const auto count = metadata.GetUint("split.count");
  // Some tools write the keys with a count of 0 into files that were never split.
  if (count && *count <= 1) return keys;
  if (!count || *count > kMaxParts) {
    return base::DataLoss("split.count is " + (count ? std::to_string(*count) : "no positive integer") + "; at most " +
                          std::to_string(kMaxParts) + " parts are allowed");
  }
  const auto index = metadata.GetUint("split.no");
  if (!index || *index >= *count) {
    return base::DataLoss("split.no is " + (index ? std::to_string(*index) : "missing or no positive integer") +
                          " in a model of " + std::to_string(*count) + " parts");
  }
  keys.index = static_cast<std::uint32_t>(*index);
  keys.count = static_cast<std::uint32_t>(*count);
  keys.num_tensors = metadata.GetUint("split.tensors.count");
  if (metadata.Has("split.tensors.count") && !keys.num_tensors) {
    return base::DataLoss("split.tensors.count is no positive integer");
  }
  return keys;
}

}  // namespace bowhead::model
