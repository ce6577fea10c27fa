#include "grammar/json_value.h"

#include <gtest/gtest.h>

#include <string>

namespace bowhead::grammar {
namespace {

TEST(JsonValue, KeepsDigitsAndOrder) {
  const std::string text = R"({"b":1.50,"a":[12345678901234567890123,-0,1e5,true,null],"c":"x\"\\\né\u0000"})";
  const auto value = JsonValue::Parse(text, 8);
  ASSERT_TRUE(value.ok()) << value.status().ToString();
  EXPECT_EQ(value->ToText(), text);
}

TEST(JsonValue, Unescapes) {
  const auto value = JsonValue::Parse(R"("\u0041\/\ud83d\ude00")", 1);
  ASSERT_TRUE(value.ok());
  EXPECT_EQ(value->text(), "A/\xF0\x9F\x98\x80");
}

TEST(JsonValue, IsStrict) {
  for (const char* text : {"",
                           "{",
                           "[1,]",
                           "{\"a\":1,}",
                           "01",
                           "1.",
                           "-",
                           ".5",
                           "+1",
                           "'a'",
                           "nul",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\n\"",
                           "\"\xFF\"",
                           "\"\\x\"",
                           "{\"a\":1,\"a\":2}",
                           "1 2",
                           "{a:1}",
                           "[1 2]",
                           "\"abc",
                           "1e",
                           "tru"}) {
    EXPECT_FALSE(JsonValue::Parse(text, 8).ok()) << text;
  }
  EXPECT_FALSE(JsonValue::Parse(std::string(1'000'000, '['), 64).ok());
  EXPECT_TRUE(JsonValue::Parse("[[1]]", 2).ok());
  EXPECT_FALSE(JsonValue::Parse("[[[1]]]", 2).ok());
}

}  // namespace
}  // namespace bowhead::grammar
