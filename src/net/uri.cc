#include "net/uri.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace bowhead::net {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) -> unsigned { return static_cast<unsigned char>(text[at]); };
    const unsigned lead = byte(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - i < length) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80U) return false;
    }
    const unsigned second = byte(i + 1);  // shows overlong forms, surrogates and values over U+10FFFF
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) || (lead == 0xF0 && second < 0x90) ||
        (lead == 0xF4 && second > 0x8F)) {
      return false;
    }
    i += length;
  }
  return true;
}

bool HasDotSegment(std::string_view path) {
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return false;
}

/// The four numbers of "a.b.c.d", or nothing.
std::optional<std::array<unsigned, 4>> ParseIpv4(std::string_view text) {
  std::array<unsigned, 4> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parts[i]);
    if (error != std::errc() || parts[i] > 255) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i == 3) break;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  return parts;
}

}  // namespace

base::Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
      if (high < 0 || low < 0) return base::InvalidArgument("a '%' must be followed by two hexadecimal digits");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return base::InvalidArgument("NUL is not allowed in a URL or form");
    out += c;
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
  return out;
}

base::Result<Target> ParseTarget(std::string_view target) {
  if (target == "*") return Target{.path = "*", .query = ""};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() > scheme.size() && base::EqualsIgnoringCase(target.substr(0, scheme.size()), scheme)) {
      target.remove_prefix(scheme.size());
      target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
      if (!target.starts_with('/')) return base::InvalidArgument("the request target has no path");
      break;
    }
  }
  if (!target.starts_with('/')) return base::InvalidArgument("the request target must start with '/'");
  if (HasControl(target) || target.find('#') != std::string_view::npos) {
    return base::InvalidArgument("the request target has characters that must be percent-encoded");
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view raw_path = target.substr(0, question);
  base::Result<std::string> path = PercentDecode(raw_path);
  if (!path.ok()) return path.status();
  if (std::count(path->begin(), path->end(), '/') != std::count(raw_path.begin(), raw_path.end(), '/')) {
    return base::InvalidArgument("escaped slashes are not allowed in the path");
  }
  if (HasControl(*path) || path->find('\\') != std::string::npos || !IsUtf8(*path)) {
    return base::InvalidArgument("the path has control characters, backslashes or bytes that are not UTF-8");
  }
  if (HasDotSegment(*path)) return base::InvalidArgument("'.' and '..' segments are not allowed in the path");
  return Target{.path = *std::move(path), .query = std::string(target.substr(std::min(question + 1, target.size())))};
}

base::Result<Parameters> ParseQuery(std::string_view text, const ParameterLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return base::InvalidArgument("the parameters are longer than " + std::to_string(limits.max_bytes) + " bytes");
  }
  Parameters parameters;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (parameters.size() == limits.max_pairs) {
      return base::InvalidArgument("more than " + std::to_string(limits.max_pairs) + " parameters");
    }
    const std::size_t equals = std::min(pair.find('='), pair.size());
    base::Result<std::string> name = PercentDecode(pair.substr(0, equals), true);
    if (!name.ok()) return name.status();
    base::Result<std::string> value = PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!value.ok()) return value.status();
    parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return parameters;
}

const std::string* FindParameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool IsLoopbackHost(std::string_view host) {
  if (host.size() > 2 && host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (base::EqualsIgnoringCase(host, "localhost") || host == "::1" || host == "0:0:0:0:0:0:0:1") return true;
  constexpr std::string_view kMapped = "::ffff:";
  if (host.size() > kMapped.size() && base::EqualsIgnoringCase(host.substr(0, kMapped.size()), kMapped)) {
    host.remove_prefix(kMapped.size());
  }
  const auto parts = ParseIpv4(host);
  return parts.has_value() && (*parts)[0] == 127;
}

std::string HostAndPort(std::string_view host, unsigned port) {
  const bool brackets = host.find(':') != std::string_view::npos && !host.starts_with('[');
  return (brackets ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
}

}  // namespace bowhead::net
