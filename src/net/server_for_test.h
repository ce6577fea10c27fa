// What the tests of the HTTP server share: a server on a free port, a handler that echoes, one that waits for the test.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "net/test_client.h"

namespace bowhead::net {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using Clock = std::chrono::steady_clock;

inline const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

inline bool WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s) {
  const auto end = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// Says what came in, so that tests can see what the server understood.
inline void Echo(const std::shared_ptr<HttpExchange>& exchange) {
  const HttpRequest& request = exchange->request();
  exchange->Send({200, {{"X-Method", request.method}}, request.path + "|" + request.query + "|" + request.body});
}

class HttpServerTest : public ::testing::Test {
 protected:
  void Start(HttpHandler handler = Echo) {
    options_.port = 0;
    auto server = HttpServer::Start(options_, std::move(handler));
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }
  [[nodiscard]] TestClient Connect(int receive_buffer = 0) const { return TestClient(server_->port(), receive_buffer); }
  /// The status of the answer to some bytes on a new connection.
  int Status(std::string_view bytes) {
    TestClient client = Connect();
    client.Send(bytes);
    return StatusOf(client.ReadAnswer());
  }

  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
};

/// Keeps exchanges for the test to answer.
class Desk {
 public:
  HttpHandler handler() {
    return [this](std::shared_ptr<HttpExchange> exchange) {
      const std::lock_guard lock(mutex_);
      exchanges_.push_back(std::move(exchange));
      changed_.notify_all();
    };
  }
  std::shared_ptr<HttpExchange> Next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, 10s, [&] { return !exchanges_.empty(); })) throw std::runtime_error("no request came");
    auto exchange = exchanges_.front();
    exchanges_.erase(exchanges_.begin());
    return exchange;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<HttpExchange>> exchanges_;
};

}  // namespace bowhead::net
