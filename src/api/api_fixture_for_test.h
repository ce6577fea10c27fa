// For tests: an API server over a scripted backend, and exchanges that are no sockets.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "api/api_server.h"
#include "api/scripted_backend_for_test.h"

namespace bowhead::api {

/// A chat template of the Hermes kind, with tools, reasoning and its switch.
inline constexpr std::string_view kHermesTemplate =
    R"({%- if tools %}{{ tools | tojson }}{% endif %}{%- for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}
{%- if m.tool_calls %}{%- for c in m.tool_calls %}<tool_call>{"name": "{{ c.function.name }}", "arguments":
{{- c.function.arguments | tojson }}}</tool_call>{% endfor %}{% endif %}{% endfor %}<|im_start|>assistant
{%- if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %})";

class FakeExchange final : public net::HttpExchange {
 public:
  explicit FakeExchange(net::HttpRequest request) : request_(std::move(request)) {}
  const net::HttpRequest& request() const override { return request_; }
  void Send(net::HttpResponse response) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(done_) << "answered twice";
    response_ = std::move(response);
    done_ = true;
    changed_.notify_all();
  }
  void BeginStream(int status, net::Headers headers) override {
    const std::lock_guard lock(mutex_);
    response_.status = status;
    response_.headers = std::move(headers);
    streaming_ = true;
  }
  bool Write(std::string bytes) override {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(streaming_);
    if (gone_) return false;
    response_.body += bytes;
    changed_.notify_all();
    return true;
  }
  void EndStream() override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  void OnDisconnect(std::function<void()> callback) override {
    bool now = false;
    {
      const std::lock_guard lock(mutex_);
      now = gone_;
      if (!now) callback_ = callback;
    }
    if (now) callback();
  }
  bool disconnected() const override {
    const std::lock_guard lock(mutex_);
    return gone_;
  }

  void Disconnect() {
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex_);
      gone_ = true;
      callback = std::move(callback_);
    }
    if (callback) callback();
  }
  net::HttpResponse Wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [this] { return done_; })) << "no answer";
    return response_;
  }
  void WaitForBody(std::string_view part) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20),
                                  [&] { return response_.body.find(part) != std::string::npos; }));
  }

 private:
  const net::HttpRequest request_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  net::HttpResponse response_;
  std::function<void()> callback_;
  bool streaming_ = false;
  bool done_ = false;
  bool gone_ = false;
};

inline std::string HeaderOf(const net::HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return {};
}

inline JsonValue Parse(const std::string& text) {
  auto parsed = ParseJson(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *parsed : JsonValue();
}

/// "choices.0.text": a member by keys and places.
inline const JsonValue& At(const JsonValue& root, std::string_view path) {
  static const JsonValue kNothing;
  const JsonValue* value = &root;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const std::string key(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
    if (const JsonArray* list = value->AsArray()) {
      const std::size_t index = std::stoul(key);
      if (index >= list->size()) return kNothing;
      value = &(*list)[index];
    } else {
      value = value->AsObject() == nullptr ? nullptr : FindKey(*value->AsObject(), key);
    }
    if (value == nullptr) return kNothing;
  }
  return *value;
}
inline std::string Text(const JsonValue& root, std::string_view path) {
  const std::string* text = At(root, path).AsString();
  return text == nullptr ? "(none)" : *text;
}
inline std::int64_t Int(const JsonValue& root, std::string_view path) {
  const std::int64_t* number = At(root, path).AsInt();
  return number == nullptr ? -999 : *number;
}

inline std::vector<JsonValue> Events(const std::string& body) {
  std::vector<JsonValue> events;
  std::size_t at = 0;
  bool done = false;
  while (at < body.size()) {
    const std::size_t end = body.find("\n\n", at);
    EXPECT_NE(end, std::string::npos);
    if (end == std::string::npos) break;
    const std::string data = body.substr(at + 6, end - at - 6);
    EXPECT_EQ(body.substr(at, 6), "data: ");
    EXPECT_FALSE(done) << "something after [DONE]";
    if (data == "[DONE]") {
      done = true;
    } else {
      events.push_back(Parse(data));
    }
    at = end + 2;
  }
  EXPECT_TRUE(done);
  return events;
}

class ApiServerTest : public ::testing::Test {
 protected:
  ApiServerTest() : logger_(telemetry::LogLevel::kOff) {}

  void Serve(ApiOptions options = {}) {
    options.version = "test";
    server_ = std::make_unique<ApiServer>(std::move(options), service_, registry_, logger_);
    serving::ServedModel model;
    model.backend = backend_;
    model.chat_template = template_;
    model.id = "scripted";
    model.names = {"scripted", "Scripted"};
    model.created = 1;
    model.max_tokens_cap = cap_;
    service_.SetReady(std::move(model));
  }
  void SetUp() override { Serve(); }

  std::shared_ptr<FakeExchange> Begin(std::string method, std::string path, std::string body = {},
                                      net::Headers headers = {}, std::string query = {}) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    request.body = std::move(body);
    request.headers = std::move(headers);
    auto exchange = std::make_shared<FakeExchange>(std::move(request));
    server_->Handle(exchange);
    return exchange;
  }
  net::HttpResponse Ask(std::string method, std::string path, std::string body = {}, net::Headers headers = {},
                        std::string query = {}) {
    return Begin(std::move(method), std::move(path), std::move(body), std::move(headers), std::move(query))->Wait();
  }
  net::HttpResponse Chat(const std::string& more) {
    return Ask("POST", "/v1/chat/completions", R"({"messages":[{"role":"user","content":"Hi"}])" + more + "}");
  }
  void WaitUntilIdle() {
    for (int i = 0; i < 2000 && backend_->Stats().running > 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(backend_->Stats().running, 0);
  }

  int cap_ = 0;
  std::shared_ptr<const model::ChatTemplate> template_ = *model::ChatTemplate::BuiltIn("chatml");
  telemetry::Registry registry_;
  telemetry::Logger logger_;
  std::shared_ptr<ScriptedBackend> backend_ = std::make_shared<ScriptedBackend>();
  serving::ModelService service_;
  std::unique_ptr<ApiServer> server_;
};

}  // namespace bowhead::api
