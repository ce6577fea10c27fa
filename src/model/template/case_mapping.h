// str.upper, lower, title, capitalize and swapcase.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/template/runtime.h"

namespace bowhead::model {

enum class CaseMapping : std::uint8_t { kUpper, kLower, kTitle, kCapitalize, kSwap };

/// Appends text[begin, end) mapped as Python does it (full mappings, final sigma by the whole range). Origins stay.
void AppendCase(TextBuilder& out, const Text& text, CaseMapping mapping, std::size_t begin, std::size_t end);
Value MapCase(const Text& text, CaseMapping mapping, Meter& meter);

}  // namespace bowhead::model
