// /chat, embeddings, /tokenize and /detokenize over a scripted backend.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/api_fixture_for_test.h"

namespace bowhead::api {
namespace {

class TextRoutesTest : public ApiServerTest {};

TEST_F(TextRoutesTest, PlainChatRemembers) {
  const JsonValue first = Parse(Ask("POST", "/chat", R"({"prompt":"one","max_tokens":20})").body);
  EXPECT_EQ(Text(first, "reply"), "Hello, world");
  const std::string id = Text(first, "conversation_id");
  EXPECT_EQ(Int(first, "turn"), 1);
  const JsonValue second = Parse(Ask("POST", "/chat", "prompt=two%21&conversation_id=" + id,
                                     {{"content-type", "application/x-www-form-urlencoded"}})
                                     .body);
  EXPECT_EQ(Int(second, "turn"), 2);
  const JsonValue third = Parse(Ask("POST", "/chat", {}, {}, "prompt=three&conversation_id=" + id).body);
  EXPECT_EQ(Int(third, "turn"), 3);
  std::string prompt;
  const auto last = backend_->requests().back();
  for (const model::TokenId token : last.prompt) {
    if (token < 256) prompt.push_back(static_cast<char>(token));
  }
  EXPECT_NE(prompt.find("one"), std::string::npos);
  EXPECT_NE(prompt.find("two!"), std::string::npos);
  EXPECT_NE(prompt.find("three"), std::string::npos);
  EXPECT_NE(prompt.find("Hello, world"), std::string::npos);
  // curl -d without a header calls everything a form.
  EXPECT_EQ(Ask("POST", "/chat", R"({"prompt":"x"})", {{"content-type", "application/x-www-form-urlencoded"}}).status,
            200);
}

TEST_F(TextRoutesTest, PlainChatMistakes) {
  for (const std::string& body :
       std::vector<std::string>{"", "{}", R"({"prompt":""})", R"({"prompt":1})", R"({"prompt":"x","max_tokens":0})",
                                R"({"prompt":"x","max_token":5})", R"({"prompt":"x","conversation_id":"a b"})", "[]",
                                "{\"prompt\":\"\xff\"}", "hello"}) {
    EXPECT_EQ(Ask("POST", "/chat", body).status, 400) << body;
  }
  const net::Headers form = {{"content-type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(Ask("POST", "/chat", "prompt=a&prompt=b", form).status, 400);
  EXPECT_EQ(Ask("POST", "/chat", "prompt=%ff", form).status, 400);
  EXPECT_EQ(Ask("POST", "/chat", "prompt=a&max_tokens=many", form).status, 400);
  EXPECT_EQ(Ask("POST", "/chat", R"({"prompt":"a"})", {}, "prompt=b").status, 400);
  EXPECT_TRUE(backend_->requests().empty());
}

TEST_F(TextRoutesTest, Embeddings) {
  const JsonValue json = Parse(Ask("POST", "/v1/embeddings", R"({"input":["a","bcd",[1,2]]})").body);
  ASSERT_EQ(At(json, "data").AsArray()->size(), 3U);
  EXPECT_EQ(At(json, "data.0.embedding").AsArray()->size(), 4U);
  EXPECT_EQ(Int(json, "usage.prompt_tokens"), 6);
  const JsonValue base64 = Parse(Ask("POST", "/v1/embeddings", R"({"input":"a","encoding_format":"base64"})").body);
  EXPECT_EQ(Text(base64, "data.0.embedding"), "AACAPwAAAD8AAIC+AACAPw==");
  std::string many = R"({"input":["x")";
  for (int i = 0; i < 100; ++i) many += R"(,"x")";
  EXPECT_EQ(At(Parse(Ask("POST", "/v1/embeddings", many + "]}").body), "data").AsArray()->size(), 101U);
  for (const std::string& body :
       std::vector<std::string>{R"({"input":[]})", R"({"input":""})", R"({"input":[[]]})", R"({"input":[1,"a"]})",
                                R"({"input":"a","dimensions":2})", R"({"input":"a","encoding_format":"hex"})",
                                R"({"input":[99999]})", R"({})", R"({"input":"a","inputs":"b"})"}) {
    EXPECT_EQ(Ask("POST", "/v1/embeddings", body).status, 400) << body;
  }
}

TEST_F(TextRoutesTest, TokenizeAndBack) {
  const JsonValue json =
      Parse(Ask("POST", "/tokenize", R"({"content":"hi<eos>","parse_special":true,"with_pieces":true})").body);
  EXPECT_EQ(Int(json, "count"), 3);
  EXPECT_EQ(Int(json, "tokens.2"), 257);
  EXPECT_EQ(Text(json, "pieces.0"), "h");
  EXPECT_EQ(Int(Parse(Ask("POST", "/tokenize", R"({"content":"hi<eos>"})").body), "count"), 7);
  EXPECT_EQ(Text(Parse(Ask("POST", "/detokenize", R"({"tokens":[104,105]})").body), "content"), "hi");
  EXPECT_EQ(Ask("POST", "/detokenize", R"({"tokens":[260]})").status, 400);
  EXPECT_EQ(Ask("POST", "/detokenize", R"({"tokens":[-1]})").status, 400);
  EXPECT_EQ(Ask("POST", "/tokenize", R"({"content":5})").status, 400);
}

}  // namespace
}  // namespace bowhead::api
