#include "net/uri.h"

#include <gtest/gtest.h>

#include <string>

namespace bowhead::net {
namespace {

TEST(UriTest, PercentDecode) {
  EXPECT_EQ(*PercentDecode("a%20b%C3%A9+c"), "a b\xC3\xA9+c");
  EXPECT_EQ(*PercentDecode("a+b%2B", true), "a b+");
  EXPECT_EQ(*PercentDecode(""), "");
  for (const char* bad : {"%", "%4", "%g0", "%0g", "a%", "%%41", "%00"}) EXPECT_FALSE(PercentDecode(bad).ok()) << bad;
  EXPECT_FALSE(PercentDecode(std::string_view("a\0b", 3)).ok());
}

TEST(UriTest, EncodeIsTheInverse) {
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  EXPECT_EQ(*PercentDecode(PercentEncode(all), true), all);
  EXPECT_EQ(PercentEncode("a/b ~é"), "a%2Fb%20~%C3%A9");
}

TEST(UriTest, Targets) {
  const auto target = ParseTarget("/v1/a%20b/?x=%41&y");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->path, "/v1/a b/");
  EXPECT_EQ(target->query, "x=%41&y");
  EXPECT_EQ(ParseTarget("HTTP://h:1/p?q")->path, "/p");
  EXPECT_EQ(ParseTarget("/...")->path, "/...");
  EXPECT_EQ(ParseTarget("/a//b")->path, "/a//b");
  EXPECT_EQ(ParseTarget("/?")->query, "");
  for (const char* bad :
       {"",        "a",      "//../x",   "/.",         "/..",     "/a/..", "/%2e%2e/x", "/a/%2E",     "/a%2fb",
        "/a\\b",   "/a%5cb", "/\x01",    "/%0a",       "/%7f",    "/%ff",  "/%c0%ae",   "/%ed%a0%80", "/%f4%90%80%80",
        "/%e2%82", "/a#b",   "http://h", "http://h?x", "ftp://h/"}) {
    EXPECT_FALSE(ParseTarget(bad).ok()) << bad;
  }
}

TEST(UriTest, Queries) {
  const auto query = ParseQuery("a=1&b=x+y%3D&&c&a=2&=v&d==");
  ASSERT_TRUE(query.ok());
  const Parameters expected = {{"a", "1"}, {"b", "x y="}, {"c", ""}, {"a", "2"}, {"", "v"}, {"d", "="}};
  EXPECT_EQ(*query, expected);
  EXPECT_EQ(*FindParameter(*query, "a"), "1");
  EXPECT_EQ(FindParameter(*query, "z"), nullptr);
  EXPECT_TRUE(ParseQuery("")->empty());
  EXPECT_FALSE(ParseQuery("a=%zz").ok());
  EXPECT_FALSE(ParseQuery("a%00=1").ok());
  EXPECT_TRUE(ParseQuery("a&b", {.max_pairs = 2}).ok());
  EXPECT_FALSE(ParseQuery("a&b&c", {.max_pairs = 2}).ok());
  EXPECT_FALSE(ParseQuery("abc", {.max_bytes = 2}).ok());
}

TEST(UriTest, LoopbackHosts) {
  for (const char* host : {"localhost", "LocalHost", "127.0.0.1", "127.255.0.9", "::1", "[::1]", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"", "0.0.0.0", "::", "[::]", "192.168.1.1", "128.0.0.1", "127.0.0", "127.0.0.1.evil.org",
                           "127.0.0.256", "localhost.evil.org", "example.org", "::ffff:10.0.0.1", "1127.0.0.1"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
  EXPECT_EQ(HostAndPort("::1", 80), "[::1]:80");
  EXPECT_EQ(HostAndPort("[::1]", 80), "[::1]:80");
  EXPECT_EQ(HostAndPort("a.b", 80), "a.b:80");
}

}  // namespace
}  // namespace bowhead::net
