// OpenAI's Responses API over a scripted model whose template is of the Hermes kind.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/api_fixture_for_test.h"

namespace bowhead::api {
namespace {

class ResponsesRoutesTest : public ApiServerTest {
 protected:
  void SetUp() override {
    template_ = *model::ChatTemplate::Parse(kHermesTemplate, "test");
    Serve();
  }
  net::HttpResponse Post(const std::string& more) {
    return Ask("POST", "/v1/responses", R"({"input":"Hi")" + more + "}");
  }
  std::string Prompt() { return ByteTokenizer().Decode(backend_->requests().back().prompt, true); }
};

constexpr std::string_view kTools = R"(,"tools":[{"type":"function","name":"weather","parameters":{"type":"object"}}])";
constexpr std::string_view kScript =
    "<think>hm</think>Look:\n<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>";

TEST_F(ResponsesRoutesTest, ReasoningTextAndCallAreItems) {
  backend_->script = kScript;
  const JsonValue json = Parse(Post(std::string(kTools)).body);
  EXPECT_EQ(Text(json, "output.0.content.0.text"), "hm");
  EXPECT_EQ(Text(json, "output.1.content.0.text"), "Look:");
  EXPECT_EQ(Text(json, "output.2.name"), "weather");
  EXPECT_EQ(Text(json, "output.2.arguments"), "{\"city\": \"Oslo\"}");
  EXPECT_EQ(Text(json, "status"), "completed");
  EXPECT_EQ(Text(json, "tools.0.name"), "weather");
}

TEST_F(ResponsesRoutesTest, EventsOpenGrowAndCloseEveryItem) {
  backend_->script = kScript;
  const std::string body = Post(std::string(kTools) + R"(,"stream":true)").body;
  std::vector<std::string> items;
  std::int64_t sequence = 0;
  std::string last;
  for (std::size_t at = body.find("data: "); at != std::string::npos; at = body.find("data: ", at + 1)) {
    const JsonValue event = Parse(body.substr(at + 6, body.find('\n', at) - at - 6));
    last = Text(event, "type");
    EXPECT_EQ(Int(event, "sequence_number"), sequence++);
    if (last == "response.output_item.added") items.push_back(Text(event, "item.type") + " ");
    if (last.ends_with(".delta")) {
      EXPECT_EQ(Int(event, "output_index"), static_cast<std::int64_t>(items.size()) - 1);
      items.back() += Text(event, "delta");
    }
    if (last == "response.output_item.done") items.back() += "|";
  }
  EXPECT_EQ(items,
            (std::vector<std::string>{"reasoning hm|", "message Look:|", "function_call {\"city\": \"Oslo\"}|"}));
  EXPECT_EQ(last, "response.completed");
}

TEST_F(ResponsesRoutesTest, ACallIsAnsweredInTheNextRequest) {
  backend_->script = kScript;
  const JsonValue first = Parse(Post(std::string(kTools)).body);
  backend_->script = "Rain.";
  const net::HttpResponse second = Ask("POST", "/v1/responses",
                                       R"({"instructions":"Be brief.","previous_response_id":")" + Text(first, "id") +
                                           R"(","input":[{"type":"function_call_output","call_id":")" +
                                           Text(first, "output.2.call_id") + R"(","output":"rain"}]})");
  EXPECT_EQ(second.status, 200) << second.body;
  const std::string prompt = Prompt();
  std::size_t at = 0;
  for (const char* part : {"system Be brief.", "user Hi", "assistant Look:", "{\"city\": \"Oslo\"}", "tool rain"}) {
    at = prompt.find(part, at);
    EXPECT_NE(at, std::string::npos) << part << " in " << prompt;
  }
}

TEST_F(ResponsesRoutesTest, ToolChoiceIsKeptAndRepeated) {
  const auto may = [this](std::string_view text) {
    grammar::Matcher matcher(backend_->requests().back().constraint);
    return matcher.Accept(text) && matcher.CanEnd();
  };
  const std::string call = R"(<tool_call>{"name": "weather", "arguments": {}}</tool_call>)";
  for (const char* choice :
       {"\"required\"", R"({"type":"function","name":"weather"})",
        R"({"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"weather"}]})"}) {
    const net::HttpResponse response = Post(std::string(kTools) + R"(,"tool_choice":)" + choice);
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_TRUE(may(call) && !may("Hi")) << choice;
    EXPECT_EQ(ToJsonText(At(Parse(response.body), "tool_choice")), choice);
  }
  const JsonValue single = Parse(Post(std::string(kTools) + R"(,"parallel_tool_calls":false)").body);
  EXPECT_TRUE(may(call) && may("Hi") && !may(call + call));
  EXPECT_FALSE(*At(single, "parallel_tool_calls").AsBool());
  EXPECT_EQ(Post(R"(,"reasoning":{"max_tokens":9})").status, 200);
  EXPECT_EQ(backend_->requests().back().reasoning->max_tokens, 9);
}

TEST_F(ResponsesRoutesTest, AResultThatIsMissingIsNamed) {
  backend_->script = kScript;
  const JsonValue first = Parse(Post(std::string(kTools)).body);
  const net::HttpResponse next =
      Ask("POST", "/v1/responses", R"({"previous_response_id":")" + Text(first, "id") + R"(","input":"And now?"})");
  EXPECT_EQ(next.status, 400);
  EXPECT_NE(next.body.find(Text(first, "output.2.call_id")), std::string::npos) << next.body;
}

TEST_F(ResponsesRoutesTest, AFailureIsToldAndNotKept) {
  backend_->fail_at_end = true;
  EXPECT_EQ(Post("").status, 500);
  const std::string body = Post(R"(,"stream":true)").body;
  EXPECT_NE(body.find("event: response.failed\n"), std::string::npos);
  EXPECT_NE(body.find("the script failed"), std::string::npos);
}

TEST(KeptStore, OwnersAreApartAndTheOldestGoFirst) {
  KeptStore store(2);
  store.Put("ada", "1", StoredResponse{"a1", "[]", {}});
  store.Put("bob", "1", StoredResponse{"b1", "[]", {}});
  EXPECT_EQ(store.FindResponse("ada", "1")->json, "a1");
  EXPECT_EQ(store.FindResponse("bob", "1")->json, "b1");
  EXPECT_EQ(store.FindResponse("eve", "1"), nullptr);
  store.Put("ada", "2", StoredResponse{"a2", "[]", {}});
  EXPECT_EQ(store.FindResponse("ada", "1"), nullptr);
  EXPECT_FALSE(store.EraseResponse("eve", "2"));
  EXPECT_TRUE(store.EraseResponse("ada", "2"));
  EXPECT_EQ(store.FindResponse("ada", "2"), nullptr);
  KeptStore small(10, 300);
  small.Put("ada", "1", StoredResponse{std::string(1000, 'x'), "[]", {}});
  EXPECT_EQ(small.FindResponse("ada", "1"), nullptr);
}

}  // namespace
}  // namespace bowhead::api
