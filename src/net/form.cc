#include "net/form.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "net/uri.h"

namespace bowhead::net {
namespace {

/// The value of one parameter of a header ("form-data; name=\"x\""), unquoted; nothing if it is not there or broken.
std::optional<std::string> HeaderParameter(std::string_view header, std::string_view wanted) {
  std::size_t at = header.find(';');
  while (at != std::string_view::npos && at < header.size()) {
    header.remove_prefix(at + 1);
    const std::size_t equals = header.find_first_of("=;");
    if (equals == std::string_view::npos) return std::nullopt;
    if (header[equals] == ';') {
      at = equals;
      continue;
    }
    const std::string name = base::ToLower(base::Trim(header.substr(0, equals)));
    header = base::Trim(header.substr(equals + 1));
    std::string value;
    if (header.starts_with('"')) {
      std::size_t i = 1;
      while (i < header.size() && header[i] != '"') {
        // Browsers percent-encode quotes and leave backslashes alone, others escape both: only \" and \\ are escapes.
        if (header[i] == '\\' && i + 1 < header.size() && (header[i + 1] == '"' || header[i + 1] == '\\')) ++i;
        value += header[i++];
      }
      if (i >= header.size()) return std::nullopt;
      header.remove_prefix(i + 1);
      at = header.find(';');
    } else {
      at = header.find(';');
      value = std::string(base::Trim(header.substr(0, at)));
    }
    if (name == wanted) return value;
  }
  return std::nullopt;
}

base::Result<std::vector<FormField>> ParseUrlEncoded(std::string_view body, const FormLimits& limits) {
  base::Result<Parameters> pairs = ParseQuery(body, {.max_pairs = limits.max_fields, .max_bytes = limits.max_bytes});
  if (!pairs.ok()) return pairs.status().WithContext("form");
  std::vector<FormField> fields;
  fields.reserve(pairs->size());
  for (auto& [name, value] : pairs.value()) {
    fields.push_back({.name = std::move(name), .value = std::move(value), .file_name = "", .content_type = ""});
  }
  return fields;
}

/// The header lines of one part.
base::Result<FormField> ParsePartHeader(std::string_view header) {
  FormField field;
  bool named = false;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find("\r\n"), header.size());
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(end + 2, header.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return base::InvalidArgument("form: a part has a malformed header line");
    const std::string name = base::ToLower(base::Trim(line.substr(0, colon)));
    const std::string_view value = base::Trim(line.substr(colon + 1));
    if (name == "content-disposition") {
      if (MediaType(value) != "form-data") return base::InvalidArgument("form: a part is not form-data");
      std::optional<std::string> part_name = HeaderParameter(value, "name");
      named = part_name.has_value();
      field.name = std::move(part_name).value_or("");
      field.file_name = HeaderParameter(value, "filename").value_or("");
    } else if (name == "content-type") {
      field.content_type = MediaType(value);
    } else if (name == "content-transfer-encoding") {
      const std::string coding = base::ToLower(value);
      if (coding != "binary" && coding != "8bit" && coding != "7bit") {
        return base::InvalidArgument("form: Content-Transfer-Encoding \"" + coding + "\" is not supported");
      }
    }
  }
  if (!named) return base::InvalidArgument("form: a part has no name");
  if (field.name.find('\0') != std::string::npos || field.file_name.find('\0') != std::string::npos) {
    return base::InvalidArgument("form: a name has NUL in it");
  }
  return field;
}

base::Result<std::vector<FormField>> ParseMultipart(std::string_view content_type, std::string_view body,
                                                    const FormLimits& limits) {
  const std::optional<std::string> boundary = HeaderParameter(content_type, "boundary");
  if (!boundary.has_value() || boundary->empty() || boundary->size() > 70) {  // RFC 2046, 5.1.1
    return base::InvalidArgument("form: Content-Type needs a boundary of 1 to 70 characters");
  }
  const std::string delimiter = "\r\n--" + *boundary;
  std::vector<FormField> fields;
  std::size_t at = 0;
  if (body.starts_with(std::string_view(delimiter).substr(2))) {
    at = delimiter.size() - 2;
  } else {  // a preamble, to be ignored
    at = body.find(delimiter);
    if (at == std::string_view::npos) return base::InvalidArgument("form: the boundary does not occur in the body");
    at += delimiter.size();
  }
  for (;;) {
    body.remove_prefix(at);
    if (body.starts_with("--")) return fields;
    while (body.starts_with(' ') || body.starts_with('\t')) body.remove_prefix(1);
    if (!body.starts_with("\r\n")) return base::InvalidArgument("form: a boundary is not at the end of its line");
    if (fields.size() == limits.max_fields) {
      return base::InvalidArgument("form: more than " + std::to_string(limits.max_fields) + " parts");
    }
    const std::size_t header_end = body.substr(0, limits.max_part_header).find("\r\n\r\n");
    if (header_end == std::string_view::npos) {
      return base::InvalidArgument("form: the header of a part does not end or is too long");
    }
    base::Result<FormField> field =
        ParsePartHeader(header_end < 2 ? std::string_view() : body.substr(2, header_end - 2));
    if (!field.ok()) return field.status();
    // The CRLF of the empty line may be the one that starts the next delimiter.
    body.remove_prefix(header_end + 2);
    const std::size_t end = body.find(delimiter);
    if (end == std::string_view::npos) return base::InvalidArgument("form: the last part does not end");
    if (end >= 2) field.value().value = std::string(body.substr(2, end - 2));
    fields.push_back(*std::move(field));
    at = end + delimiter.size();
  }
}

}  // namespace

std::string MediaType(std::string_view content_type) {
  return base::ToLower(base::Trim(content_type.substr(0, content_type.find(';'))));
}

FormKind FormKindOf(std::string_view content_type) {
  const std::string type = MediaType(content_type);
  if (type == "application/x-www-form-urlencoded") return FormKind::kUrlEncoded;
  if (type == "multipart/form-data") return FormKind::kMultipart;
  return FormKind::kNone;
}

base::Result<std::vector<FormField>> ParseForm(std::string_view content_type, std::string_view body,
                                               const FormLimits& limits) {
  if (body.size() > limits.max_bytes) {
    return base::InvalidArgument("form: the body is longer than " + std::to_string(limits.max_bytes) + " bytes");
  }
  switch (FormKindOf(content_type)) {
    case FormKind::kUrlEncoded:
      return ParseUrlEncoded(body, limits);
    case FormKind::kMultipart:
      return ParseMultipart(content_type, body, limits);
    case FormKind::kNone:
      break;
  }
  return base::InvalidArgument("the Content-Type is not that of a form");
}

const FormField* FindField(const std::vector<FormField>& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const FormField& f) { return f.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

}  // namespace bowhead::net
