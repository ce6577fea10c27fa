// What every route shares: idempotency keys, other origins, compressed bodies, paths with names in them.
#include <gtest/gtest.h>

#include <string>

#include "api/api_fixture_for_test.h"
#include "net/content_coding.h"

namespace bowhead::api {
namespace {

class TransportTest : public ApiServerTest {
 protected:
  std::shared_ptr<FakeExchange> Begin(const std::string& body, net::Headers headers) {
    return ApiServerTest::Begin("POST", "/v1/chat/completions", body, std::move(headers));
  }
  net::HttpResponse Post(const std::string& body, net::Headers headers = {}) {
    return Begin(body, std::move(headers))->Wait();
  }
  static constexpr const char* kChat = R"({"messages":[{"role":"user","content":"Hi"}]})";
  static constexpr const char* kStream = R"({"messages":[{"role":"user","content":"Hi"}],"stream":true})";
};

TEST_F(TransportTest, TheSameKeyGetsTheSameAnswer) {
  for (const char* body : {kChat, kStream}) {
    const net::Headers key = {{"idempotency-key", std::string("key-of-") + body[10] + (body == kChat ? "a" : "b")}};
    const net::HttpResponse first = Post(body, key);
    const net::HttpResponse second = Post(body, key);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(first.body, second.body);  // its id too: it was not made again
    EXPECT_EQ(HeaderOf(first, "Idempotent-Replayed"), "");
    EXPECT_EQ(HeaderOf(second, "Idempotent-Replayed"), "true");
    EXPECT_EQ(HeaderOf(first, "Content-Type"), HeaderOf(second, "Content-Type"));
    EXPECT_NE(HeaderOf(first, "X-Request-Id"), HeaderOf(second, "X-Request-Id"));
  }
  EXPECT_EQ(backend_->requests().size(), 2U);
}

TEST_F(TransportTest, AnotherRequestUnderTheKeyIsRefused) {
  EXPECT_EQ(Post(kChat, {{"idempotency-key", "k"}}).status, 200);
  const net::HttpResponse other = Post(kStream, {{"idempotency-key", "k"}});
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(Text(Parse(other.body), "error.code"), "idempotency_key_reused");
  EXPECT_EQ(Post(kChat, {{"idempotency-key", "with blank"}}).status, 400);
}

TEST_F(TransportTest, WhatFailedMayBeTriedAgain) {
  backend_->fail_at_end = true;
  EXPECT_EQ(Post(kChat, {{"idempotency-key", "k"}}).status, 500);
  const std::string broken = Post(kStream, {{"idempotency-key", "s"}}).body;
  EXPECT_NE(broken.find("the script failed"), std::string::npos);
  backend_->fail_at_end = false;
  EXPECT_EQ(Post(kChat, {{"idempotency-key", "k"}}).status, 200);
  EXPECT_EQ(Post(kStream, {{"idempotency-key", "s"}}).body.find("the script failed"), std::string::npos);
}

TEST(IdempotencyStoreTest, RunningKeysAreToldAndForgottenOnesRunAgain) {
  const auto store = std::make_shared<IdempotencyStore>(IdempotencyStore::Limits{
      .max_entries = 2, .max_bytes = 1 << 20, .max_answer_bytes = 10, .max_age = std::chrono::hours(24)});
  const base::ContentHash request{1, 2};
  const auto now = IdempotencyStore::Clock::now();
  auto first = store->Begin("ada", "k", request, now);
  ASSERT_NE(first.run, nullptr);
  EXPECT_EQ(store->Begin("ada", "k", request, now).error->status, 409);
  EXPECT_NE(store->Begin("bob", "k", request, now).run, nullptr);  // another API key; released at once
  first.run.reset();
  auto again = store->Begin("ada", "k", request, now);
  ASSERT_NE(again.run, nullptr);
  again.run->Append("more than ten bytes");
  again.run->Finish();
  EXPECT_EQ(store->Begin("ada", "k", request, now).error->code, "idempotency_answer_not_kept");
  EXPECT_NE(store->Begin("ada", "k", request, now + std::chrono::hours(25)).run, nullptr);  // older than max_age
}

TEST_F(TransportTest, OtherOriginsAreRefusedUnlessNamed) {
  const net::Headers foreign = {{"host", "localhost:8080"}, {"origin", "https://app.example"}};
  EXPECT_EQ(Post(kChat, foreign).status, 403);
  ApiOptions options;
  options.cors_origins = {"https://app.example"};
  Serve(options);
  const net::HttpResponse allowed = Post(kChat, foreign);
  EXPECT_EQ(allowed.status, 200);
  EXPECT_EQ(HeaderOf(allowed, "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(HeaderOf(allowed, "Vary"), "Origin");
  EXPECT_EQ(Post(kChat, {{"host", "localhost"}, {"origin", "https://app.example.evil"}}).status, 403);
  EXPECT_EQ(Post(kChat, {{"host", "localhost"}, {"origin", "null"}}).status, 403);
  const net::HttpResponse preflight = Ask("OPTIONS", "/v1/chat/completions", "",
                                          {{"origin", "https://app.example"},
                                           {"access-control-request-method", "POST"},
                                           {"access-control-request-headers", "authorization,content-type"}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(HeaderOf(preflight, "Access-Control-Allow-Methods"), "POST, OPTIONS");
  EXPECT_EQ(HeaderOf(preflight, "Access-Control-Allow-Headers"), "authorization,content-type");
  const net::HttpResponse other = Ask("OPTIONS", "/v1/chat/completions", "",
                                      {{"origin", "https://evil.example"}, {"access-control-request-method", "POST"}});
  EXPECT_EQ(HeaderOf(other, "Access-Control-Allow-Origin"), "");
  EXPECT_EQ(HeaderOf(other, "Access-Control-Allow-Methods"), "");
}

TEST_F(TransportTest, BodiesMayBeCompressed) {
  for (const net::ContentCoding coding : {net::ContentCoding::kGzip, net::ContentCoding::kZstd}) {
    const std::string name(net::ContentCodingName(coding));
    EXPECT_EQ(Post(*net::EncodeContent(coding, kChat), {{"content-encoding", name}}).status, 200) << name;
    EXPECT_EQ(Post("{}", {{"content-encoding", name}}).status, 400) << name;
    const std::string bomb = *net::EncodeContent(coding, std::string(9 << 20, ' '));
    EXPECT_EQ(Post(bomb, {{"content-encoding", name}}).status, 413) << name;
  }
  const net::HttpResponse unknown = Post(kChat, {{"content-encoding", "br"}});
  EXPECT_EQ(unknown.status, 415);
  EXPECT_EQ(HeaderOf(unknown, "Accept-Encoding"), "gzip, zstd");
}

TEST_F(TransportTest, LongAnswersAreCompressedForThoseWhoTakeIt) {
  const net::HttpResponse plain = Ask("GET", "/openapi.json");
  EXPECT_EQ(HeaderOf(plain, "Content-Encoding"), "");
  for (const net::ContentCoding coding : {net::ContentCoding::kGzip, net::ContentCoding::kZstd}) {
    const std::string name(net::ContentCodingName(coding));
    const net::HttpResponse packed = Ask("GET", "/openapi.json", "", {{"accept-encoding", name}});
    EXPECT_EQ(HeaderOf(packed, "Content-Encoding"), name);
    EXPECT_EQ(HeaderOf(packed, "Vary"), "Accept-Encoding");
    EXPECT_LT(packed.body.size(), plain.body.size() / 4);
    EXPECT_EQ(*net::DecodeContent(coding, packed.body, 1 << 20), plain.body);
  }
  EXPECT_EQ(HeaderOf(Ask("GET", "/health", "", {{"accept-encoding", "gzip"}}), "Content-Encoding"), "");
}

TEST_F(TransportTest, AllowNamesTheMethodsOfThePathItself) {
  EXPECT_EQ(HeaderOf(Ask("OPTIONS", "/v1/responses/x"), "Allow"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(HeaderOf(Ask("OPTIONS", "/v1/responses/x/input_items"), "Allow"), "GET, HEAD, OPTIONS");
  const net::HttpResponse trace = Ask("TRACE", "/v1/models");
  EXPECT_EQ(trace.status, 405);
  EXPECT_EQ(HeaderOf(trace, "Allow"), "GET, HEAD, OPTIONS");
}

TEST_F(TransportTest, SuffixNeedsAModelThatHasTheTokens) {
  const net::HttpResponse response = Ask("POST", "/v1/completions", R"({"prompt":"a","suffix":"b"})");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(Text(Parse(response.body), "error.param"), "suffix");
  EXPECT_EQ(Ask("POST", "/v1/completions", R"({"prompt":[65],"suffix":"b"})").status, 400);
}

}  // namespace
}  // namespace bowhead::api
