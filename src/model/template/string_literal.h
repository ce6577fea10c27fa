// Escapes in string literals.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bowhead::model {

/// What a literal's text (between its quotes) stands for, with Python's escapes; an escape that is not known stays as
/// it is. nullopt if \x, \u or \U is cut short or out of range, and for \N{...}.
std::optional<std::string> UnescapeLiteral(std::string_view text);

}  // namespace bowhead::model
