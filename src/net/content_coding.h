// Compressed bodies: gzip (RFC 1952) and zstd (RFC 8878), with bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace bowhead::net {

enum class ContentCoding : std::uint8_t { kIdentity, kGzip, kZstd };

/// "gzip", "zstd" or "identity".
std::string_view ContentCodingName(ContentCoding coding);

/// The coding that a Content-Encoding header names ("" is identity); nothing for one that is not known, or several.
std::optional<ContentCoding> ParseContentEncoding(std::string_view header);

/// The best coding that an Accept-Encoding header allows (RFC 9110, 12.5.3); zstd before gzip where both are as
/// welcome.
ContentCoding ChooseContentCoding(std::string_view accept_encoding);

/// What the bytes say. Never makes more than `max_bytes`, whatever they ask for. Errors: kInvalidArgument (not of that
/// coding, cut off, or more behind its end), kOutOfRange (more than `max_bytes`).
base::Result<std::string> DecodeContent(ContentCoding coding, std::string_view bytes, std::size_t max_bytes);

/// The bytes in that coding, at the fastest level. Errors: kInternal.
base::Result<std::string> EncodeContent(ContentCoding coding, std::string_view bytes);

}  // namespace bowhead::net
