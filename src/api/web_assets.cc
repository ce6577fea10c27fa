#include "api/web_assets.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace bowhead::api {
namespace {

// No inline code, no eval, nothing from elsewhere, no framing. Trusted Types makes the browser refuse every place where
// a string could become markup; the page builds its DOM from nodes and needs none.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

/// Calls `visit` with each comma-separated, trimmed element until it returns true; says whether it did.
template <typename Visitor>
bool AnyElement(std::string_view list, Visitor visit) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (visit(base::Trim(list.substr(0, comma)))) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

/// True for a quality parameter of zero ("q=0", "q=0.000"): the coding is refused.
bool QualityIsZero(std::string_view parameters) {
  const auto equals = parameters.find('=');
  if (equals == std::string_view::npos || !base::EqualsIgnoringCase(base::Trim(parameters.substr(0, equals)), "q"))
    return false;
  const auto value = base::Trim(parameters.substr(equals + 1));
  return !value.empty() && value.find_first_not_of("0.") == std::string_view::npos;
}

/// RFC 9110, 12.5.3, as far as it decides whether gzip may be sent.
bool AcceptsGzip(std::string_view accept_encoding) {
  return AnyElement(accept_encoding, [](std::string_view element) {
    const auto semicolon = std::min(element.find(';'), element.size());
    if (!base::EqualsIgnoringCase(base::Trim(element.substr(0, semicolon)), "gzip")) return false;
    return semicolon == element.size() || !QualityIsZero(element.substr(semicolon + 1));
  });
}

/// RFC 9110, 13.1.2: weak comparison, "*" matches whatever exists.
bool MatchesEtag(std::string_view if_none_match, std::string_view etag) {
  return AnyElement(if_none_match, [&](std::string_view element) {
    if (element.substr(0, 2) == "W/") element.remove_prefix(2);
    return element == "*" || element == etag;
  });
}

}  // namespace

const WebAsset* FindWebAsset(std::string_view path) {
  if (path == "/index.html") path = "/";
  const auto assets = WebAssets();
  const auto found =
      std::lower_bound(assets.begin(), assets.end(), path,
                       [](const WebAsset& asset, std::string_view wanted) { return asset.path < wanted; });
  return found != assets.end() && found->path == path ? &*found : nullptr;
}

net::HttpResponse WebResponse(const WebAsset& asset, const net::HttpRequest& request) {
  net::HttpResponse response;
  response.headers = {
      {"Content-Type", std::string(asset.content_type)},
      {"ETag", std::string(asset.etag)},
      {"Cache-Control", asset.immutable ? "public, max-age=31536000, immutable" : "no-cache"},
      {"Vary", "Accept-Encoding"},
      {"Content-Security-Policy", std::string(kContentSecurityPolicy)},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
  };
  if (MatchesEtag(request.Header("if-none-match"), asset.etag)) {
    response.status = 304;
    return response;
  }
  if (!asset.gzip.empty() && AcceptsGzip(request.Header("accept-encoding"))) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = std::string(asset.gzip);
  } else {
    response.body = std::string(asset.body);
  }
  return response;
}

}  // namespace bowhead::api
