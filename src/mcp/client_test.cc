// The protocol over a transport that is a script, and over programs that are shell scripts.
#include "mcp/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>

#include "mcp/connected_server.h"
#include "mcp/stdio_transport.h"

namespace bowhead::mcp {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using nlohmann::json;

/// What the other side answers: a result, or an error if it has "code".
using Script = std::function<base::Result<json>(const std::string& method, const json& params)>;

struct Record {
  std::mutex mutex;
  std::vector<std::string> methods;
  std::vector<Outgoing> sent;
  MessageHandler to_client;
};

class FakeTransport final : public Transport {
 public:
  FakeTransport(Script script, std::shared_ptr<Record> record)
      : script_(std::move(script)), record_(std::move(record)) {}
  base::Result<RpcMessage> Ask(const Outgoing& request, std::stop_token /*stop*/) override {
    Note(request);
    const json message = json::parse(request.text);
    const auto answer = script_(message["method"], message["params"]);
    if (!answer.ok()) return answer.status();
    const char* key = answer->contains("code") ? "error" : "result";
    return ParseRpc(json{{"jsonrpc", "2.0"}, {"id", request.id}, {key, *answer}}.dump());
  }
  base::Status Tell(const Outgoing& message) override {
    Note(message);
    return base::OkStatus();
  }
  bool wants_cancel_message(bool modern) const override { return !modern; }
  base::Status Health() const override { return base::OkStatus(); }

 private:
  void Note(const Outgoing& message) {
    const std::lock_guard lock(record_->mutex);
    const json text = json::parse(message.text);
    record_->methods.push_back(text.value("method", "(answer)"));
    record_->sent.push_back(message);
  }
  const Script script_;
  const std::shared_ptr<Record> record_;
};

TransportMaker Fake(Script script, std::shared_ptr<Record> record = std::make_shared<Record>()) {
  return [=](MessageHandler handler) -> base::Result<std::unique_ptr<Transport>> {
    record->to_client = std::move(handler);
    return std::unique_ptr<Transport>(std::make_unique<FakeTransport>(script, record));
  };
}

json Error(int code) {
  return {{"code", code}, {"message", "no"}};
}
json Tool(const std::string& name) {
  return {{"name", name}, {"inputSchema", {{"type", "object"}}}};
}
json Hello(const std::string& revision) {
  return {{"protocolVersion", revision}, {"capabilities", {{"tools", json::object()}}}};
}

base::Result<std::unique_ptr<Client>> Connect(Script script, std::shared_ptr<Record> record) {
  return Client::Connect(Fake(std::move(script), std::move(record)), {.version = "1"}, {});
}

TEST(McpClient, TheNewestRevisionHasNoHandshake) {
  const auto record = std::make_shared<Record>();
  auto client = Connect(
      [](const std::string& method, const json& params) -> base::Result<json> {
        EXPECT_EQ(params["_meta"]["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        EXPECT_TRUE(params["_meta"]["io.modelcontextprotocol/clientCapabilities"].is_object());
        if (method == "server/discover") {
          return json{{"supportedVersions", {"2025-11-25", "2026-07-28"}},
                      {"capabilities", {{"tools", json::object()}}}};
        }
        return json{{"content", {{{"type", "text"}, {"text", params["arguments"]["x"]}}}}};
      },
      record);
  ASSERT_TRUE(client.ok()) << client.status().message();
  EXPECT_EQ((*client)->revision(), "2026-07-28");
  EXPECT_EQ((*client)->CallTool("t", R"({"x":"hi"})", 1s, {})->text, "hi");
  EXPECT_EQ(record->methods, (std::vector<std::string>{"server/discover", "tools/call"}));
  EXPECT_EQ(record->sent[1].name, "t");
  EXPECT_TRUE(record->sent[1].modern);
}

TEST(McpClient, OlderRevisionsGetTheHandshake) {
  for (const json& refusal :
       {Error(kMethodNotFound), Error(-32000), json{{"supportedVersions", {"2025-11-25"}}}, json::object(),
        json{{"code", kUnsupportedVersion}, {"message", "x"}, {"data", {{"supported", {"2025-06-18"}}}}}}) {
    const auto record = std::make_shared<Record>();
    auto client = Connect(
        [&](const std::string& method, const json& params) -> base::Result<json> {
          if (method == "server/discover") return refusal;
          EXPECT_EQ(params["protocolVersion"], "2025-11-25");
          return Hello("2025-06-18");
        },
        record);
    ASSERT_TRUE(client.ok()) << client.status().message();
    EXPECT_EQ((*client)->revision(), "2025-06-18");
    EXPECT_EQ(record->methods,
              (std::vector<std::string>{"server/discover", "initialize", "notifications/initialized"}));
    EXPECT_EQ(record->sent[2].revision, "2025-06-18");
  }
}

TEST(McpClient, NoRevisionInCommon) {
  const auto newer = Connect(
      [](const std::string&, const json&) -> base::Result<json> {
        return json{{"code", kUnsupportedVersion}, {"message", "x"}, {"data", {{"supported", {"2030-01-01"}}}}};
      },
      std::make_shared<Record>());
  EXPECT_EQ(newer.status().code(), base::StatusCode::kFailedPrecondition);
  const auto odd = Connect(
      [](const std::string& method, const json&) -> base::Result<json> {
        return method == "initialize" ? Hello("1999-01-01") : Error(kMethodNotFound);
      },
      std::make_shared<Record>());
  EXPECT_EQ(odd.status().code(), base::StatusCode::kFailedPrecondition);
}

/// A server of 2025-06-18 with the given answers to everything else.
std::unique_ptr<Client> ConnectOld(Script script, std::shared_ptr<Record> record = std::make_shared<Record>()) {
  auto client = Connect(
      [script](const std::string& method, const json& params) -> base::Result<json> {
        if (method == "server/discover") return Error(kMethodNotFound);
        return method == "initialize" ? Hello("2025-06-18") : script(method, params);
      },
      record);
  EXPECT_TRUE(client.ok());
  return std::move(*client);
}

TEST(McpClient, ListsPagesAndLeavesOutWhatIsUnusable) {
  const auto client = ConnectOld([](const std::string&, const json& params) -> base::Result<json> {
    if (!params.contains("cursor")) return json{{"tools", {Tool("a.b/c"), Tool("a")}}, {"nextCursor", "2"}};
    EXPECT_EQ(params["cursor"], "2");
    return json{{"tools",
                 {Tool("a"), Tool("x y"), Tool(""), json("x"), json{{"name", "no_schema"}},
                  json{{"name", "bad"}, {"inputSchema", {{"type", "string"}}}}, Tool(std::string(129, 'x')),
                  json{{"name", "big"}, {"description", std::string(9000, 'x')}, {"inputSchema", {{"type", "object"}}}},
                  Tool("z")}}};
  });
  const auto list = client->ListTools({});
  ASSERT_TRUE(list.ok()) << list.status().message();
  std::vector<std::string> names;
  for (const ListedTool& tool : list->tools) names.push_back(tool.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a.b/c", "a", "z"}));
  EXPECT_EQ(list->problems.size(), 8U);
}

TEST(McpClient, PagesWithoutEndEnd) {
  const auto client = ConnectOld([](const std::string&, const json&) -> base::Result<json> {
    return json{{"tools", json::array()}, {"nextCursor", "again"}};
  });
  EXPECT_EQ(client->ListTools({}).status().code(), base::StatusCode::kResourceExhausted);
}

TEST(McpClient, ResultsBecomeText) {
  json result;
  const auto client = ConnectOld([&](const std::string&, const json&) -> base::Result<json> { return result; });
  const auto call = [&] { return client->CallTool("t", "{}", 1s, {}); };
  result = {{"content",
             {{{"type", "text"}, {"text", "a"}},
              {{"type", "image"}, {"data", "xx"}},
              {{"type", "resource"}, {"resource", {{"uri", "u"}, {"text", "b"}}}}}},
            {"isError", true}};
  EXPECT_EQ(call()->text, "a\n[image that is no text]\nb");
  EXPECT_TRUE(call()->is_error);
  result = {{"content", json::array()}, {"structuredContent", {{"x", 1}}}};
  EXPECT_EQ(call()->text, R"({"x":1})");
  result = {{"content", {{{"type", "text"}, {"text", std::string(70'000, 'x')}}}}};
  EXPECT_EQ(call().status().code(), base::StatusCode::kResourceExhausted);
  for (const json& lie : {json::object(), json("x"), json(nullptr), json{{"content", "x"}}}) {
    result = lie;
    EXPECT_EQ(call().status().code(), base::StatusCode::kDataLoss) << lie;
  }
  result = Error(-32602);
  EXPECT_EQ(call().status().code(), base::StatusCode::kInvalidArgument);
}

TEST(McpClient, AnswersPingRefusesTheRestAndHearsOfChanges) {
  const auto record = std::make_shared<Record>();
  const auto client = ConnectOld([](const std::string&, const json&) -> base::Result<json> { return json{}; }, record);
  record->to_client(*ParseRpc(R"({"jsonrpc":"2.0","id":"p","method":"ping"})"));
  record->to_client(*ParseRpc(R"({"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}})"));
  EXPECT_EQ(json::parse(record->sent[3].text)["result"], json::object());
  EXPECT_EQ(json::parse(record->sent[4].text)["error"]["code"], kMethodNotFound);
  EXPECT_FALSE(client->TakeToolsChanged());
  record->to_client(*ParseRpc(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})"));
  EXPECT_TRUE(client->TakeToolsChanged());
}

TEST(McpClient, WhatTakesTooLongIsCancelled) {
  const auto record = std::make_shared<Record>();
  const auto client = ConnectOld(
      [](const std::string&, const json&) -> base::Result<json> {
        return base::Status(base::StatusCode::kDeadlineExceeded, "late");
      },
      record);
  EXPECT_EQ(client->CallTool("t", "{}", 1s, {}).status().code(), base::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(record->methods.back(), "notifications/cancelled");
}

/// A program that is a shell script.
base::Result<std::unique_ptr<StdioTransport>> Shell(const std::string& script, TransportLimits limits = {}) {
  return StdioTransport::Start({{"sh", "-c", script}, {}}, limits, [](const RpcMessage&) {});
}
Outgoing Question(std::chrono::milliseconds timeout = 10s) {
  Outgoing request;
  request.id = 1;
  request.text = WriteRequest(1, "x", "{}");
  request.timeout = timeout;
  return request;
}

TEST(StdioTransport, AnswersComeBackToTheirQuestions) {
  auto transport = Shell(R"(read line; echo "careless print"; echo '{"jsonrpc":"2.0","id":99,"result":{}}';
    printf '{"jsonrpc":"2.0","id":1,"result":{"ok":1}}\r\n'; cat >/dev/null)");
  const auto answer = (*transport)->Ask(Question(), {});
  ASSERT_TRUE(answer.ok()) << answer.status().message();
  EXPECT_EQ(answer->body, R"({"ok":1})");
}

TEST(StdioTransport, ProgramsThatMisbehaveEndInTime) {
  auto dies = Shell("read line; echo 'no such table' >&2; exit 3");
  const auto died = (*dies)->Ask(Question(), {}).status();
  EXPECT_EQ(died.code(), base::StatusCode::kUnavailable);
  EXPECT_NE(died.message().find("ended"), std::string::npos);
  auto hangs = Shell("trap '' TERM; sleep 1000");
  EXPECT_EQ((*hangs)->Ask(Question(50ms), {}).status().code(), base::StatusCode::kDeadlineExceeded);
  auto floods = Shell("while :; do echo '{\"jsonrpc\":\"2.0\",\"method\":\"n\"}'; done");
  EXPECT_EQ((*floods)->Ask(Question(), {}).status().code(), base::StatusCode::kResourceExhausted);
  auto endless = Shell("cat /dev/zero", {.max_message_bytes = 10'000});
  EXPECT_EQ((*endless)->Ask(Question(), {}).status().code(), base::StatusCode::kResourceExhausted);
  auto deaf = Shell("sleep 1000");
  Outgoing large = Question(100ms);
  large.text.append(8 << 20, ' ');
  EXPECT_EQ((*deaf)->Ask(large, {}).status().code(),
            base::StatusCode::kUnavailable);  // half a line: of no use any more
  EXPECT_EQ(Shell("").ok(), true);
  EXPECT_EQ(StdioTransport::Start({{"bowhead-no-such-program"}, {}}, {}, {}).status().code(),
            base::StatusCode::kNotFound);
}

TEST(ConnectedServer, ComesBackAndKeepsItsLimits) {
  std::atomic<int> made{0};
  std::atomic<bool> broken{true};
  telemetry::Logger logger(telemetry::LogLevel::kOff);
  const Script script = [&](const std::string& method, const json&) -> base::Result<json> {
    if (method == "server/discover") {
      return json{{"supportedVersions", {"2026-07-28"}}, {"capabilities", {{"tools", json::object()}}}};
    }
    if (method == "tools/list") {
      if (broken) return base::Unavailable("gone");
      return json{{"tools", {Tool("a.b"), Tool("a_b"), Tool("secret")}}};
    }
    return json{{"content", {{{"type", "text"}, {"text", "done"}}}}};
  };
  ServerConfig config = *ParseServerSpec("s=http://h");
  config.consent = Consent::kAlways;
  config.tools["secret"] = Consent::kNever;
  Limits limits;
  limits.max_calls_per_minute = 2;
  ConnectedServer server(config, limits,
                         [&](std::stop_token stop) {
                           if (++made == 3) broken = false;
                           return Client::Connect(Fake(script), {.version = "1"}, stop);
                         },
                         logger, {.first_pause = 1ms, .longest_pause = 5ms, .refresh = 10ms});
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (!server.State().connected && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  const ServerState state = server.State();
  ASSERT_TRUE(state.connected) << state.problem;
  EXPECT_GE(made, 3);
  ASSERT_EQ(state.tools.size(), 1U);  // a_b clashes with a.b, secret is never offered
  EXPECT_EQ(state.tools[0]->model_name, "s__a_b");
  const auto call = [&](const mcp::Tool& tool) { return server.Call(tool, "{}", {}); };
  mcp::Tool secret = *state.tools[0];
  secret.name = "secret";
  EXPECT_EQ(call(secret).status().code(), base::StatusCode::kPermissionDenied);
  EXPECT_EQ(call(*state.tools[0])->text, "done");
  EXPECT_EQ(call(*state.tools[0])->text, "done");
  EXPECT_EQ(call(*state.tools[0]).status().code(), base::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace bowhead::mcp
