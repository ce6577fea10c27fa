// Routing, keys, overload, draining and clients that go away, over a scripted backend.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/api_fixture_for_test.h"

namespace bowhead::api {
namespace {

TEST_F(ApiServerTest, BodiesThatAreNoJson) {
  for (const std::string& body : std::vector<std::string>{
           std::string(), std::string("{"), std::string("[]"), std::string("\"x\""), std::string(100000, '['),
           std::string("{\"messages\":\"\xff\"}"), std::string(R"({"n":1,"n":2})")}) {
    for (const char* path : {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize", "/detokenize"}) {
      const net::HttpResponse response = Ask("POST", path, body);
      EXPECT_EQ(response.status, 400) << path << body.substr(0, 50);
      EXPECT_NE(Text(Parse(response.body), "error.message"), "(none)");
    }
  }
}

TEST_F(ApiServerTest, Models) {
  const JsonValue list = Parse(Ask("GET", "/v1/models").body);
  EXPECT_EQ(Text(list, "data.0.id"), "scripted");
  EXPECT_EQ(Text(list, "data.0.bowhead.quantization"), "F32");
  EXPECT_EQ(Int(list, "data.0.bowhead.context_length"), 512);
  EXPECT_EQ(Text(Parse(Ask("GET", "/v1/models/default").body), "id"), "default");
  EXPECT_EQ(Ask("GET", "/v1/models/other").status, 404);
}

TEST_F(ApiServerTest, MethodsAndPaths) {
  net::HttpResponse response = Ask("GET", "/v1/chat/completions");
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(HeaderOf(response, "Allow"), "POST, OPTIONS");
  EXPECT_EQ(Ask("DELETE", "/v1/models").status, 405);
  EXPECT_EQ(Ask("POS", "/v1/chat/completions").status, 405);
  EXPECT_EQ(Ask("FOO", "/health").status, 405);
  EXPECT_EQ(Ask("HEAD", "/health").status, 200);
  response = Ask("OPTIONS", "/chat");
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(HeaderOf(response, "Allow"), "GET, POST, OPTIONS");
  response = Ask("POST", "/chat/completions");
  EXPECT_EQ(response.status, 404);
  EXPECT_NE(response.body.find("/v1/chat/completions"), std::string::npos);
  EXPECT_EQ(Ask("GET", "/metrics").status, 200);
}

TEST_F(ApiServerTest, RequestIds) {
  EXPECT_EQ(HeaderOf(Ask("GET", "/health", {}, {{"x-request-id", "abc-1"}}), "X-Request-Id"), "abc-1");
  const std::string made = HeaderOf(Ask("GET", "/health", {}, {{"x-request-id", "evil\r\nheader"}}), "X-Request-Id");
  EXPECT_TRUE(made.starts_with("req-")) << made;
}

TEST_F(ApiServerTest, QueueFullAndDraining) {
  backend_->max_requests = 1;
  backend_->endless = true;
  backend_->step = std::chrono::milliseconds(1);
  const auto running =
      Begin("POST", "/v1/chat/completions", R"({"messages":[{"role":"user","content":"Hi"}],"stream":true})");
  running->WaitForBody(R"("content":"H")");
  net::HttpResponse response = Chat("");
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(HeaderOf(response, "Retry-After"), "1");
  EXPECT_EQ(Chat(R"(,"n":3)").status, 429);
  service_.Drain();
  response = Chat("");
  EXPECT_EQ(response.status, 503);
  EXPECT_FALSE(HeaderOf(response, "Retry-After").empty());
  EXPECT_EQ(Ask("GET", "/ready").status, 503);
  EXPECT_EQ(Ask("GET", "/health").status, 200);
  EXPECT_NE(running->Wait().body.find("\"length\""), std::string::npos);  // the running answer was not cut
}

TEST_F(ApiServerTest, ClientsThatGoAwayAreCancelled) {
  backend_->endless = true;
  backend_->step = std::chrono::milliseconds(1);
  backend_->info_.context_length = 1 << 20;
  for (const char* stream : {"true", "false"}) {
    const auto exchange =
        Begin("POST", "/v1/chat/completions",
              std::string(R"({"messages":[{"role":"user","content":"Hi"}],"n":2,"stream":)") + stream + "}");
    for (int i = 0; i < 2000 && backend_->Stats().running < 2; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    exchange->Disconnect();
    WaitUntilIdle();
  }
  EXPECT_EQ(backend_->num_cancelled(), 4);
}

TEST_F(ApiServerTest, KeysAndOrigins) {
  const auto keys = security::ApiKeys::Parse("0123456789abcdef-secret alice\n", "test");
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  Serve({.version = {}, .keys = &*keys});
  EXPECT_EQ(Ask("GET", "/v1/models").status, 401);
  EXPECT_EQ(Text(Parse(Ask("GET", "/v1/models", {}, {{"authorization", "Bearer nope"}}).body), "error.code"),
            "invalid_api_key");
  EXPECT_EQ(Ask("GET", "/v1/models", {}, {{"authorization", "Bearer 0123456789abcdef-secret"}}).status, 200);
  EXPECT_EQ(Ask("GET", "/v1/models", {}, {{"x-api-key", "0123456789abcdef-secret"}}).status, 200);
  EXPECT_EQ(Ask("GET", "/health").status, 200);
  EXPECT_EQ(Ask("GET", "/ready").status, 200);

  ApiOptions local;
  local.local_only = true;
  Serve(std::move(local));
  EXPECT_EQ(Ask("GET", "/v1/models", {}, {{"host", "evil.example:8080"}}).status, 403);
  for (const char* host : {"localhost:8080", "127.0.0.1:1", "[::1]:8080", "app.localhost"}) {
    EXPECT_EQ(Ask("GET", "/v1/models", {}, {{"host", host}}).status, 200) << host;
  }
  EXPECT_EQ(
      Ask("POST", "/chat", R"({"prompt":"x"})", {{"host", "localhost:1"}, {"origin", "http://evil.example"}}).status,
      403);
  EXPECT_EQ(
      Ask("POST", "/chat", R"({"prompt":"x"})", {{"host", "localhost:1"}, {"origin", "http://localhost:1"}}).status,
      200);
}

TEST(ApiServerLoadingTest, HealthAnswersBeforeTheModelIsThere) {
  telemetry::Registry registry;
  telemetry::Logger logger(telemetry::LogLevel::kOff);
  serving::ModelService service;
  service.SetProgress(0.25);
  ApiServer server({}, service, registry, logger);
  const auto ask = [&](std::string method, std::string path, std::string body) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.body = std::move(body);
    const auto exchange = std::make_shared<FakeExchange>(std::move(request));
    server.Handle(exchange);
    return exchange->Wait();
  };
  EXPECT_EQ(ask("GET", "/health", "").status, 200);
  const net::HttpResponse ready = ask("GET", "/ready", "");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("0.25"), std::string::npos);
  EXPECT_EQ(ask("POST", "/chat", R"({"prompt":"x"})").status, 503);
  service.SetFailed(base::DataLoss("the file is damaged"));
  EXPECT_NE(ask("POST", "/chat", R"({"prompt":"x"})").body.find("the file is damaged"), std::string::npos);
}

}  // namespace
}  // namespace bowhead::api
