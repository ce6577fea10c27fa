// Tool calls and reasoning in chat completions, over a scripted model whose template is of the Hermes kind.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api/api_fixture_for_test.h"

namespace bowhead::api {
namespace {

constexpr std::string_view kTools =
    R"(,"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}])";

class ToolRoutesTest : public ApiServerTest {
 protected:
  void SetUp() override {
    template_ = *model::ChatTemplate::Parse(kHermesTemplate, "test");
    Serve();
  }
  net::HttpResponse ChatWith(const std::string& messages, const std::string& more = {}) {
    return Ask("POST", "/v1/chat/completions", R"({"messages":)" + messages + more + "}");
  }
  std::string Prompt() {
    const auto requests = backend_->requests();
    return requests.empty() ? "" : ByteTokenizer().Decode(requests.back().prompt, true);
  }
};

TEST_F(ToolRoutesTest, AWholeAnswerWithACall) {
  backend_->script =
      "One moment.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
  const JsonValue json = Parse(Chat(std::string(kTools)).body);
  EXPECT_EQ(Text(json, "choices.0.message.content"), "One moment.");
  EXPECT_EQ(Text(json, "choices.0.message.tool_calls.0.type"), "function");
  EXPECT_EQ(Text(json, "choices.0.message.tool_calls.0.function.name"), "weather");
  EXPECT_EQ(Text(json, "choices.0.message.tool_calls.0.function.arguments"), "{\"city\": \"Oslo\"}");
  EXPECT_TRUE(Text(json, "choices.0.message.tool_calls.0.id").starts_with("call_"));
  EXPECT_EQ(Text(json, "choices.0.finish_reason"), "tool_calls");
  EXPECT_NE(Prompt().find("\"weather\""), std::string::npos);
}

TEST_F(ToolRoutesTest, AStreamedAnswerWithTwoCalls) {
  backend_->script =
      "<tool_call>{\"name\": \"weather\", \"arguments\": {\"a\": 1}}</tool_call>\n"
      "<tool_call>{\"name\": \"weather\", \"arguments\": {\"b\": 2}}</tool_call>";
  std::vector<std::string> arguments;
  std::vector<std::string> ids;
  std::string finish;
  for (const JsonValue& event : Events(Chat(std::string(kTools) + R"(,"stream":true)").body)) {
    if (const std::string* content = At(event, "choices.0.delta.content").AsString()) {
      EXPECT_EQ(*content, "");
    }
    if (At(event, "choices.0.finish_reason").AsString() != nullptr) finish = Text(event, "choices.0.finish_reason");
    const JsonValue& call = At(event, "choices.0.delta.tool_calls.0");
    if (call.AsObject() == nullptr) continue;
    const auto index = static_cast<std::size_t>(Int(call, "index"));
    if (At(call, "id").AsString() != nullptr) {
      EXPECT_EQ(index, ids.size());
      EXPECT_EQ(Text(call, "function.name"), "weather");
      ids.push_back(Text(call, "id"));
      arguments.emplace_back();
    }
    ASSERT_LT(index, arguments.size());
    arguments[index] += Text(call, "function.arguments");
  }
  EXPECT_EQ(arguments, (std::vector<std::string>{"{\"a\": 1}", "{\"b\": 2}"}));
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_EQ(finish, "tool_calls");
}

TEST_F(ToolRoutesTest, WithoutToolsMarksAreText) {
  backend_->script = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
  for (const std::string& more :
       std::vector<std::string>{std::string(), std::string(kTools) + R"(,"tool_choice":"none")"}) {
    const JsonValue json = Parse(Chat(more).body);
    EXPECT_EQ(Text(json, "choices.0.message.content"), backend_->script);
    EXPECT_EQ(Text(json, "choices.0.finish_reason"), "stop");
  }
  EXPECT_EQ(Prompt().find("weather"), std::string::npos);
}

TEST_F(ToolRoutesTest, ReasoningIsApartAndCounted) {
  backend_->script = "<think>\nhm hm\n</think>\n\nFour";
  const JsonValue whole = Parse(Chat("").body);
  EXPECT_EQ(Text(whole, "choices.0.message.reasoning_content"), "hm hm");
  EXPECT_EQ(Text(whole, "choices.0.message.content"), "Four");
  EXPECT_EQ(Int(whole, "usage.completion_tokens_details.reasoning_tokens"), 22);  // a token a byte, marks included
  std::string reasoning;
  std::string content;
  for (const JsonValue& event : Events(Chat(R"(,"stream":true)").body)) {
    if (const std::string* text = At(event, "choices.0.delta.reasoning_content").AsString()) reasoning += *text;
    if (const std::string* text = At(event, "choices.0.delta.content").AsString()) content += *text;
  }
  EXPECT_EQ(reasoning, "hm hm");
  EXPECT_EQ(content, "Four");
  const JsonValue plain = Parse(Ask("POST", "/chat", R"({"prompt":"2+2?"})").body);
  EXPECT_EQ(Text(plain, "reply"), "Four");
}

TEST_F(ToolRoutesTest, ReasoningIsSwitchedByEitherName) {
  EXPECT_EQ(Chat(R"(,"reasoning_effort":"none")").status, 200);
  EXPECT_NE(Prompt().find("<think></think>"), std::string::npos);
  EXPECT_EQ(Chat(R"(,"chat_template_kwargs":{"enable_thinking":false})").status, 200);
  EXPECT_NE(Prompt().find("<think></think>"), std::string::npos);
  EXPECT_EQ(Chat(R"(,"reasoning_effort":"high")").status, 200);
  EXPECT_EQ(Prompt().find("<think></think>"), std::string::npos);
}

TEST_F(ToolRoutesTest, CallsAndResultsGoBackIntoThePrompt) {
  const net::HttpResponse response = ChatWith(R"([{"role":"user","content":"Oslo?"},
      {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",
       "function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]},
      {"role":"tool","tool_call_id":"call_1","content":"rain"}])");
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_NE(Prompt().find("\"name\": \"weather\", \"arguments\":{\"city\": \"Oslo\"}"), std::string::npos) << Prompt();
  EXPECT_NE(Prompt().find("tool rain"), std::string::npos);
}

TEST_F(ToolRoutesTest, MistakesAreNamed) {
  const std::string user = R"([{"role":"user","content":"x"},)";
  for (const auto& [messages, param] : std::vector<std::pair<std::string, std::string>>{
           {user + R"({"role":"tool","tool_call_id":"x","content":"y"}])", "messages[1].tool_call_id"},
           {user + R"({"role":"tool","content":"y"}])", "messages[1].tool_call_id"},
           {user + R"({"role":"assistant","tool_calls":[{"id":"a","type":"function",
                "function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":"y"}])",
            "messages[1].tool_calls"},
           {user + R"({"role":"assistant","tool_calls":[
                {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},
                {"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}])",
            "messages[1].tool_calls"},
           {user + R"({"role":"assistant","tool_calls":[{"id":")" + std::string(257, 'i') +
                R"(","type":"function","function":{"name":"f","arguments":"{}"}}]}])",
            "messages[1].tool_calls"},
           {user + R"({"role":"function","content":"y"}])", "messages[1].role"},
           {user + R"({"role":"assistant","tool_calls":[{}]}])", "messages[1].tool_calls[0].type"},
           {user + R"({"role":"assistant","tool_calls":[{"type":"function","function":{}}]}])",
            "messages[1].tool_calls[0].id"},
           {user + R"({"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f"}}]}])",
            "messages[1].tool_calls[0].function.arguments"},
       }) {
    const net::HttpResponse response = ChatWith(messages);
    EXPECT_EQ(response.status, 400) << messages;
    EXPECT_EQ(Text(Parse(response.body), "error.param"), param) << response.body;
  }
  for (const auto& [tools, param] : std::vector<std::pair<std::string, std::string>>{
           {R"([{"type":"web","function":{"name":"f"}}])", "tools[0].type"},
           {R"([{"type":"function"}])", "tools[0].function"},
           {R"([{"type":"function","function":{"name":"a b"}}])", "tools[0].function.name"},
           {R"([{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}])",
            "tools[1].function.name"},
           {R"([{"type":"function","function":{"name":"f","parameters":[]}}])", "tools[0].function.parameters"},
           {R"([{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"string"}}}])",
            "tools[0].function.parameters"},
           {R"([{"type":"function","function":{"name":"g"}},{"type":"function","function":{"name":"f","strict":true,
                "parameters":{"type":"object","properties":{"a":{"uniqueItems":true}}}}}])",
            "tools[1].function.parameters"},
       }) {
    const net::HttpResponse response = Chat(R"(,"tools":)" + tools);
    EXPECT_EQ(response.status, 400) << tools;
    EXPECT_EQ(Text(Parse(response.body), "error.param"), param) << response.body;
  }
  const std::string message = Text(Parse(Chat(R"(,"tools":[{"type":"function","function":{"name":"f","strict":true,
      "parameters":{"type":"object","properties":{"a":{"uniqueItems":true}}}}}])")
                                             .body),
                                   "error.message");
  EXPECT_NE(message.find("'uniqueItems' at #/properties/a"), std::string::npos) << message;
  for (
      const char* choice :
      {"\"any\"", R"({"type":"function"})", R"({"type":"function","function":{"name":"other"}})",
       R"({"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"x"}}]}})"}) {
    const net::HttpResponse response = Chat(std::string(kTools) + R"(,"tool_choice":)" + choice);
    EXPECT_EQ(response.status, 400) << choice;
    EXPECT_TRUE(Text(Parse(response.body), "error.param").starts_with("tool_choice")) << response.body;
  }
}

/// What the newest request's answer may be.
class HeldToolsTest : public ToolRoutesTest {
 protected:
  void Ask(const std::string& more) {
    const net::HttpResponse response = Chat(std::string(kTwo) + more);
    ASSERT_EQ(response.status, 200) << response.body;
  }
  bool Held() { return backend_->requests().back().constraint != nullptr; }
  bool May(std::string_view text) {
    grammar::Matcher matcher(backend_->requests().back().constraint);
    return matcher.Accept(text) && matcher.CanEnd();
  }
  static constexpr std::string_view kTwo =
      R"(,"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object",
         "properties":{"n":{"type":"integer"}}}}},{"type":"function","function":{"name":"now"}}])";
  static constexpr std::string_view kWeather = R"(<tool_call>{"name": "weather", "arguments": {"n": 1}}</tool_call>)";
  static constexpr std::string_view kNow = R"(<tool_call>{"name": "now", "arguments": {}}</tool_call>)";
};

TEST_F(HeldToolsTest, OnlyRulesTakeAGrammar) {
  Ask("");
  EXPECT_FALSE(Held());
  Ask(R"(,"tool_choice":"auto","parallel_tool_calls":true)");
  EXPECT_FALSE(Held());
}

TEST_F(HeldToolsTest, RequiredNamedAndAllowed) {
  Ask(R"(,"tool_choice":"required")");
  EXPECT_TRUE(May(kWeather));
  EXPECT_TRUE(May(std::string(kNow) + std::string(kWeather)));
  EXPECT_TRUE(May("<think>Hm.</think>\n\n" + std::string(kNow)));
  EXPECT_FALSE(May("Hello"));
  EXPECT_FALSE(May(R"(<tool_call>{"name": "weather", "arguments": {"n": "1"}}</tool_call>)"));
  EXPECT_FALSE(May(R"(<tool_call>{"name": "now", "arguments": {"n": 1}}</tool_call>)"));
  Ask(R"(,"tool_choice":{"type":"function","function":{"name":"now"}})");
  EXPECT_TRUE(May(kNow));
  EXPECT_FALSE(May(kWeather));
  EXPECT_NE(Prompt().find("\"weather\""), std::string::npos);
  Ask(R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[
      {"type":"function","function":{"name":"now"}}]}})");
  EXPECT_TRUE(May("Hello. " + std::string(kNow)));
  EXPECT_FALSE(May(kWeather));
}

TEST_F(HeldToolsTest, OneCallAndStrictOnes) {
  Ask(R"(,"parallel_tool_calls":false)");
  EXPECT_TRUE(May("Hello"));
  EXPECT_TRUE(May(kNow));
  EXPECT_FALSE(May(std::string(kNow) + std::string(kNow)));
  const net::HttpResponse response = Chat(R"(,"tools":[{"type":"function","function":{"name":"f","strict":true,
      "parameters":{"type":"object","properties":{"a":{"enum":[1,2]}},"required":["a"]}}}])");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_TRUE(May("Hello"));
  EXPECT_TRUE(May(R"(Hm. <tool_call>{"name": "f", "arguments": {"a": 2}}</tool_call>)"));
  EXPECT_FALSE(May(R"(Hm. <tool_call>{"name": "f", "arguments": {"a": 3}}</tool_call>)"));
}

TEST_F(HeldToolsTest, AFormatOrACall) {
  backend_->script = R"({"text": "<tool_call>"})";
  const net::HttpResponse response = Chat(std::string(kTwo) + R"(,"response_format":{"type":"json_object"})");
  EXPECT_TRUE(May(R"({"a": 1})"));
  EXPECT_TRUE(May(kNow));
  EXPECT_TRUE(May(R"(<think>{"a"</think>{"a": 1})"));
  EXPECT_FALSE(May("Hello"));
  EXPECT_EQ(Text(Parse(response.body), "choices.0.message.content"), backend_->script) << "a mark in a string is text";
  Ask(R"(,"response_format":{"type":"json_object"},"reasoning_effort":"none")");
  EXPECT_FALSE(May(R"(<think>{"a"</think>{"a": 1})"));
}

TEST_F(HeldToolsTest, BudgetsOfReasoningReachTheEngine) {
  for (const char* more : {R"(,"max_reasoning_tokens":7)", R"(,"reasoning":{"max_tokens":7,"effort":"low"})",
                           R"(,"thinking_token_budget":7)"}) {
    Ask(more);
    const auto budget = backend_->requests().back().reasoning;
    ASSERT_TRUE(budget.has_value()) << more;
    EXPECT_EQ(budget->max_tokens, 7);
    EXPECT_FALSE(budget->opened);
    EXPECT_EQ(budget->close_mark, "</think>");
    EXPECT_EQ(budget->closing.size(), 8U);
  }
  EXPECT_EQ(Text(Parse(Chat(R"(,"max_reasoning_tokens":7,"reasoning":{"max_tokens":8})").body), "error.param"),
            "max_reasoning_tokens");
  EXPECT_EQ(Text(Parse(Chat(R"(,"reasoning_effort":"none","reasoning":{"enabled":true})").body), "error.param"),
            "reasoning.enabled");
}

/// A template that has no place for tools.
class PlainTemplateTest : public ToolRoutesTest {
 protected:
  void SetUp() override {
    backend_->info_.context_length = 4096;
    Serve();
  }
};

TEST_F(PlainTemplateTest, ToolsAreToldInTheText) {
  backend_->script = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {}}\n</tool_call>";
  const JsonValue json = Parse(ChatWith(R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Oslo?"},
      {"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",
       "function":{"name":"weather","arguments":"{\"city\":\"Oslo\"}"}}]},
      {"role":"tool","tool_call_id":"call_1","content":"rain"},{"role":"user","content":"And?"}])",
                                        std::string(kTools))
                                   .body);
  EXPECT_EQ(Text(json, "choices.0.message.tool_calls.0.function.name"), "weather");
  EXPECT_EQ(Text(json, "choices.0.finish_reason"), "tool_calls");
  for (const char* part :
       {"<|im_start|>system\nYou can call", "\"weather\"", "Be brief.<|im_end|>",
        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\":\"Oslo\"}}\n</tool_call><|im_end|>",
        "<|im_start|>user\n<tool_response>\nrain\n</tool_response>\nAnd?<|im_end|>"}) {
    EXPECT_NE(Prompt().find(part), std::string::npos) << part << "\nis not in\n" << Prompt();
  }
}

}  // namespace
}  // namespace bowhead::api
