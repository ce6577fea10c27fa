// Code points as the bytes of an output: plain UTF-8, or the inside of a JSON string.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "grammar/code_point_set.h"

namespace bowhead::grammar {

/// Both ends belong to it.
struct ByteRange {
  std::uint8_t first = 0;
  std::uint8_t last = 0;
  friend auto operator<=>(const ByteRange&, const ByteRange&) = default;
};

/// The bytes that may stand at one place: ranges, ascending and disjoint.
using ByteChoice = std::vector<ByteRange>;

enum class TextEncoding : std::uint8_t {
  kUtf8,
  kJson,      // in a JSON string, each character in one way: as itself, or by the escape that EscapeJson gives it
  kJsonFree,  // in a JSON string, in any way that JSON allows
};

/// Calls sink(path) for byte sequences that together spell exactly the members of `set`, one character each.
void EncodeSet(const CodePointSet& set, TextEncoding encoding,
               const std::function<void(const std::vector<ByteChoice>&)>& sink);

}  // namespace bowhead::grammar
