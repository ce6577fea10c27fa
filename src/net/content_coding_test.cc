#include "net/content_coding.h"

#include <gtest/gtest.h>

#include <string>

namespace bowhead::net {
namespace {

constexpr std::size_t kLimit = 1 << 20;

TEST(ContentCoding, BothWays) {
  for (const std::string& text : {std::string(), std::string("hello"), std::string(kLimit, 'x')}) {
    for (const ContentCoding coding : {ContentCoding::kIdentity, ContentCoding::kGzip, ContentCoding::kZstd}) {
      const auto encoded = EncodeContent(coding, text);
      ASSERT_TRUE(encoded.ok());
      const auto decoded = DecodeContent(coding, *encoded, kLimit);
      ASSERT_TRUE(decoded.ok()) << decoded.status().message();
      EXPECT_EQ(*decoded, text);
    }
  }
}

TEST(ContentCoding, ABombIsRefusedAtTheLimit) {
  const std::string zeros(64 << 20, '\0');
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    const auto encoded = EncodeContent(coding, zeros);
    ASSERT_TRUE(encoded.ok());
    const auto decoded = DecodeContent(coding, *encoded, kLimit);
    EXPECT_EQ(decoded.status().code(), base::StatusCode::kOutOfRange);
  }
}

TEST(ContentCoding, DamageCutsAndTailsAreRefused) {
  const std::string text = "some text that is compressed, some text that is compressed";
  for (const ContentCoding coding : {ContentCoding::kGzip, ContentCoding::kZstd}) {
    const std::string encoded = *EncodeContent(coding, text);
    for (std::size_t size = 0; size < encoded.size(); ++size) {
      const auto decoded = DecodeContent(coding, encoded.substr(0, size), kLimit);
      EXPECT_FALSE(decoded.ok() && !decoded->empty()) << size;
    }
    EXPECT_FALSE(DecodeContent(coding, encoded + "x", kLimit).ok());
    EXPECT_FALSE(DecodeContent(coding, "hello", kLimit).ok());
  }
}

TEST(ContentCoding, HeadersAreUnderstood) {
  EXPECT_EQ(ParseContentEncoding(""), ContentCoding::kIdentity);
  EXPECT_EQ(ParseContentEncoding(" GZip "), ContentCoding::kGzip);
  EXPECT_EQ(ParseContentEncoding("zstd"), ContentCoding::kZstd);
  EXPECT_FALSE(ParseContentEncoding("br").has_value());
  EXPECT_FALSE(ParseContentEncoding("gzip, gzip").has_value());
  EXPECT_EQ(ChooseContentCoding(""), ContentCoding::kIdentity);
  EXPECT_EQ(ChooseContentCoding("br, deflate"), ContentCoding::kIdentity);
  EXPECT_EQ(ChooseContentCoding("gzip, deflate, br, zstd"), ContentCoding::kZstd);
  EXPECT_EQ(ChooseContentCoding("gzip;q=1.0, zstd;q=0.5"), ContentCoding::kGzip);
  EXPECT_EQ(ChooseContentCoding("gzip;q=0"), ContentCoding::kIdentity);
  EXPECT_EQ(ChooseContentCoding("*;q=0.1, zstd;q=0"), ContentCoding::kGzip);
  EXPECT_EQ(ChooseContentCoding("gzip;q=2"), ContentCoding::kIdentity);
}

}  // namespace
}  // namespace bowhead::net
