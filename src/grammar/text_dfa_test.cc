#include "grammar/text_dfa.h"

#include <gtest/gtest.h>

#include <string>

#include "grammar/number_dfa.h"
#include "grammar/string_formats.h"

namespace bowhead::grammar {
namespace {

TextDfa Dfa(std::string_view pattern, bool search) {
  Budget budget{Limits()};
  const auto regex = ParseRegex(pattern, Limits());
  EXPECT_TRUE(regex.ok()) << regex.status().ToString();
  auto dfa = TextDfa::FromRegex(*regex, search, budget);
  EXPECT_TRUE(dfa.ok()) << dfa.status().ToString();
  return std::move(dfa).value();
}

bool Full(std::string_view pattern, std::string_view text) {
  return Dfa(pattern, false).Match(text) >= 0;
}
bool Found(std::string_view pattern, std::string_view text) {
  return Dfa(pattern, true).Match(text) >= 0;
}

TEST(TextDfa, MatchesWholeTexts) {
  EXPECT_TRUE(Full("a(b|c)*d", "abcbd"));
  EXPECT_FALSE(Full("a(b|c)*d", "xabcbd"));
  EXPECT_TRUE(Full("[^a-c]{2,3}", "xyz"));
  EXPECT_FALSE(Full("[^a-c]{2,3}", "x"));
  EXPECT_FALSE(Full("[^a-c]{2,3}", "xyzw"));
  EXPECT_TRUE(Full("(?:x+?)(?<name>y)", "xxy"));
  EXPECT_TRUE(Full("\\p{L}+", "\xC3\xA4\xCE\xA9\xE6\x97\xA5"));
  EXPECT_FALSE(Full("\\d", "\xD9\xA3"));  // an Arabic digit is no \d
  EXPECT_TRUE(Full("\\u{1F600}\\x41",
                   "\xF0\x9F\x98\x80"
                   "A"));
  EXPECT_TRUE(Full("[\\]\\-x]", "-"));
  EXPECT_TRUE(Full("", ""));
  EXPECT_TRUE(Dfa("[]", false).empty());
}

TEST(TextDfa, SearchesWithAnchors) {
  EXPECT_TRUE(Found("b", "abc"));
  EXPECT_TRUE(Found("^ab", "abc"));
  EXPECT_FALSE(Found("^b", "abc"));
  EXPECT_TRUE(Found("c$", "abc"));
  EXPECT_FALSE(Found("b$", "abc"));
  EXPECT_TRUE(Found("^a|c$", "xxc"));
  EXPECT_FALSE(Found("^a|c$", "xxcx"));
  EXPECT_TRUE(Found("^$", ""));
  EXPECT_FALSE(Found("^$", "x"));
  EXPECT_TRUE(Dfa("x^a", true).empty());
  EXPECT_TRUE(Found("(^|,)a(,|$)", "b,a"));
}

TEST(TextDfa, RefusesWhatNoAutomatonCanDo) {
  for (const char* pattern : {"(?=a)", "(?!a)", "(?<=a)", "(a)\\1", "\\bword", "\\p{Greek}"}) {
    EXPECT_EQ(ParseRegex(pattern, Limits()).status().code(), base::StatusCode::kUnimplemented) << pattern;
  }
  for (const char* pattern : {"(", ")", "[", "a{2,1}", "*", "a**", "\\", "[z-a]", "\\q", "(?<n", "a{99999999}"}) {
    EXPECT_EQ(ParseRegex(pattern, Limits()).status().code(), base::StatusCode::kInvalidArgument) << pattern;
  }
  EXPECT_FALSE(ParseRegex(std::string(100'000, '('), Limits()).ok());
}

TEST(TextDfa, ExplosionsEnd) {
  for (const char* pattern : {"(a|b)*a(a|b){20}", "((((a{100}){100}){100}){100})", "(x+x+)+y{1,5000}(.{0,500}z){50}"}) {
    Budget budget{Limits()};
    const auto regex = ParseRegex(pattern, Limits());
    ASSERT_TRUE(regex.ok());
    EXPECT_EQ(TextDfa::FromRegex(*regex, false, budget).status().code(), base::StatusCode::kResourceExhausted)
        << pattern;
  }
}

bool InRange(const NumberRange& range, std::string_view number) {
  Budget budget{Limits()};
  const auto dfa = NumberDfa(range, budget);
  EXPECT_TRUE(dfa.ok()) << dfa.status().ToString();
  return dfa->Match(number) >= 0;
}

NumberBound Bound(std::string_view value, bool exclusive = false) {
  return {*Decimal::Parse(value), exclusive};
}

TEST(NumberDfa, IntegersInEveryRange) {
  for (const int min : {-112, -100, -10, -1, 0, 1, 9, 10, 57, 105}) {
    for (const int max : {-105, -11, -9, 0, 5, 10, 99, 120}) {
      if (min > max) continue;
      const NumberRange range = {true, Bound(std::to_string(min)), Bound(std::to_string(max), true), 1};
      for (int i = -130; i <= 130; ++i) {
        ASSERT_EQ(InRange(range, std::to_string(i)), min <= i && i < max) << min << " " << max << " " << i;
      }
    }
  }
}

TEST(NumberDfa, Multiples) {
  const NumberRange range = {true, Bound("-20"), std::nullopt, 7};
  for (int i = -40; i <= 100; ++i) EXPECT_EQ(InRange(range, std::to_string(i)), i >= -20 && i % 7 == 0) << i;
  EXPECT_FALSE(InRange(range, "7.0"));
}

TEST(NumberDfa, Fractions) {
  const NumberRange range = {false, Bound("-1.25"), Bound("10.5", true), 1};
  for (const char* number : {"-1.25", "-1.250", "-1.2", "-0", "0", "0.0001", "9.99", "10", "10.49999", "10.4"}) {
    EXPECT_TRUE(InRange(range, number)) << number;
  }
  for (const char* number :
       {"-1.2500001", "-1.3", "-2", "10.5", "10.50", "10.6", "11", "1e0", "01", "1.", ".5", "+1"}) {
    EXPECT_FALSE(InRange(range, number)) << number;
  }
  const NumberRange positive = {false, Bound("0", true), std::nullopt, 1};
  EXPECT_TRUE(InRange(positive, "0.1"));
  EXPECT_FALSE(InRange(positive, "0"));
  EXPECT_FALSE(InRange(positive, "0.0"));
  EXPECT_FALSE(InRange(positive, "-1"));
}

TEST(NumberDfa, WithoutBounds) {
  EXPECT_TRUE(InRange({false, {}, {}, 1}, "-12.5e-7"));
  EXPECT_TRUE(InRange({true, {}, {}, 1}, "9007199254740993"));
  EXPECT_FALSE(InRange({true, {}, {}, 1}, "1.0"));
  EXPECT_FALSE(InRange({true, {}, {}, 1}, "007"));
}

TEST(Decimal, KeepsEveryDigit) {
  EXPECT_EQ(Decimal::Parse("12.50e1")->ToText(), "125");
  EXPECT_EQ(Decimal::Parse("-1.5e-3")->ToText(), "-0.0015");
  EXPECT_EQ(Decimal::Parse("-0.0")->ToText(), "0");
  EXPECT_EQ(Decimal::Parse("0.1e1"), Decimal::Parse("1"));
  EXPECT_FALSE(Decimal::Parse("1e999").has_value());
  EXPECT_LT(Compare(*Decimal::Parse("-2"), *Decimal::Parse("-1.5")), 0);
  EXPECT_GT(Compare(*Decimal::Parse("0.11"), *Decimal::Parse("0.1")), 0);
}

bool HasFormat(std::string_view format, std::string_view text) {
  return Full(*FormatPattern(format), text);
}

TEST(StringFormats, DatesAsTheCalendarHasThem) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const TextDfa dates = Dfa(*FormatPattern("date"), false);
  for (const int year : {1, 4, 100, 400, 1900, 1999, 2000, 2024, 2100, 9999}) {
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    for (int month = 0; month <= 13; ++month) {
      for (int day = 0; day <= 32; ++day) {
        char text[32];
        std::snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
        const bool valid =
            month >= 1 && month <= 12 && day >= 1 && day <= kDays[month - 1] + (leap && month == 2 ? 1 : 0);
        ASSERT_EQ(dates.Match(text) >= 0, valid) << text;
      }
    }
  }
}

TEST(StringFormats, Others) {
  EXPECT_TRUE(HasFormat("date-time", "2024-02-29T23:59:59.123Z"));
  EXPECT_FALSE(HasFormat("date-time", "2024-02-29 23:59:59Z"));
  EXPECT_FALSE(HasFormat("time", "24:00:00Z"));
  EXPECT_TRUE(HasFormat("ipv4", "255.0.10.199"));
  EXPECT_FALSE(HasFormat("ipv4", "256.0.0.1"));
  EXPECT_FALSE(HasFormat("ipv4", "01.0.0.1"));
  for (const char* address : {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "1:2:3:4:5:6:7::"}) {
    EXPECT_TRUE(HasFormat("ipv6", address)) << address;
  }
  for (const char* address :
       {":", ":::", "1:2:3:4:5:6:7", "1::2::3", "1:2:3:4:5:6:7:8::", "12345::", "::1:2:3:4:5:6:7:8"}) {
    EXPECT_FALSE(HasFormat("ipv6", address)) << address;
  }
  EXPECT_TRUE(HasFormat("email", "a.b+c@example.org"));
  EXPECT_FALSE(HasFormat("email", "a..b@example.org"));
  EXPECT_TRUE(HasFormat("uri", "https://example.org:80/a/b?c=d#e"));
  EXPECT_FALSE(HasFormat("uri", "//example.org"));
  EXPECT_TRUE(HasFormat("duration", "P1Y2M3DT4H5M6S"));
  EXPECT_FALSE(HasFormat("duration", "P"));
  EXPECT_FALSE(HasFormat("duration", "P1DT"));
  EXPECT_TRUE(HasFormat("uuid", "123e4567-e89b-12d3-a456-426614174000"));
  EXPECT_FALSE(FormatPattern("idn-email").has_value());
}

}  // namespace
}  // namespace bowhead::grammar
