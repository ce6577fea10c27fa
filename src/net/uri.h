// Percent-encoding, query strings and hosts, as untrusted clients send them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace bowhead::net {

/// Name and value pairs in the order in which they came; a name may come twice.
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct ParameterLimits {
  std::size_t max_pairs = 256;
  std::size_t max_bytes = 8 << 20;  // of the whole text
};

/// "%41" → "A" and, with `plus_is_space`, "+" → " ". kInvalidArgument: a '%' without two hexadecimal digits, or NUL.
base::Result<std::string> PercentDecode(std::string_view text, bool plus_is_space = false);

/// Encodes everything but unreserved characters (RFC 3986, 2.3).
std::string PercentEncode(std::string_view text);

/// A request target split in two: the decoded path and the raw query.
struct Target {
  std::string path;
  std::string query;
};

/// Takes "/path?query", "http://host/path?query" and "*". kInvalidArgument: other forms, bad escapes, control
/// characters, bytes that are not UTF-8 after decoding, backslashes, segments "." and ".." (escaped or not), and
/// escaped slashes (they would move the border between segments).
base::Result<Target> ParseTarget(std::string_view target);

/// "a=1&b=x+y" (a query string or an application/x-www-form-urlencoded body). A pair without '=' has an empty value;
/// empty pairs are skipped. kInvalidArgument: bad escapes, NUL, or over a limit.
base::Result<Parameters> ParseQuery(std::string_view text, const ParameterLimits& limits = {});

/// The first value of a name, or nullptr.
const std::string* FindParameter(const Parameters& parameters, std::string_view name);

/// Whether listening on this host is reachable from this machine only: "localhost", 127.0.0.0/8, "::1" (also in
/// brackets), "::ffff:127.x.y.z". Any other name is not loopback, whatever it resolves to.
bool IsLoopbackHost(std::string_view host);

/// "host:port", with brackets around an IPv6 address.
std::string HostAndPort(std::string_view host, unsigned port);

}  // namespace bowhead::net
