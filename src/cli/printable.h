// Foreign text made fit for a terminal, and numbers made fit for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bowhead::cli {

/// The text with control characters and invalid UTF-8 written as escapes (\n, \x1b), so that a file's metadata cannot
/// command the terminal. At most about `max_bytes` of the text, then "...".
std::string Printable(std::string_view text, std::size_t max_bytes);

/// "93.8 MiB", "512 bytes".
std::string HumanBytes(std::uint64_t bytes);

/// "134.5 M", "7.6 G", "812".
std::string HumanCount(std::uint64_t count);

}  // namespace bowhead::cli
