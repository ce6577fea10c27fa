// The formats of JSON Schema whose texts a regular expression describes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bowhead::grammar {

/// An expression (for the whole text) all of whose texts are valid in that format, or nothing for an unknown format.
/// Where a format has odd corners (leap seconds, comments in addresses), they are left out.
std::optional<std::string> FormatPattern(std::string_view format);
/// "date, date-time, ...": for messages.
std::string FormatNames();

}  // namespace bowhead::grammar
