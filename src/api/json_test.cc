#include "api/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace bowhead::api {
namespace {

TEST(JsonTest, ReadsEveryKind) {
  const auto parsed = ParseJson(R"({"a":[1,-2,1.5,true,null,"\u00e9"],"b":{},"big":18446744073709551615})");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  const JsonObject& object = *parsed->AsObject();
  const JsonArray& list = *FindKey(object, "a")->AsArray();
  EXPECT_EQ(*list[0].AsInt(), 1);
  EXPECT_EQ(*list[1].AsInt(), -2);
  EXPECT_EQ(list[2].KindName(), "a number");
  EXPECT_TRUE(*list[3].AsBool());
  EXPECT_TRUE(list[4].IsNull());
  EXPECT_EQ(*list[5].AsString(), "\xC3\xA9");
  EXPECT_TRUE(FindKey(object, "b")->AsObject()->empty());
  EXPECT_EQ(FindKey(object, "big")->AsInt(), nullptr);
  EXPECT_EQ(FindKey(object, "c"), nullptr);
}

TEST(JsonTest, RefusesWhatIsNotJson) {
  for (const std::string& text : std::vector<std::string>{
           "", " ", "{", "{\"a\":}", "[1,]", "{} {}", "nul", "01", "1e999", "\"\\ud800\"", "\"\xff\"",
           "\"\xed\xa0\x80\"", "{\"a\":1,\"a\":2}", "{a:1}", "'a'", "\"a\nb\"", "[NaN]", "\xEF\xBB\xBF["}) {
    const auto parsed = ParseJson(text);
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), base::StatusCode::kInvalidArgument) << text;
  }
}

TEST(JsonTest, BoundsDepthAndCount) {
  EXPECT_TRUE(ParseJson(std::string(64, '[') + std::string(64, ']')).ok());
  EXPECT_FALSE(ParseJson(std::string(65, '[') + std::string(65, ']')).ok());
  EXPECT_FALSE(ParseJson(std::string(1'000'000, '[')).ok());
  std::string many = "[0";
  for (int i = 0; i < 100; ++i) many += ",0";
  many += "]";
  EXPECT_FALSE(ParseJson(many, {.max_depth = 2, .max_values = 50}).ok());
  EXPECT_TRUE(ParseJson(many, {.max_depth = 2, .max_values = 200}).ok());
}

TEST(JsonTest, WritesWhatItReads) {
  JsonWriter json;
  json.BeginObject().Field("a\"\\\n\x01", "x\xC3\xA9\xFF").Key("l").BeginArray();
  json.Int(-1).Double(0.5).Bool(true).Null().BeginObject().EndObject().EndArray();
  json.Key("nan").Double(std::numeric_limits<double>::quiet_NaN()).EndObject();
  const std::string text = json.Take();
  EXPECT_EQ(text, "{\"a\\\"\\\\\\n\\u0001\":\"x\xC3\xA9\xEF\xBF\xBD\",\"l\":[-1,0.5,true,null,{}],\"nan\":null}");
  EXPECT_TRUE(ParseJson(text).ok());
}

}  // namespace
}  // namespace bowhead::api
