// How much memory this process may still take.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bowhead::engine {

/// Bytes that can be taken without swapping: the least of what the machine has available and what the process's control
/// group (v2 or v1) leaves. 0 if neither can be read.
std::uint64_t AvailableMemoryBytes();

/// The bytes of `key` ("MemAvailable") in the text of /proc/meminfo; 0 if it is not there.
std::uint64_t ParseMeminfo(std::string_view text, std::string_view key);

}  // namespace bowhead::engine
