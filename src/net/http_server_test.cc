// How the HTTP server takes requests: framing, limits, what it refuses, where it listens.
#include "net/http_server.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/server_for_test.h"
#include "net/test_client.h"

namespace bowhead::net {
namespace {

TEST_F(HttpServerTest, KeepsAlive) {
  Start();
  TestClient client = Connect();
  for (int i = 0; i < 3; ++i) {
    const std::string answer = client.Ask("POST /a%20b?q=%41 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_EQ(StatusOf(answer), 200);
    EXPECT_EQ(BodyOf(answer), "/a b|q=%41|abc");
    EXPECT_NE(answer.find("\r\nDate: "), std::string::npos);
  }
  EXPECT_EQ(server_->connections(), 1U);
}

TEST_F(HttpServerTest, CloseAndHttp10) {
  Start();
  TestClient closing = Connect();
  const std::string answer = closing.Ask("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(closing.AtEnd());
  TestClient old = Connect();
  EXPECT_EQ(StatusOf(old.Ask("GET / HTTP/1.0\r\n\r\n")), 200);
  EXPECT_TRUE(old.AtEnd());
  TestClient old_keeping = Connect();
  for (int i = 0; i < 2; ++i) {
    EXPECT_NE(old_keeping.Ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").find("Connection: keep-alive"),
              std::string::npos);
  }
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/slow") {
      std::thread([exchange] {
        std::this_thread::sleep_for(30ms);
        Echo(exchange);
      }).detach();
    } else {
      Echo(exchange);
    }
  });
  TestClient client = Connect();
  std::string all;
  for (int i = 0; i < 500; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  client.Send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n" + all);
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "/slow||");
  for (int i = 0; i < 500; ++i) ASSERT_EQ(BodyOf(client.ReadAnswer()), "/" + std::to_string(i) + "||");
}

TEST_F(HttpServerTest, PipeliningBeyondTheReadAheadIsNotLost) {
  Desk desk;
  Start(desk.handler());
  TestClient client = Connect();
  const std::string request = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n" + std::string(50000, 'b');
  std::thread sender([&] {
    for (int i = 0; i < 20; ++i) client.Send(request);
  });
  std::this_thread::sleep_for(20ms);
  for (int i = 0; i < 20; ++i) {
    const auto exchange = desk.Next();
    EXPECT_EQ(exchange->request().body.size(), 50000U);
    exchange->Send({200, {}, std::to_string(i)});
    EXPECT_EQ(BodyOf(client.ReadAnswer()), std::to_string(i));
  }
  sender.join();
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/stream") {
      exchange->BeginStream(200, {});
      exchange->Write("never seen");
      exchange->EndStream();
    } else {
      exchange->Send({200, {}, "12345"});
    }
  });
  TestClient client = Connect();
  client.Send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(client.ReadAnswer(true).find("Content-Length: 5\r\n"), std::string::npos);
  client.Send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadAnswer(true)), 200);
  EXPECT_EQ(BodyOf(client.Ask(kGet)), "12345");
}

TEST_F(HttpServerTest, BodilessStatusesAndUnsafeHeaders) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/204") {
      exchange->Send({204, {}, "dropped"});
    } else {
      exchange->Send({200, {{"X-A", "1\r\nX-Evil: 2"}, {"Content-Length", "999"}, {"X-B", "ok"}}, "body"});
    }
  });
  TestClient client = Connect();
  client.Send("GET /204 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadAnswer(true).find("Content-Length"), std::string::npos);
  const std::string answer = client.Ask(kGet);
  EXPECT_EQ(BodyOf(answer), "body");
  EXPECT_EQ(answer.find("Evil"), std::string::npos);
  EXPECT_NE(answer.find("X-B: ok"), std::string::npos);
}

TEST_F(HttpServerTest, ChunkedBodiesAndTrailers) {
  Start();
  TestClient client = Connect();
  const std::string head = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(BodyOf(client.Ask(head + "3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n")),
            "/c||abc0123456789");
  // Byte by byte, and with a next request right behind it.
  for (const char c : head + "2\r\nde\r\n0\r\n\r\n" + kGet) client.Send({&c, 1});
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "/c||de");
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "/||");
}

TEST_F(HttpServerTest, ExpectContinue) {
  options_.max_body_bytes = 100;
  Start();
  TestClient client = Connect();
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("ok");
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "/||ok");
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 413);
  EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(Status("POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n"), 417);
}

TEST_F(HttpServerTest, RefusesWhatTwoServersCouldReadDifferently) {
  Start();
  const auto post = [](const std::string& fields, const std::string& body = "") {
    return "POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
  };
  EXPECT_EQ(Status(post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(Status(post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(Status(post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd")), 400);
  EXPECT_EQ(Status(post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")), 400);
  EXPECT_EQ(Status(post("Content-Length: 3, 3\r\n", "abc")), 400);
  EXPECT_EQ(Status(post("Content-Length: +3\r\n", "abc")), 400);
  EXPECT_EQ(Status(post("Content-Length: -1\r\n", "abc")), 400);
  EXPECT_EQ(Status(post("Content-Length: 0x3\r\n", "abc")), 400);
  EXPECT_EQ(Status(post("Content-Length:\r\n")), 400);
  EXPECT_EQ(Status(post("Content-Length: 99999999999999999999999\r\n")), 400);
  EXPECT_EQ(Status(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(Status(post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")), 501);
  EXPECT_EQ(Status(post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")), 501);
  EXPECT_EQ(Status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(Status(post("Transfer-Encoding: chunked\r\n", "zz\r\n\r\n")), 400);
  EXPECT_EQ(Status(post("Transfer-Encoding: chunked\r\n", "-1\r\nabc\r\n")), 400);
  EXPECT_EQ(Status(post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nabc\r\n")), 400);
  EXPECT_EQ(Status(post("Transfer-Encoding: chunked\r\n", "3\r\nabcX0\r\n\r\n")), 400);
  EXPECT_EQ(Status(post("X: a\r\n b\r\n")), 400);  // obs-fold
  EXPECT_EQ(Status(post("X : a\r\n")), 400);       // space before the colon
  EXPECT_EQ(Status(post("X\r\n")), 400);
  EXPECT_EQ(Status(post(": a\r\n")), 400);
  EXPECT_EQ(Status(post("X: a\nY: b\r\n")), 400);  // bare LF
  EXPECT_EQ(Status(post("X: a\rY: b\r\n")), 400);  // bare CR
  EXPECT_EQ(Status(post(std::string("X: a\0b\r\n", 8))), 400);
  EXPECT_EQ(Status(post("X: a\x01\r\n")), 400);
  EXPECT_EQ(Status("GET / HTTP/1.1\n\n"), 400);
  EXPECT_EQ(Status("GET / HTTP/1.1\r\n\r\n"), 400);  // no Host
  EXPECT_EQ(Status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(Status("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(Status("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(Status("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(Status("\x16\x03\x01\x02"), 400);  // TLS
}

TEST_F(HttpServerTest, TargetsMethodsAndVersions) {
  Start();
  const auto get = [](const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"; };
  EXPECT_EQ(Status(get("/a/../b")), 400);
  EXPECT_EQ(Status(get("/a/%2e%2E/b")), 400);
  EXPECT_EQ(Status(get("/%00")), 400);
  EXPECT_EQ(Status(get("/%zz")), 400);
  EXPECT_EQ(Status(get("nothing")), 400);
  EXPECT_EQ(Status(get("*")), 400);
  EXPECT_EQ(Status(get("http://host/p")), 200);
  EXPECT_EQ(Status("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
  EXPECT_EQ(Status("BREW / HTTP/1.1\r\nHost: x\r\n\r\n"), 501);
  EXPECT_EQ(Status("get / HTTP/1.1\r\nHost: x\r\n\r\n"), 501);
  EXPECT_EQ(Status("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"), 200);  // for the handler to refuse
  EXPECT_EQ(Status("GE\x80T / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(Status("GET / HTTP/1.2\r\nHost: x\r\n\r\n"), 505);
  EXPECT_EQ(Status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(Status("GET / HTTQ/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(Status("\r\n\r\n" + kGet), 200);  // empty lines first are fine
}

TEST_F(HttpServerTest, Limits) {
  options_.max_header_bytes = 12'000;
  options_.max_body_bytes = 1000;
  options_.error_body = [](int status, std::string_view message) {
    return HttpResponse{0, {{"Content-Type", "application/json"}}, std::to_string(status) + ":" + std::string(message)};
  };
  Start();
  const std::string start = "POST / HTTP/1.1\r\nHost: x\r\n";
  EXPECT_EQ(Status("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"), 414);
  EXPECT_EQ(Status("GET /" + std::string(7000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
  EXPECT_EQ(Status(start + "X: " + std::string(12'000, 'a') + "\r\n\r\n"), 431);
  std::string fields;
  for (int i = 0; i < 101; ++i) fields += "X: 1\r\n";
  EXPECT_EQ(Status(start + fields + "\r\n"), 431);
  EXPECT_EQ(Status(start + "Content-Length: 1000\r\n\r\n" + std::string(1000, 'a')), 200);
  EXPECT_EQ(Status(start + "Content-Length: 1001\r\n\r\n"), 413);
  EXPECT_EQ(Status(start + "Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + std::string(1000, 'a') + "\r\n1\r\na\r\n"),
            413);
  EXPECT_EQ(Status(start + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(40'000, 'a')), 400);
  TestClient client = Connect();
  const std::string answer = client.Ask(start + "Content-Length: 1001\r\n\r\n");
  EXPECT_EQ(BodyOf(answer).substr(0, 4), "413:");
  EXPECT_NE(answer.find("application/json"), std::string::npos);
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(HttpServerTest, AnUploadOverTheLimitStillReadsItsAnswer) {
  options_.max_body_bytes = 1000;
  Start();
  TestClient client = Connect();
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n");
  client.Send(std::string(3'000'000, 'a'));  // the server drops it instead of resetting the connection
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 413);
}

TEST_F(HttpServerTest, SlowSendersAreCut) {
  options_.first_byte_timeout = 60ms;
  options_.request_timeout = 150ms;
  options_.idle_timeout = 60ms;
  Start();
  TestClient silent = Connect();
  EXPECT_TRUE(silent.AtEnd());
  TestClient idle = Connect();
  EXPECT_EQ(StatusOf(idle.Ask(kGet)), 200);
  EXPECT_TRUE(idle.AtEnd());
  for (const std::string& bytes :
       {kGet, std::string("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nabcdefghijklmnop"
                          "abcdefghijklmnopabcdefghijklmnopabcdefgh")}) {
    TestClient slow = Connect();
    const auto start = Clock::now();
    std::thread drip([&] {
      for (std::size_t i = 0; i < bytes.size() - 1 && slow.Send(bytes.substr(i, 1)); ++i) {
        std::this_thread::sleep_for(20ms);
      }
    });
    EXPECT_EQ(StatusOf(slow.ReadAnswer()), 408);
    EXPECT_LT(Clock::now() - start, 2s);
    drip.join();
  }
}

TEST_F(HttpServerTest, TooManyConnections) {
  options_.max_connections = 3;
  Start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(Connect());
    EXPECT_EQ(StatusOf(clients.back().Ask(kGet)), 200);
  }
  TestClient extra = Connect();
  EXPECT_EQ(StatusOf(extra.ReadAnswer()), 503);
  EXPECT_TRUE(extra.AtEnd());
  extra.Close();
  clients.pop_back();
  EXPECT_TRUE(WaitFor([&] { return server_->connections() == 2; }));
  EXPECT_EQ(Status(kGet), 200);
  EXPECT_EQ(StatusOf(clients[0].Ask(kGet)), 200);
}

TEST(HttpServerStartTest, SaysWhatToDo) {
  HttpServerOptions options;
  options.port = 0;
  auto first = HttpServer::Start(options, Echo);
  ASSERT_TRUE(first.ok());
  options.port = (*first)->port();
  const auto second = HttpServer::Start(options, Echo);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), base::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find("in use"), std::string::npos);
  options.port = 0;
  options.host = "192.0.2.1";  // no address of this machine (RFC 5737)
  EXPECT_EQ(HttpServer::Start(options, Echo).status().code(), base::StatusCode::kInvalidArgument);
  options.host = "no such host";
  EXPECT_EQ(HttpServer::Start(options, Echo).status().code(), base::StatusCode::kInvalidArgument);
  options.host = "";
  EXPECT_EQ(HttpServer::Start(options, Echo).status().code(), base::StatusCode::kInvalidArgument);
}

TEST(HttpServerStartTest, Hosts) {
  for (const char* host : {"localhost", "0.0.0.0", "127.0.0.1"}) {
    HttpServerOptions options;
    options.port = 0;
    options.host = host;
    auto server = HttpServer::Start(options, Echo);
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    TestClient client((*server)->port());
    EXPECT_EQ(StatusOf(client.Ask(kGet)), 200) << host;
  }
  for (const char* host : {"::1", "[::1]", "::"}) {
    HttpServerOptions options;
    options.port = 0;
    options.host = host;
    auto server = HttpServer::Start(options, Echo);
    if (!server.ok()) GTEST_SKIP() << "no IPv6 here: " << server.status().ToString();
    if (std::string_view(host) == "::") {  // takes IPv4, too
      TestClient client((*server)->port());
      EXPECT_EQ(StatusOf(client.Ask(kGet)), 200);
    }
  }
}

}  // namespace
}  // namespace bowhead::net
