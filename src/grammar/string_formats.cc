#include "grammar/string_formats.h"

#include <array>
#include <utility>

namespace bowhead::grammar {
namespace {

// RFC 3339. Years from 0001: many date types have no year 0. Days as the months have them, leap years as Gregory's.
constexpr std::string_view kDate =
    "(?:(?:000[1-9]|00[1-9]\\d|0[1-9]\\d\\d|[1-9]\\d{3})-"
    "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))"
    "|(?:\\d\\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29)";
constexpr std::string_view kTime =
    "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
constexpr std::string_view kOctet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
constexpr std::string_view kLabel = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,20}[A-Za-z0-9])?";

std::string Ipv4() {
  const std::string octet(kOctet);
  return octet + "\\." + octet + "\\." + octet + "\\." + octet;
}

// RFC 4291: eight groups, or fewer around one "::"; the last two may be an IPv4 address. A "::" stands for at least one
// group: of n groups before it at most 7 - n may follow.
std::string Ipv6() {
  const std::string group = "[0-9A-Fa-f]{1,4}";
  std::string pattern = "(?:(?:" + group + ":){7}" + group + "|(?:" + group + ":){6}" + Ipv4();
  for (int before = 0; before <= 7; ++before) {
    pattern += '|';
    if (before > 0) pattern += group + "(?::" + group + "){" + std::to_string(before - 1) + "}";
    pattern += "::";
    const int after = 7 - before;
    if (after > 0) pattern += "(?:" + group + "(?::" + group + "){0," + std::to_string(after - 1) + "})?";
  }
  return pattern + ")";
}

// RFC 1123; labels of at most 22 characters and at most 8 of them, far below the limits of 63 and 253. No two hyphens
// at places 3 and 4 (they mark encoded names): hyphens stand alone.
std::string Hostname() {
  const std::string label = "[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*";
  return label + "(?:\\." + label + "){0,7}";
}

constexpr std::string_view kUriCharacter = "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})";

// RFC 3986 with an authority that is a name (no user, no literal addresses), or a path that begins with a segment.
std::string Uri() {
  const std::string c(kUriCharacter);
  const std::string name = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*";
  const std::string tail = "(?:\\?(?:" + c + "|[/?])*)?(?:#(?:" + c + "|[/?])*)?";
  return "[A-Za-z][A-Za-z0-9+.-]*:(?://" + name + "(?::[0-9]{1,5})?(?:/" + c + "*)*|" + c + "+(?:/" + c + "*)*)" + tail;
}

// RFC 3986: a reference is a URI or a path without a scheme; its first segment has no colon.
std::string UriReference() {
  const std::string c(kUriCharacter);
  const std::string first = "(?:[A-Za-z0-9._~!$&'()*+,;=@-]|%[0-9A-Fa-f]{2})";
  const std::string tail = "(?:\\?(?:" + c + "|[/?])*)?(?:#(?:" + c + "|[/?])*)?";
  return "(?:" + Uri() + "|(?:/(?:" + c + "+(?:/" + c + "*)*)?|" + first + "+(?:/" + c + "*)*)?" + tail + ")";
}

// RFC 5321: a mailbox whose local part is dot-atoms.
std::string Email() {
  const std::string atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
  return atom + "(?:\\." + atom + ")*@" + std::string(kLabel) + "(?:\\." + std::string(kLabel) + "){1,4}";
}

// ISO 8601 as RFC 3339's appendix writes it; no weeks beside other units.
constexpr std::string_view kDuration =
    "P(?:\\d{1,9}W|(?:\\d{1,9}Y(?:\\d{1,9}M(?:\\d{1,9}D)?)?|\\d{1,9}M(?:\\d{1,9}D)?|\\d{1,9}D)"
    "(?:T(?:\\d{1,9}H(?:\\d{1,9}M(?:\\d{1,9}S)?)?|\\d{1,9}M(?:\\d{1,9}S)?|\\d{1,9}S))?"
    "|T(?:\\d{1,9}H(?:\\d{1,9}M(?:\\d{1,9}S)?)?|\\d{1,9}M(?:\\d{1,9}S)?|\\d{1,9}S))";

struct Format {
  std::string_view name;
  std::string (*pattern)();
};

constexpr std::array<Format, 13> kFormats = {{
    {"date", [] { return std::string(kDate); }},
    {"date-time", [] { return std::string(kDate) + "T" + std::string(kTime); }},
    {"duration", [] { return std::string(kDuration); }},
    {"email", Email},
    {"hostname", Hostname},
    {"ipv4", Ipv4},
    {"ipv6", Ipv6},
    {"json-pointer", [] { return std::string("(?:/(?:[^/~]|~[01])*)*"); }},
    {"relative-json-pointer", [] { return std::string("(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^/~]|~[01])*)*)"); }},
    {"time", [] { return std::string(kTime); }},
    {"uri", Uri},
    {"uri-reference", UriReference},
    {"uuid", [] { return std::string("[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"); }},
}};

}  // namespace

std::optional<std::string> FormatPattern(std::string_view format) {
  for (const Format& known : kFormats) {
    if (known.name == format) return known.pattern();
  }
  return std::nullopt;
}

std::string FormatNames() {
  std::string names;
  for (const Format& known : kFormats) names += (names.empty() ? "" : ", ") + std::string(known.name);
  return names;
}

}  // namespace bowhead::grammar
