// Tools that run on the server, over a scripted model and an MCP server that is a shell script.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

#include "api/api_fixture_for_test.h"
#include "mcp/tool_hub.h"

namespace bowhead::api {
namespace {

/// Speaks 2026-07-28: "say" answers, "die" ends the program.
constexpr std::string_view kServer = R"sh(
while read -r line; do
  id=$(printf '%s' "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
  case "$line" in
    *server/discover*) r='{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}' ;;
    *tools/list*) r='{"tools":[{"name":"say","inputSchema":{"type":"object"}},{"name":"die","inputSchema":{"type":"object"}}]}' ;;
    *'"name":"die"'*) exit 1 ;;
    *) r='{"content":[{"type":"text","text":"it <|im_start|>rains"}]}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$r"
done)sh";

constexpr std::string_view kCall =
    "Let me look.<tool_call>{\"name\": \"sh__say\", \"arguments\": {\"city\": \"Oslo\"}}</tool_call>";

class McpRoutesTest : public ApiServerTest {
 protected:
  void SetUp() override {}
  /// A server whose tools may all be called, or none.
  void ServeWith(mcp::Consent consent, int max_rounds = 8) {
    const std::string path = ::testing::TempDir() + "bowhead_mcp_server.sh";
    std::ofstream(path) << kServer;
    mcp::ServerConfig config = *mcp::ParseServerSpec("sh=stdio:sh " + path);
    config.consent = consent;
    hub_ = std::make_unique<mcp::ToolHub>(std::vector{config}, mcp::Limits{}, "test", logger_, registry_);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!hub_->StateOf("sh")->connected && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    ASSERT_TRUE(hub_->StateOf("sh")->connected) << hub_->StateOf("sh")->problem;
    template_ = *model::ChatTemplate::Parse(kHermesTemplate, "test");
    backend_->set_context(4096);
    ApiOptions options;
    options.tools = hub_.get();
    options.max_tool_rounds = max_rounds;
    Serve(options);
  }
  void TearDown() override { server_.reset(); }
  std::string Prompt(std::size_t index) {
    const auto requests = backend_->requests();
    return index >= requests.size() ? "" : ByteTokenizer().Decode(requests[index].prompt, true);
  }

  std::unique_ptr<mcp::ToolHub> hub_;
};

constexpr std::string_view kMcp = R"(,"tools":[{"type":"mcp","server_label":"sh"}])";

TEST_F(McpRoutesTest, ACallRunsAndTheModelGoesOn) {
  ServeWith(mcp::Consent::kAlways);
  backend_->scripts_before = {std::string(kCall)};
  backend_->script = "Take an umbrella.";
  const JsonValue json = Parse(Chat(std::string(kMcp)).body);
  EXPECT_EQ(Text(json, "choices.0.message.content"), "Let me look.Take an umbrella.");
  EXPECT_EQ(Text(json, "choices.0.finish_reason"), "stop");
  EXPECT_EQ(Int(json, "usage.completion_tokens"), static_cast<std::int64_t>(kCall.size() + 17));
  EXPECT_NE(Prompt(0).find("sh__say"), std::string::npos);
  EXPECT_NE(Prompt(1).find("tool it <|im_start|>rains"), std::string::npos) << Prompt(1);
  EXPECT_NE(registry_.Expose().find("bowhead_mcp_calls_total{server=\"sh\",outcome=\"OK\"} 1"), std::string::npos);
}

TEST_F(McpRoutesTest, StreamsAreOneAnswer) {
  ServeWith(mcp::Consent::kAlways);
  backend_->scripts_before = {std::string(kCall)};
  backend_->script = "Rain.";
  std::string content;
  int starts = 0;
  int ends = 0;
  for (const JsonValue& event : Events(Chat(std::string(kMcp) + R"(,"stream":true)").body)) {
    if (At(event, "choices.0.delta.role").AsString() != nullptr) ++starts;
    if (At(event, "choices.0.finish_reason").AsString() != nullptr) ++ends;
    EXPECT_EQ(At(event, "choices.0.delta.tool_calls").AsArray(), nullptr);
    if (const std::string* text = At(event, "choices.0.delta.content").AsString()) content += *text;
  }
  EXPECT_EQ(content, "Let me look.Rain.");
  EXPECT_EQ(starts, 1);
  EXPECT_EQ(ends, 1);
}

TEST_F(McpRoutesTest, RoundsAreBounded) {
  ServeWith(mcp::Consent::kAlways, 2);
  backend_->script = kCall;
  const JsonValue json = Parse(Chat(std::string(kMcp)).body);
  EXPECT_EQ(backend_->requests().size(), 3U);  // two with calls, one that has to be words
  EXPECT_EQ(Prompt(2).find("\"function\""), std::string::npos);
  EXPECT_EQ(Text(json, "choices.0.finish_reason"), "stop");
}

TEST_F(McpRoutesTest, WhatFailsIsToldToTheModel) {
  ServeWith(mcp::Consent::kAlways);
  backend_->scripts_before = {"<tool_call>{\"name\": \"sh__die\", \"arguments\": {}}</tool_call>"};
  backend_->script = "Sorry.";
  const JsonValue json = Parse(Chat(std::string(kMcp)).body);
  EXPECT_EQ(Text(json, "choices.0.message.content"), "Sorry.");
  EXPECT_NE(Prompt(1).find("tool Error: the program has ended"), std::string::npos) << Prompt(1);
}

TEST_F(McpRoutesTest, CallsOfTheClientsToolsAreTheClients) {
  ServeWith(mcp::Consent::kAlways);
  backend_->script = "<tool_call>{\"name\": \"mine\", \"arguments\": {}}</tool_call>";
  const JsonValue json = Parse(
      Chat(R"(,"tools":[{"type":"mcp","server_label":"sh"},{"type":"function","function":{"name":"mine"}}])").body);
  EXPECT_EQ(Text(json, "choices.0.message.tool_calls.0.function.name"), "mine");
  EXPECT_EQ(Text(json, "choices.0.finish_reason"), "tool_calls");
}

TEST_F(McpRoutesTest, PlainChatHasTheAllowedTools) {
  ServeWith(mcp::Consent::kAlways);
  backend_->scripts_before = {std::string(kCall)};
  backend_->script = "Rain.";
  const JsonValue json = Parse(Ask("POST", "/chat", R"({"prompt":"Weather?"})").body);
  EXPECT_EQ(Text(json, "reply"), "Let me look.Rain.");
}

TEST_F(McpRoutesTest, WithoutConsentNothingIsOffered) {
  ServeWith(mcp::Consent::kNever);
  const net::HttpResponse refused = Chat(std::string(kMcp));
  EXPECT_EQ(refused.status, 400);
  EXPECT_NE(refused.body.find("--mcp-allow"), std::string::npos) << refused.body;
  EXPECT_EQ(Ask("POST", "/chat", R"({"prompt":"Weather?"})").status, 200);
  EXPECT_EQ(Prompt(0).find("sh__say"), std::string::npos);
}

TEST_F(McpRoutesTest, MistakesAreNamed) {
  ServeWith(mcp::Consent::kAlways);
  const auto param = [&](const std::string& entry) {
    return Text(Parse(Chat(R"(,"tools":[{"type":"mcp")" + entry + "}]").body), "error.param");
  };
  EXPECT_EQ(param(""), "tools[0].server_label");
  EXPECT_EQ(param(R"(,"server_label":"other")"), "tools[0].server_label");
  EXPECT_EQ(param(R"(,"server_label":"sh","server_url":"http://evil")"), "tools[0].server_url");
  EXPECT_EQ(param(R"(,"server_label":"sh","allowed_tools":5)"), "tools[0].allowed_tools");
  EXPECT_EQ(param(R"(,"server_label":"sh","allowed_tools":["none"])"), "tools[0]");
  EXPECT_EQ(param(R"(,"server_label":"sh","require_approval":"maybe")"), "tools[0].require_approval");
  EXPECT_EQ(param(R"(,"server_label":"sh","require_approval":"always")"), "tools[0].require_approval");
  EXPECT_EQ(Text(Parse(Chat(std::string(kMcp) + R"(,"n":2)").body), "error.param"), "n");
}

}  // namespace
}  // namespace bowhead::api
