#include "model/template/unicode.h"

#include <gtest/gtest.h>

#include <string>

namespace bowhead::model {
namespace {

TEST(TemplateUnicode, EveryCodePointRoundTrips) {
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c == 0xD800) c = 0xE000;
    std::string text;
    AppendUtf8(text, c);
    const CodePoint decoded = DecodeAt(text, 0);
    ASSERT_EQ(decoded.value, c);
    ASSERT_EQ(decoded.size, text.size());
    ASSERT_EQ(PreviousStart("a" + text, text.size() + 1), 1U);
  }
}

TEST(TemplateUnicode, BytesThatAreNotUtf8StandAlone) {
  // Overlong, surrogate, beyond the last code point, cut short, stray continuation.
  for (const std::string bytes : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80", "\xFF"}) {
    EXPECT_EQ(DecodeAt(bytes, 0).size, 1U) << bytes;
    EXPECT_EQ(CountCodePoints(bytes), bytes.size()) << bytes;
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); ++i) AppendUtf8(out, DecodeAt(bytes, i).value);
    EXPECT_EQ(out, bytes);
    for (std::size_t end = bytes.size(); end > 0; --end) EXPECT_EQ(PreviousStart(bytes, end), end - 1);
  }
}

TEST(TemplateUnicode, OffsetsStopAtTheEnd) {
  EXPECT_EQ(OffsetOf("a\xC3\xBC"
                     "b",
                     2),
            3U);
  EXPECT_EQ(OffsetOf("abc", 10), 3U);
  EXPECT_EQ(OffsetOf("", 0), 0U);
}

TEST(TemplateUnicode, CaseMappingsOfSeveralCharacters) {
  EXPECT_EQ(ToUpper(0xDF), (Mapped{'S', 'S', 0}));       // ß
  EXPECT_EQ(ToTitle(0x1C4), (Mapped{0x1C5, 0, 0}));      // Ǆ to ǅ
  EXPECT_EQ(ToLower(0x130), (Mapped{'i', 0x307, 0}));    // İ
  EXPECT_EQ(ToUpper(0xFB03), (Mapped{'F', 'F', 'I'}));   // ﬃ
  EXPECT_EQ(ToLower(0x10400), (Mapped{0x10428, 0, 0}));  // Deseret
  EXPECT_EQ(ToUpper(0x4E2D), (Mapped{0x4E2D, 0, 0}));    // no case
}

TEST(TemplateUnicode, Classes) {
  EXPECT_TRUE(IsSpace(0x3000));
  EXPECT_FALSE(IsSpace(0x200B));
  EXPECT_TRUE(IsLineBreak(0x85));
  EXPECT_FALSE(IsPrintable(0x7F));
  EXPECT_FALSE(IsPrintable(0xE000));
  EXPECT_TRUE(IsPrintable(0x1F642));
  EXPECT_TRUE(IsAlpha(0x5D0));
  EXPECT_FALSE(IsUpper(0x1C5));
  EXPECT_TRUE(IsCased(0x1C5));
  EXPECT_TRUE(IsDigit(0xB2));
  EXPECT_FALSE(IsDecimal(0xB2));
}

}  // namespace
}  // namespace bowhead::model
