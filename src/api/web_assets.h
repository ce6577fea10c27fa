// The files of the chat page, embedded in the binary by cmake/web.cmake (or one page that says how to embed them).
#pragma once

#include <span>
#include <string_view>

#include "net/http_server.h"

namespace bowhead::api {

/// One file of the page. All views point into the binary's read-only data and live as long as the process.
struct WebAsset {
  std::string_view path;          // "/assets/index-1a2b3c4d.js"; the page itself is "/"
  std::string_view content_type;  // "text/html; charset=utf-8"
  std::string_view etag;          // quoted, strong: `"6f1ed002ab559585"`
  bool immutable = false;         // the name carries a hash of the content: may be cached for ever
  std::string_view body;          // as it is
  std::string_view gzip;          // the same, compressed; empty where that would not be smaller
};

/// Every embedded file, sorted by path.
[[nodiscard]] std::span<const WebAsset> WebAssets();

/// The file at a request's path ("/index.html" is "/"), or null. Thread-safe.
[[nodiscard]] const WebAsset* FindWebAsset(std::string_view path);

/// The answer to a GET or HEAD of the file: chooses gzip by Accept-Encoding, answers 304 to a matching If-None-Match,
/// and sets caching, a Content-Security-Policy without inline code, and the other security headers. The body of a HEAD
/// is left for the server to drop.
[[nodiscard]] net::HttpResponse WebResponse(const WebAsset& asset, const net::HttpRequest& request);

}  // namespace bowhead::api
