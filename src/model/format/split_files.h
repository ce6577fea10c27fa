// Models that are split over several GGUF files: "name-00001-of-00003.gguf" and so on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/format/metadata.h"

namespace bowhead::model {

/// A part's file name, taken apart. `number` counts from 1.
struct SplitName {
  std::string prefix;  // with the folder
  std::uint32_t number = 0;
  std::uint32_t count = 0;

  /// The path of another part.
  [[nodiscard]] std::string PathOf(std::uint32_t part) const;
};

/// nullopt unless the name ends in -NNNNN-of-NNNNN.gguf with 1 <= number <= count.
std::optional<SplitName> ParseSplitName(std::string_view path);

/// The split.* keys of a part. A file without them is the only part of one.
struct SplitKeys {
  std::uint32_t index = 0;  // from 0
  std::uint32_t count = 1;
  std::optional<std::uint64_t> num_tensors;  // of all parts together
};

/// Errors: kDataLoss where the keys contradict each other.
base::Result<SplitKeys> ReadSplitKeys(const Metadata& metadata);

}  // namespace bowhead::model
