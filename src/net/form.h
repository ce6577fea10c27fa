// Form bodies: application/x-www-form-urlencoded and multipart/form-data (RFC 7578), within limits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace bowhead::net {

/// One field of a form.
struct FormField {
  std::string name;
  std::string value;         // the bytes of a file, too
  std::string file_name;     // "" if the part has none; never trust it as a path
  std::string content_type;  // of the part, in lower case without parameters; "" if it has none
};

struct FormLimits {
  std::size_t max_fields = 64;
  std::size_t max_bytes = 8 << 20;        // of the body
  std::size_t max_part_header = 4 << 10;  // of one part
};

enum class FormKind { kNone, kUrlEncoded, kMultipart };

/// What a Content-Type header announces.
FormKind FormKindOf(std::string_view content_type);

/// The media type of a Content-Type header in lower case, without parameters.
std::string MediaType(std::string_view content_type);

/// Parses a body of either kind. kInvalidArgument: not a form, malformed (no boundary, no end, a part without a name,
/// bad escapes, NUL in a name), or over a limit; the message says which.
base::Result<std::vector<FormField>> ParseForm(std::string_view content_type, std::string_view body,
                                               const FormLimits& limits = {});

/// The first field of a name, or nullptr.
const FormField* FindField(const std::vector<FormField>& fields, std::string_view name);

}  // namespace bowhead::net
