#include "net/http_client.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "net/server_for_test.h"

namespace bowhead::net {
namespace {

/// A listening socket that accepts nobody: connections succeed and stay silent.
class SilentServer {
 public:
  SilentServer() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, raw, size), 0);
    EXPECT_EQ(listen(socket_, 8), 0);
    EXPECT_EQ(getsockname(socket_, raw, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  [[nodiscard]] std::string Url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  const int socket_;
  std::uint16_t port_ = 0;
};

class HttpClientTest : public HttpServerTest {
 protected:
  [[nodiscard]] std::string Url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
  }
  HttpClient client_;
};

TEST_F(HttpClientTest, SendsMethodBodyAndHeadersAndKeepsTheConnection) {
  std::atomic<int> asked{0};
  Start([&](const std::shared_ptr<HttpExchange>& exchange) {
    ++asked;
    const HttpRequest& request = exchange->request();
    exchange->Send({201, {{"X-Seen", std::string(request.Header("x-mine"))}}, request.method + request.body});
  });
  for (int i = 0; i < 3; ++i) {
    const auto answer =
        client_.Fetch({.method = "POST", .url = Url("/a"), .headers = {{"X-Mine", "yes"}}, .body = "hello"});
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->body, "POSThello");
    EXPECT_EQ(answer->Header("x-seen"), "yes");
  }
  EXPECT_EQ(asked, 3);
}

TEST_F(HttpClientTest, LimitsBytes) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) { exchange->Send({200, {}, std::string(5000, 'x')}); });
  EXPECT_EQ(client_.Fetch({.url = Url("/"), .max_response_bytes = 5000})->body.size(), 5000U);
  const auto answer = client_.Fetch({.url = Url("/"), .max_response_bytes = 4999});
  EXPECT_EQ(answer.status().code(), base::StatusCode::kResourceExhausted);
}

TEST_F(HttpClientTest, AHandlerReadsWhatItWants) {
  std::atomic<bool> gone{false};
  std::shared_ptr<HttpExchange> kept;
  Start([&](const std::shared_ptr<HttpExchange>& exchange) {
    kept = exchange;
    exchange->OnDisconnect([&] { gone = true; });
    exchange->BeginStream(200, {{"X-Kind", "stream"}});
    exchange->Write("one");
  });
  std::string seen;
  const auto answer = client_.Fetch({.url = Url("/")}, {}, [&](const ClientResponse& response, std::string_view piece) {
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.Header("x-kind"), "stream");
    seen += piece;
    return false;
  });
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(seen, "one");
  EXPECT_TRUE(WaitFor([&] { return gone.load(); }));
}

TEST_F(HttpClientTest, RedirectsAreAnswers) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->Send({307, {{"Location", "http://127.0.0.1:1/"}}, ""});
  });
  EXPECT_EQ(client_.Fetch({.url = Url("/")})->status, 307);
}

TEST(HttpClient, GivesUpInTime) {
  const SilentServer server;
  HttpClient client;
  const auto late = client.Fetch({.url = server.Url(), .timeout = std::chrono::milliseconds(50)});
  EXPECT_EQ(late.status().code(), base::StatusCode::kDeadlineExceeded);
  const auto silent = client.Fetch({.url = server.Url(), .idle_timeout = std::chrono::milliseconds(50)});
  EXPECT_EQ(silent.status().code(), base::StatusCode::kDeadlineExceeded);
  std::stop_source stop;
  const auto begin = Clock::now();
  std::jthread other([&] { stop.request_stop(); });
  EXPECT_EQ(client.Fetch({.url = server.Url()}, stop.get_token()).status().code(), base::StatusCode::kCancelled);
  EXPECT_LT(Clock::now() - begin, 5s);
}

TEST(HttpClient, RefusesWhatCannotBeSent) {
  HttpClient client;
  for (const char* url : {"file:///etc/passwd", "ftp://x/", "http://a b/", "", "http://x/\r\nEvil: 1"}) {
    EXPECT_EQ(client.Fetch({.url = url}).status().code(), base::StatusCode::kInvalidArgument) << url;
  }
  EXPECT_EQ(client.Fetch({.url = "http://127.0.0.1:1/", .headers = {{"A", "x\r\nB: y"}}}).status().code(),
            base::StatusCode::kInvalidArgument);
  EXPECT_EQ(client.Fetch({.url = "http://127.0.0.1:1/"}).status().code(), base::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace bowhead::net
