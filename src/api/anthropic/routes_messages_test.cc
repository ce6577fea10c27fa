// Anthropic's Messages API over a scripted model whose template is of the Hermes kind.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/api_fixture_for_test.h"

namespace bowhead::api {
namespace {

/// Name and data of each event.
std::vector<std::pair<std::string, JsonValue>> NamedEvents(const std::string& body) {
  std::vector<std::pair<std::string, JsonValue>> events;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t line = body.find('\n', at);
    const std::size_t end = body.find("\n\n", at);
    EXPECT_EQ(body.substr(at, 7), "event: ");
    const std::string name = body.substr(at + 7, line - at - 7);
    EXPECT_EQ(body.substr(line + 1, 6), "data: ");
    events.emplace_back(name, Parse(body.substr(line + 7, end - line - 7)));
    EXPECT_EQ(Text(events.back().second, "type"), name);
    at = end + 2;
  }
  return events;
}

class MessagesRoutesTest : public ApiServerTest {
 protected:
  void SetUp() override {
    template_ = *model::ChatTemplate::Parse(kHermesTemplate, "test");
    Serve();
  }
  net::HttpResponse Post(const std::string& more, const std::string& messages = R"([{"role":"user","content":"Hi"}])") {
    return Ask("POST", "/v1/messages", R"({"max_tokens":200,"messages":)" + messages + more + "}");
  }
  std::string Prompt() {
    const auto requests = backend_->requests();
    return requests.empty() ? "" : ByteTokenizer().Decode(requests.back().prompt, true);
  }
};

constexpr std::string_view kTools =
    R"(,"tools":[{"name":"weather","description":"d","input_schema":{"type":"object"}}])";

TEST_F(MessagesRoutesTest, ThinkingTextAndToolsInOneAnswer) {
  backend_->script =
      "<think>hm</think>Look:\n<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>";
  const JsonValue json = Parse(Post(std::string(kTools)).body);
  EXPECT_EQ(Text(json, "content.0.type"), "thinking");
  EXPECT_EQ(Text(json, "content.0.thinking"), "hm");
  EXPECT_EQ(Text(json, "content.1.text"), "Look:");
  EXPECT_EQ(Text(json, "content.2.name"), "weather");
  EXPECT_EQ(Text(json, "content.2.input.city"), "Oslo");
  EXPECT_EQ(Text(json, "stop_reason"), "tool_use");
  EXPECT_NE(Prompt().find("\"weather\""), std::string::npos);
}

TEST_F(MessagesRoutesTest, TheStreamHasTheSameBlocks) {
  backend_->script =
      "<think>hm</think>Look:\n<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>";
  const auto events = NamedEvents(Post(std::string(kTools) + R"(,"stream":true)").body);
  EXPECT_EQ(events.front().first, "message_start");
  EXPECT_EQ(events.back().first, "message_stop");
  std::vector<std::string> blocks;
  std::int64_t open = -1;
  for (const auto& [name, data] : events) {
    if (name == "content_block_start") {
      EXPECT_EQ(open, -1);
      open = Int(data, "index");
      EXPECT_EQ(open, static_cast<std::int64_t>(blocks.size()));
      blocks.push_back(Text(data, "content_block.type") + " ");
    } else if (name == "content_block_delta") {
      EXPECT_EQ(Int(data, "index"), open);
      for (const char* key : {"delta.text", "delta.thinking", "delta.partial_json"}) {
        if (const std::string* text = At(data, key).AsString()) blocks.back() += *text;
      }
    } else if (name == "content_block_stop") {
      EXPECT_EQ(Int(data, "index"), open);
      open = -1;
    } else if (name == "message_delta") {
      EXPECT_EQ(Text(data, "delta.stop_reason"), "tool_use");
      EXPECT_EQ(Int(data, "usage.output_tokens"), static_cast<std::int64_t>(backend_->script.size()));
    }
  }
  EXPECT_EQ(blocks, (std::vector<std::string>{"thinking hm", "text Look:", "tool_use {\"city\": \"Oslo\"}"}));
}

TEST_F(MessagesRoutesTest, ResultsOfToolsGoBackIntoThePrompt) {
  const net::HttpResponse response = Post(R"(,"system":[{"type":"text","text":"Be brief."}])", R"([
      {"role":"user","content":"Oslo?"},
      {"role":"assistant","content":[{"type":"text","text":"Look."},
       {"type":"tool_use","id":"t1","name":"weather","input":{"city":"Oslo"}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"rain"},{"type":"text","text":"So?"}]}])");
  EXPECT_EQ(response.status, 200) << response.body;
  const std::string prompt = Prompt();
  std::size_t at = 0;
  for (const char* part :
       {"system Be brief.", "user Oslo?", "assistant Look.", "{\"city\": \"Oslo\"}", "tool rain", "user So?"}) {
    at = prompt.find(part, at);
    EXPECT_NE(at, std::string::npos) << part << " in " << prompt;
  }
}

TEST_F(MessagesRoutesTest, ThinkingCanBeSwitchedOff) {
  EXPECT_EQ(Post(R"(,"thinking":{"type":"disabled"})").status, 200);
  EXPECT_NE(Prompt().find("<think></think>"), std::string::npos);
}

TEST_F(MessagesRoutesTest, ToolChoiceAndBudgetAreKept) {
  const std::string tools =
      R"(,"tools":[{"name":"a","input_schema":{"type":"object"}},{"name":"b","input_schema":{"type":"object"}}])";
  const auto may = [this](std::string_view text) {
    grammar::Matcher matcher(backend_->requests().back().constraint);
    return matcher.Accept(text) && matcher.CanEnd();
  };
  const std::string a = R"(<tool_call>{"name": "a", "arguments": {}}</tool_call>)";
  const std::string b = R"(<tool_call>{"name": "b", "arguments": {}}</tool_call>)";
  EXPECT_EQ(Post(tools + R"(,"tool_choice":{"type":"any"})").status, 200);
  EXPECT_TRUE(may(a + b) && !may("Hi"));
  EXPECT_EQ(Post(tools + R"(,"tool_choice":{"type":"tool","name":"b"})").status, 200);
  EXPECT_TRUE(may(b) && !may(a));
  EXPECT_EQ(Post(tools + R"(,"tool_choice":{"type":"auto","disable_parallel_tool_use":true})").status, 200);
  EXPECT_TRUE(may("Hi") && may(a) && !may(a + b));
  EXPECT_EQ(Post(R"(,"thinking":{"type":"enabled","budget_tokens":50})").status, 200);
  EXPECT_EQ(backend_->requests().back().reasoning->max_tokens, 50);
  for (const auto& [more, place] : std::vector<std::pair<std::string, std::string>>{
           {R"(,"tool_choice":{"type":"any"})", "tool_choice"},
           {tools + R"(,"tool_choice":{"type":"tool"})", "tool_choice.name"},
           {tools + R"(,"tool_choice":{"type":"tool","name":"c"})", "tool_choice.name"},
           {R"(,"tools":[{"name":"a","strict":true,"input_schema":{"type":"object","properties":{"x":{"not":{}}}}}])",
            "tools.0.input_schema"},
           {R"(,"tools":[{"name":"a","input_schema":{}},{"name":"a","input_schema":{}}])", "tools.1.name"},
           {R"(,"thinking":{"type":"enabled"})", "thinking.budget_tokens"},
           {R"(,"thinking":{"type":"enabled","budget_tokens":200})", "thinking.budget_tokens"}}) {
    const net::HttpResponse response = Post(more);
    EXPECT_EQ(response.status, 400) << more;
    EXPECT_NE(response.body.find(place), std::string::npos) << place << " is not in " << response.body;
  }
  const net::HttpResponse missing = Post("", R"([{"role":"user","content":"x"},
      {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"a","input":{}}]},
      {"role":"user","content":"y"}])");
  EXPECT_EQ(missing.status, 400);
  EXPECT_NE(missing.body.find("messages.1.content"), std::string::npos) << missing.body;
}

TEST_F(MessagesRoutesTest, ErrorsHaveAnthropicsShape) {
  const net::HttpResponse missing = Ask("POST", "/v1/messages", R"({"messages":[{"role":"user","content":"x"}]})");
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(Text(Parse(missing.body), "type"), "error");
  EXPECT_EQ(Text(Parse(missing.body), "error.type"), "invalid_request_error");
  EXPECT_NE(Text(Parse(missing.body), "error.message").find("max_tokens"), std::string::npos);
  EXPECT_FALSE(HeaderOf(missing, "request-id").empty());
  EXPECT_EQ(Text(Parse(Post(R"(,"model":"claude")").body), "error.type"), "not_found_error");
  EXPECT_EQ(Text(Parse(Ask("GET", "/v1/messages").body), "error.type"), "invalid_request_error");
  backend_->fail_at_end = true;
  const auto events = NamedEvents(Post(R"(,"stream":true)").body);
  EXPECT_EQ(events.back().first, "error");
  EXPECT_EQ(Text(events.back().second, "error.message"), "the script failed");
  EXPECT_EQ(Post("").status, 500);
}

}  // namespace
}  // namespace bowhead::api
