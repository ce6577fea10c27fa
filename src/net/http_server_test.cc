#include "net/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "net/test_client.h"

namespace bowhead::net {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

bool WaitFor(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s) {
  const auto end = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

/// Says what came in, so that tests can see what the server understood.
void Echo(const std::shared_ptr<HttpExchange>& exchange) {
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
  EXPECT_EQ(Status("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n"), 501);
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

TEST_F(HttpServerTest, StreamsInChunks) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    std::thread([exchange] {
      exchange->BeginStream(201, {{"Content-Type", "text/event-stream"}});
      for (int i = 0; i < 1000; ++i) EXPECT_TRUE(exchange->Write("data: " + std::to_string(i) + "\n\n"));
      exchange->EndStream();
    }).detach();
  });
  TestClient client = Connect();
  for (int round = 0; round < 2; ++round) {
    client.Send(kGet);
    const std::string head = client.ReadUntil("\r\n\r\n");
    EXPECT_EQ(StatusOf(head), 201);
    EXPECT_NE(head.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    std::string body;
    std::string expected;
    for (;;) {
      const std::string line = client.ReadUntil("\r\n");
      const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
      const std::string chunk = client.ReadBytes(size + 2);
      if (size == 0) break;
      body += chunk.substr(0, size);
    }
    for (int i = 0; i < 1000; ++i) expected += "data: " + std::to_string(i) + "\n\n";
    EXPECT_EQ(body, expected);
  }
}

TEST_F(HttpServerTest, StreamsToHttp10EndWithTheConnection) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->BeginStream(200, {});
    exchange->Write("one");
    exchange->Write("two");
    exchange->EndStream();
  });
  TestClient client = Connect();
  client.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string answer = client.ReadToEnd();
  EXPECT_EQ(BodyOf(answer), "onetwo");
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
}

TEST_F(HttpServerTest, FirstBytesAreNotHeldBack) {
  Desk desk;
  Start(desk.handler());
  TestClient client = Connect();
  client.Send(kGet);
  const auto exchange = desk.Next();
  exchange->BeginStream(200, {});
  EXPECT_EQ(StatusOf(client.ReadUntil("\r\n\r\n")), 200);
  exchange->Write("a");
  EXPECT_EQ(client.ReadUntil("a\r\n"), "1\r\na\r\n");
  exchange->EndStream();
  EXPECT_EQ(client.ReadUntil("0\r\n\r\n"), "0\r\n\r\n");
}

TEST_F(HttpServerTest, ASlowReaderIsCutWhenItsQueueIsFull) {
  options_.max_queued_bytes = 1 << 20;
  Desk desk;
  Start(desk.handler());
  TestClient client = Connect(4096);
  client.Send(kGet);
  const auto exchange = desk.Next();
  std::atomic<int> disconnects{0};
  exchange->OnDisconnect([&] { ++disconnects; });
  exchange->BeginStream(200, {});
  std::size_t written = 0;
  const std::string block(64 << 10, 'x');
  while (exchange->Write(block) && written < (1U << 30U)) {
    written += block.size();
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_LT(written, 64U << 20U);
  EXPECT_TRUE(WaitFor([&] { return disconnects == 1 && server_->connections() == 0; }));
  EXPECT_TRUE(exchange->disconnected());
  EXPECT_FALSE(exchange->Write("more"));
}

TEST_F(HttpServerTest, AReaderThatCatchesUpGetsEverything) {
  Desk desk;
  Start(desk.handler());
  TestClient client = Connect(4096);
  client.Send(kGet);
  const auto exchange = desk.Next();
  exchange->Send({200, {}, std::string(20 << 20, 'y')});
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(BodyOf(client.ReadAnswer()), std::string(20 << 20, 'y'));
  EXPECT_FALSE(exchange->disconnected());
}

TEST_F(HttpServerTest, AReaderThatStopsIsCut) {
  options_.write_timeout = 100ms;
  Desk desk;
  Start(desk.handler());
  TestClient client = Connect(4096);
  client.Send(kGet);
  const auto exchange = desk.Next();
  std::promise<void> gone;
  exchange->OnDisconnect([&] { gone.set_value(); });
  exchange->Send({200, {}, std::string(20 << 20, 'y')});
  EXPECT_EQ(gone.get_future().wait_for(10s), std::future_status::ready);
}

TEST_F(HttpServerTest, DisconnectsAreNoticedWhileTheAnswerIsMade) {
  Desk desk;
  Start(desk.handler());
  for (const bool reset : {false, true}) {
    for (const bool streaming : {false, true}) {
      TestClient client = Connect();
      client.Send(kGet);
      auto exchange = desk.Next();
      std::promise<std::thread::id> gone;
      exchange->OnDisconnect([&] { gone.set_value(std::this_thread::get_id()); });
      if (streaming) {
        exchange->BeginStream(200, {});
        EXPECT_TRUE(exchange->Write("x"));
        client.ReadUntil("x\r\n");
      }
      reset ? client.Reset() : client.Close();
      auto when = gone.get_future();
      ASSERT_EQ(when.wait_for(10s), std::future_status::ready);
      EXPECT_NE(when.get(), std::this_thread::get_id());
      EXPECT_TRUE(exchange->disconnected());
      EXPECT_FALSE(exchange->Write("y"));
      std::promise<void> again;  // registered late: called at once
      exchange->OnDisconnect([&] { again.set_value(); });
      EXPECT_EQ(again.get_future().wait_for(10s), std::future_status::ready);
      exchange.reset();
      EXPECT_TRUE(WaitFor([&] { return server_->connections() == 0; }));
    }
  }
}

TEST_F(HttpServerTest, AClientThatOnlyStopsSendingGetsItsAnswer) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    std::thread([exchange] {
      std::this_thread::sleep_for(30ms);
      exchange->Send({200, {}, "late"});
    }).detach();
  });
  TestClient client = Connect();
  client.Send(kGet);
  client.FinishSending();
  EXPECT_EQ(BodyOf(client.ReadAnswer()), "late");
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(HttpServerTest, NoDisconnectAfterACompleteAnswer) {
  std::atomic<int> disconnects{0};
  Start([&](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->OnDisconnect([&] { ++disconnects; });
    Echo(exchange);
  });
  {
    TestClient client = Connect();
    EXPECT_EQ(StatusOf(client.Ask(kGet)), 200);
  }
  EXPECT_TRUE(WaitFor([&] { return server_->connections() == 0; }));
  EXPECT_EQ(disconnects, 0);
}

TEST_F(HttpServerTest, AHundredClientsThatLeaveInMidStreamLeakNothing) {
  std::atomic<int> disconnects{0};
  std::atomic<int> producers{0};
  Start([&](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->OnDisconnect([&disconnects, exchange] { ++disconnects; });  // a cycle until the client is gone
    exchange->BeginStream(200, {});
    ++producers;
    std::thread([exchange, &producers] {
      while (exchange->Write("data: token\n\n")) std::this_thread::sleep_for(1ms);
      --producers;
    }).detach();
  });
  {
    std::vector<TestClient> clients;
    for (int i = 0; i < 100; ++i) {
      clients.push_back(Connect());
      clients.back().Send(kGet);
    }
    for (int i = 0; i < 100; ++i) {
      EXPECT_NE(clients[static_cast<std::size_t>(i)].ReadUntil("token"), "");
      if (i % 2 == 0) clients[static_cast<std::size_t>(i)].Reset();
    }
  }
  EXPECT_TRUE(WaitFor([&] { return disconnects == 100 && producers == 0 && server_->connections() == 0; }));
}

TEST_F(HttpServerTest, DroppedExchanges) {
  options_.error_body = [](int status, std::string_view) {
    return HttpResponse{status, {}, "shaped " + std::to_string(status)};
  };
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/throw") throw std::runtime_error("oops");
    if (exchange->request().path == "/half") {
      exchange->BeginStream(200, {});
      exchange->Write("half");
    }
  });
  TestClient client = Connect();
  const std::string dropped = client.Ask(kGet);
  EXPECT_EQ(StatusOf(dropped), 500);
  EXPECT_EQ(BodyOf(dropped), "shaped 500");
  EXPECT_EQ(StatusOf(client.Ask("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n")), 500);
  client.Send("GET /half HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.ReadToEnd().find("\r\n0\r\n\r\n"), std::string::npos);  // cut, not ended
}

TEST_F(HttpServerTest, SecondAnswersAreIgnored) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    EXPECT_FALSE(exchange->Write("too early"));
    exchange->Send({200, {}, "first"});
    exchange->Send({404, {}, "second"});
    exchange->BeginStream(500, {});
    EXPECT_FALSE(exchange->Write("third"));
    exchange->EndStream();
  });
  TestClient client = Connect();
  EXPECT_EQ(BodyOf(client.Ask(kGet)), "first");
  EXPECT_EQ(BodyOf(client.Ask(kGet)), "first");
}

TEST_F(HttpServerTest, StopWaitsForRunningAnswers) {
  Desk desk;
  Start(desk.handler());
  TestClient idle = Connect();
  TestClient busy = Connect();
  busy.Send(kGet);
  const auto exchange = desk.Next();
  const std::uint16_t port = server_->port();
  std::thread stopper([&] { server_->Stop(10s); });
  EXPECT_TRUE(idle.AtEnd());  // idle ones are closed at once
  EXPECT_FALSE(TestClient(port).connected());
  exchange->Send({200, {}, "done"});
  const std::string answer = busy.ReadAnswer();
  EXPECT_EQ(BodyOf(answer), "done");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  busy.Close();
  stopper.join();
  EXPECT_EQ(server_->connections(), 0U);
  server_->Stop(0ms);  // again is fine
}

TEST_F(HttpServerTest, StopCutsAfterTheGraceTime) {
  Desk desk;
  Start(desk.handler());
  TestClient busy = Connect();
  busy.Send(kGet);
  const auto exchange = desk.Next();
  std::atomic<bool> gone{false};
  exchange->OnDisconnect([&] { gone = true; });
  exchange->BeginStream(200, {});
  const auto start = Clock::now();
  server_->Stop(50ms);
  EXPECT_LT(Clock::now() - start, 5s);
  EXPECT_TRUE(gone);
  server_.reset();
  // The exchange outlives its server.
  EXPECT_FALSE(exchange->Write("x"));
  std::atomic<bool> late{false};
  exchange->OnDisconnect([&] { late = true; });
  EXPECT_TRUE(late);
}

TEST_F(HttpServerTest, StopWhileEverybodyTalks) {
  Start();
  std::atomic<bool> done{false};
  std::vector<std::thread> clients;
  const std::uint16_t port = server_->port();
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!done) {
        TestClient client(port);
        for (int k = 0; k < 20 && client.Ask(kGet).size() > 0; ++k) {
        }
      }
    });
  }
  std::this_thread::sleep_for(50ms);
  server_->Stop(2s);
  done = true;
  for (auto& client : clients) client.join();
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(HttpServerTest, ManyThreadsWriteWhileOthersReadAndLeave) {
  Start([](const std::shared_ptr<HttpExchange>& exchange) {
    std::thread([exchange] {
      exchange->BeginStream(200, {});
      for (int i = 0; i < 200 && exchange->Write("0123456789"); ++i) {
        if (i % 50 == 0) std::this_thread::sleep_for(1ms);
      }
      exchange->EndStream();
    }).detach();
  });
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([this, i] {
      for (int k = 0; k < 10; ++k) {
        TestClient client = Connect();
        client.Send(kGet);
        if ((i + k) % 3 == 0) {
          client.ReadUntil("0123456789");
          client.Reset();
        } else {
          EXPECT_NE(client.ReadUntil("\r\n0\r\n\r\n"), "");
        }
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_TRUE(WaitFor([&] { return server_->connections() == 0; }));
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
