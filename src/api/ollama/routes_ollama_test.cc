// Ollama's routes over a scripted model whose template is of the Hermes kind.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/api_fixture_for_test.h"

namespace bowhead::api {
namespace {

class OllamaRoutesTest : public ApiServerTest {
 protected:
  void SetUp() override {
    template_ = *model::ChatTemplate::Parse(kHermesTemplate, "test");
    Serve();
  }
  net::HttpResponse Post(const std::string& more) {
    return Ask("POST", "/api/chat",
               R"({"model":"scripted:latest","messages":[{"role":"user","content":"Hi"}])" + more + "}");
  }
};

constexpr std::string_view kTools = R"(,"tools":[{"type":"function","function":{"name":"weather","parameters":{}}}])";

std::vector<JsonValue> Lines(const std::string& body) {
  std::vector<JsonValue> lines;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find('\n', at);
    EXPECT_NE(end, std::string::npos);
    lines.push_back(Parse(body.substr(at, end - at)));
    at = end + 1;
  }
  return lines;
}

TEST_F(OllamaRoutesTest, CallsComeWholeAndReasoningApart) {
  backend_->script =
      "<think>hm</think>\n<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>"
      "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}</tool_call>";
  std::string thinking;
  std::vector<std::string> cities;
  const auto lines = Lines(Post(std::string(kTools)).body);
  for (const JsonValue& line : lines) {
    if (const std::string* text = At(line, "message.thinking").AsString()) thinking += *text;
    EXPECT_EQ(Text(line, "message.content"), "");
    if (At(line, "message.tool_calls").AsArray() == nullptr) continue;
    EXPECT_EQ(Text(line, "message.tool_calls.0.function.name"), "weather");
    cities.push_back(Text(line, "message.tool_calls.0.function.arguments.city"));
  }
  EXPECT_EQ(thinking, "hm");
  EXPECT_EQ(cities, (std::vector<std::string>{"Oslo", "Rome"}));
  EXPECT_TRUE(*At(lines.back(), "done").AsBool());
  const JsonValue whole = Parse(Post(std::string(kTools) + R"(,"stream":false)").body);
  EXPECT_EQ(Text(whole, "message.tool_calls.1.function.arguments.city"), "Rome");
  EXPECT_EQ(Text(whole, "message.thinking"), "hm");
}

TEST_F(OllamaRoutesTest, OptionsReachTheSampler) {
  EXPECT_EQ(Post(R"(,"think":false,"options":{"seed":3,"top_k":7,"num_predict":5,"num_ctx":4096})").status, 200);
  EXPECT_EQ(Post(R"(,"options":{"temperature":0,"num_predict":-1})").status, 200);
  const auto requests = backend_->requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].sampling.top_k, 7);
  EXPECT_EQ(requests[0].sampling.seed, 3U);
  EXPECT_EQ(requests[0].max_tokens, 5);
  EXPECT_FLOAT_EQ(requests[0].sampling.temperature, 0.8F);
  EXPECT_FLOAT_EQ(requests[1].sampling.temperature, 0.0F);
  EXPECT_GT(requests[1].max_tokens, 100);
  EXPECT_NE(ByteTokenizer().Decode(requests[0].prompt, true).find("<think></think>"), std::string::npos);
}

TEST_F(OllamaRoutesTest, AFormatOrACall) {
  EXPECT_EQ(Post(std::string(kTools) + R"(,"format":"json","think":"low")").status, 200);
  for (const char* text : {R"({"a": 1})", R"(<tool_call>{"name": "weather", "arguments": {}}</tool_call>)",
                           R"(<think>Hm</think>{"a": 1})"}) {
    grammar::Matcher matcher(backend_->requests().back().constraint);
    EXPECT_TRUE(matcher.Accept(text) && matcher.CanEnd()) << text;
  }
  EXPECT_EQ(Post(R"(,"think":"much")").status, 400);
}

TEST_F(OllamaRoutesTest, ErrorsHaveOllamasShape) {
  const net::HttpResponse wrong = Post(R"(,"options":{"warmth":1})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_NE(Text(Parse(wrong.body), "error").find("options.warmth"), std::string::npos);
  backend_->fail_at_end = true;
  EXPECT_EQ(Text(Lines(Post("").body).back(), "error"), "the script failed");
}

}  // namespace
}  // namespace bowhead::api
