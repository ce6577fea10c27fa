// How the HTTP server answers: streams, slow readers, clients that leave, and its own end.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/http_server.h"
#include "net/server_for_test.h"
#include "net/test_client.h"

namespace bowhead::net {
namespace {

class HttpAnswerTest : public HttpServerTest {};

TEST_F(HttpAnswerTest, StreamsInChunks) {
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

// Once its head is out, whoever writes also sends, until the socket is full; the server's thread sends what is left.
// Sizes from one byte to more than any socket holds, so that both ways alternate; the order must hold.
TEST_F(HttpAnswerTest, ChunksSentByTheWriterAndByTheServerKeepTheirOrder) {
  constexpr std::size_t kWrites = 300;
  const auto text = [](std::size_t i) {
    return std::string(i % 50 == 49 ? 60'000 : i % 7 + 1, static_cast<char>('a' + i % 26));
  };
  Desk desk;
  Start(desk.handler());
  TestClient client = Connect(4096);
  client.Send(kGet);
  const auto exchange = desk.Next();
  exchange->BeginStream(200, {});
  client.ReadUntil("\r\n\r\n");
  std::thread writer([&] {
    for (std::size_t i = 0; i < kWrites; ++i) EXPECT_TRUE(exchange->Write(text(i)));
    exchange->EndStream();
  });
  std::string expected;
  for (std::size_t i = 0; i < kWrites; ++i) expected += text(i);
  std::string body;
  for (;;) {
    const std::size_t size = std::strtoul(client.ReadUntil("\r\n").c_str(), nullptr, 16);
    const std::string chunk = client.ReadBytes(size + 2);
    if (size == 0) break;
    body += chunk.substr(0, size);
  }
  writer.join();
  EXPECT_TRUE(body == expected);
  client.Send(kGet);  // the connection is in order
  desk.Next()->Send({200, {}, "next"});
  EXPECT_EQ(StatusOf(client.ReadUntil("\r\n\r\n")), 200);
}

TEST_F(HttpAnswerTest, StreamsToHttp10EndWithTheConnection) {
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

TEST_F(HttpAnswerTest, FirstBytesAreNotHeldBack) {
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

TEST_F(HttpAnswerTest, ASlowReaderIsCutWhenItsQueueIsFull) {
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

TEST_F(HttpAnswerTest, AReaderThatCatchesUpGetsEverything) {
  Desk desk;
  Start(desk.handler());
  TestClient client = Connect(128 << 10);
  client.Send(kGet);
  const auto exchange = desk.Next();
  exchange->Send({200, {}, std::string(8 << 20, 'y')});
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(BodyOf(client.ReadAnswer()), std::string(8 << 20, 'y'));
  EXPECT_FALSE(exchange->disconnected());
}

TEST_F(HttpAnswerTest, AReaderThatStopsIsCut) {
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

TEST_F(HttpAnswerTest, DisconnectsAreNoticedWhileTheAnswerIsMade) {
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

TEST_F(HttpAnswerTest, AClientThatOnlyStopsSendingGetsItsAnswer) {
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

TEST_F(HttpAnswerTest, NoDisconnectAfterACompleteAnswer) {
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

TEST_F(HttpAnswerTest, AHundredClientsThatLeaveInMidStreamLeakNothing) {
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

TEST_F(HttpAnswerTest, DroppedExchanges) {
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

TEST_F(HttpAnswerTest, SecondAnswersAreIgnored) {
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

TEST_F(HttpAnswerTest, StopWaitsForRunningAnswers) {
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

TEST_F(HttpAnswerTest, StopCutsAfterTheGraceTime) {
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

TEST_F(HttpAnswerTest, StopWhileEverybodyTalks) {
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

TEST_F(HttpAnswerTest, ManyThreadsWriteWhileOthersReadAndLeave) {
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

}  // namespace
}  // namespace bowhead::net
