#include "api/web_assets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace bowhead::api {
namespace {

constexpr WebAsset kScript{"/assets/a-12345678.js", "text/javascript; charset=utf-8", "\"abc\"", true, "plain", "zip"};
constexpr WebAsset kPage{"/", "text/html; charset=utf-8", "\"def\"", false, "<!doctype html>", ""};

net::HttpRequest Get(net::Headers headers) {
  net::HttpRequest request;
  request.method = "GET";
  request.headers = std::move(headers);
  return request;
}

std::string HeaderOf(const net::HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "(none)";
}

TEST(WebAssets, ThePageIsThereUnderBothItsNames) {
  const auto* page = FindWebAsset("/");
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(FindWebAsset("/index.html"), page);
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_FALSE(page->immutable);
  EXPECT_NE(page->body.find("Bowhead"), std::string_view::npos);
}

TEST(WebAssets, UnknownPathsAreNull) {
  for (const char* path : {"", "//", "/assets", "/assets/", "/../etc/passwd", "/index.htm", "/INDEX.HTML"}) {
    EXPECT_EQ(FindWebAsset(path), nullptr) << path;
  }
}

TEST(WebAssets, TheTableIsSortedAndEachFileFindsItself) {
  const auto assets = WebAssets();
  EXPECT_TRUE(std::is_sorted(assets.begin(), assets.end(),
                             [](const WebAsset& a, const WebAsset& b) { return a.path < b.path; }));
  for (const auto& asset : assets) {
    EXPECT_EQ(FindWebAsset(asset.path), &asset);
    EXPECT_FALSE(asset.body.empty()) << asset.path;
    EXPECT_EQ(asset.etag.size(), 18U) << asset.path;
    if (!asset.gzip.empty()) {
      EXPECT_LT(asset.gzip.size(), asset.body.size()) << asset.path;
      EXPECT_EQ(asset.gzip.substr(0, 2), "\x1f\x8b") << asset.path;
    }
  }
}

TEST(WebAssets, NothingInThePageIsInlineOrFromElsewhere) {
  const auto html = FindWebAsset("/")->body;
  EXPECT_EQ(html.find("<script>"), std::string_view::npos);
  EXPECT_EQ(html.find(" style="), std::string_view::npos);
  EXPECT_EQ(html.find("http://"), std::string_view::npos);
  EXPECT_EQ(html.find("https://"), std::string_view::npos);
}

TEST(WebResponse, SendsGzipOnlyToThoseWhoTakeIt) {
  for (const char* accept : {"gzip", "deflate, gzip;q=1.0, *;q=0.5", "br , GZIP", "gzip;q=0.001"}) {
    const auto response = WebResponse(kScript, Get({{"accept-encoding", accept}}));
    EXPECT_EQ(response.body, "zip") << accept;
    EXPECT_EQ(HeaderOf(response, "Content-Encoding"), "gzip") << accept;
  }
  for (const char* accept : {"", "identity", "br", "gzip;q=0", "gzip; q=0.000", "xgzip", ",,"}) {
    const auto response = WebResponse(kScript, Get({{"accept-encoding", accept}}));
    EXPECT_EQ(response.body, "plain") << accept;
    EXPECT_EQ(HeaderOf(response, "Content-Encoding"), "(none)") << accept;
  }
  EXPECT_EQ(WebResponse(kPage, Get({{"accept-encoding", "gzip"}})).body, "<!doctype html>");
}

TEST(WebResponse, CachesHashedFilesForEverAndRevalidatesThePage) {
  EXPECT_EQ(HeaderOf(WebResponse(kScript, Get({})), "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(HeaderOf(WebResponse(kPage, Get({})), "Cache-Control"), "no-cache");
  EXPECT_EQ(HeaderOf(WebResponse(kPage, Get({})), "Vary"), "Accept-Encoding");
}

TEST(WebResponse, AnswersNotModifiedToAMatchingTag) {
  for (const char* tags : {"\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"}) {
    const auto response = WebResponse(kScript, Get({{"if-none-match", tags}}));
    EXPECT_EQ(response.status, 304) << tags;
    EXPECT_TRUE(response.body.empty()) << tags;
    EXPECT_EQ(HeaderOf(response, "ETag"), "\"abc\"") << tags;
  }
  for (const char* tags : {"", "abc", "\"ab\"", "\"abcd\"", "\"x\",\"y\""}) {
    EXPECT_EQ(WebResponse(kScript, Get({{"if-none-match", tags}})).status, 200) << tags;
  }
}

TEST(WebResponse, EveryAnswerCarriesTheSecurityHeaders) {
  for (const auto& request : {Get({}), Get({{"if-none-match", "*"}})}) {
    const auto response = WebResponse(kPage, request);
    const auto policy = HeaderOf(response, "Content-Security-Policy");
    EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(HeaderOf(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(HeaderOf(response, "Referrer-Policy"), "no-referrer");
  }
}

}  // namespace
}  // namespace bowhead::api
