#include "model/tokenizer/unicode.h"

#include <gtest/gtest.h>

namespace bowhead::model {
namespace {

DecodedChar Decode(std::string_view text) {
  return DecodeUtf8(text.data(), text.data() + text.size());
}

std::string WellFormed(std::string_view text) {
  std::string out;
  AppendWellFormed(text, out);
  return out;
}

TEST(Unicode, DecodesWhatItEncodes) {
  for (char32_t c = 0; c <= 0x10FFFF; c += (c < 0x3000 ? 1 : 61)) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, text);
    const DecodedChar decoded = Decode(text + "x");
    EXPECT_TRUE(decoded.valid);
    EXPECT_EQ(decoded.value, c);
    EXPECT_EQ(decoded.length, text.size());
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      EXPECT_FALSE(Decode(text.substr(0, cut)).valid);
      EXPECT_EQ(CompletePrefix(text.substr(0, cut)), 0U);
    }
  }
}

TEST(Unicode, RefusesWhatIsNoUtf8) {
  for (const std::string_view text :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF", "\xC3(", "\xE2\x82"}) {
    const DecodedChar c = Decode(text);
    EXPECT_FALSE(c.valid);
    EXPECT_EQ(c.length, 1U);
    EXPECT_EQ(c.value, kReplacement);
  }
}

TEST(Unicode, FindsUnfinishedCharacters) {
  EXPECT_EQ(CompletePrefix(""), 0U);
  EXPECT_EQ(CompletePrefix("abc"), 3U);
  EXPECT_EQ(CompletePrefix("ab\xF0\x9F\x98"), 2U);
  EXPECT_EQ(CompletePrefix("ab\xF0\x9F\x98\x80"), 6U);
  EXPECT_EQ(CompletePrefix("ab\xE0\x80"), 4U);  // can never become valid
  EXPECT_EQ(CompletePrefix("ab\x80\x80\x80\x80"), 6U);
  EXPECT_EQ(CompletePrefix("ab\xFF"), 3U);
}

// The expected values are Python's: bytes.decode(errors="replace").
TEST(Unicode, ReplacesMaximalParts) {
  EXPECT_EQ(WellFormed("a\xFF"
                       "b"),
            "a\uFFFDb");
  EXPECT_EQ(WellFormed("\xE2\x82"), "\uFFFD");
  EXPECT_EQ(WellFormed("\xE2\x82x"), "\uFFFDx");
  EXPECT_EQ(WellFormed("\xE2\x82\xE2\x82\xAC"), "\uFFFD\u20AC");
  EXPECT_EQ(WellFormed("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(WellFormed("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(WellFormed("\xF0\x9F\x98"), "\uFFFD");
  EXPECT_EQ(WellFormed("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(Unicode, KnowsProperties) {
  const UnicodeTable& table = UnicodeTable::Get();
  EXPECT_TRUE(table.Lookup('A').In(kUpperLetters));
  EXPECT_TRUE(table.Lookup(0x1C5).In(CategoryBit(Category::kLt)));
  EXPECT_TRUE(table.Lookup(0x4E00).In(kOtherLetters));
  EXPECT_TRUE(table.Lookup(0x301).In(kMarks));
  EXPECT_TRUE(table.Lookup(0x0663).In(kNumbers));
  EXPECT_TRUE(table.Lookup(0x0663).numeric());
  EXPECT_TRUE(table.Lookup(0x3000).space());
  EXPECT_TRUE(table.Lookup('\n').space());
  EXPECT_FALSE(table.Lookup(0x200B).space());
  EXPECT_TRUE(table.Lookup('!').In(kPunctuation));
  EXPECT_TRUE(table.Lookup(0x1F600).In(kSymbols));
  EXPECT_TRUE(table.Lookup(0x40000).In(CategoryBit(Category::kCn)));
  EXPECT_TRUE(table.Lookup(0x10FFFF).In(CategoryBit(Category::kCn)));
  EXPECT_TRUE(table.LookupAscii('z').In(kLowerLetters));
}

}  // namespace
}  // namespace bowhead::model
