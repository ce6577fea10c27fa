// Connections that speak HTTP/2 go to whoever takes them, unread; all others stay.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "net/server_for_test.h"
#include "net/test_client.h"

namespace bowhead::net {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class HandOverTest : public HttpServerTest {
 protected:
  void SetUp() override {
    options_.take_http2 = [this](int socket, const std::string& peer) {
      const std::lock_guard lock(mutex_);
      taken_.push_back(socket);
      peers_.push_back(peer);
    };
  }
  void TearDown() override {
    server_.reset();
    for (const int socket : taken_) ::close(socket);
  }
  std::vector<int> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  /// The first bytes of a taken connection.
  static std::string Receive(int socket, std::size_t count) {
    std::string bytes(count, '\0');
    std::size_t have = 0;
    EXPECT_TRUE(WaitFor([&] {
      const ssize_t got = ::recv(socket, bytes.data() + have, count - have, MSG_DONTWAIT);
      if (got > 0) have += static_cast<std::size_t>(got);
      return have == count;
    }));
    return bytes;
  }

  std::mutex mutex_;
  std::vector<int> taken_;
  std::vector<std::string> peers_;
};

TEST_F(HandOverTest, TheTakerFindsAllThatWasSent) {
  Start();
  TestClient client = Connect();
  client.Send(std::string(kPreface) + "settings");
  ASSERT_TRUE(WaitFor([&] { return taken().size() == 1; }));
  EXPECT_EQ(Receive(taken()[0], kPreface.size() + 8), std::string(kPreface) + "settings");
  EXPECT_TRUE(peers_[0].starts_with("127.0.0.1:"));
  ASSERT_EQ(::send(taken()[0], "answer", 6, MSG_NOSIGNAL), 6);
  EXPECT_EQ(client.ReadBytes(6), "answer");
}

TEST_F(HandOverTest, AConnectionCountsUntilItsTakerEndsIt) {
  options_.max_connections = 1;
  Start();
  TestClient client = Connect();
  client.Send(kPreface);
  ASSERT_TRUE(WaitFor([&] { return taken().size() == 1; }));
  EXPECT_EQ(server_->connections(), 1U);
  EXPECT_EQ(StatusOf(Connect().ReadAnswer()), 503);
  ::shutdown(taken()[0], SHUT_RDWR);
  EXPECT_TRUE(WaitFor([&] { return server_->connections() == 0; }));
  EXPECT_EQ(Status(kGet), 200);
}

TEST_F(HandOverTest, UrgentDataIsNoEnd) {
  Start();
  TestClient client = Connect();
  client.Send(kPreface);
  ASSERT_TRUE(WaitFor([&] { return taken().size() == 1; }));
  client.SendUrgent('!');
  EXPECT_EQ(Status(kGet), 200);  // the server's thread has been through its events
  EXPECT_EQ(server_->connections(), 2U);
}

TEST_F(HandOverTest, BytesOneByOne) {
  Start();
  TestClient http2 = Connect();
  TestClient http1 = Connect();
  const std::string get = "PUT / HTTP/1.0\r\n\r\n";
  for (std::size_t i = 0; i < kPreface.size(); ++i) {
    http2.Send(kPreface.substr(i, 1));
    if (i < get.size()) http1.Send(get.substr(i, 1));
    EXPECT_EQ(Status(kGet), 200);
  }
  EXPECT_EQ(StatusOf(http1.ReadAnswer()), 200);
  ASSERT_TRUE(WaitFor([&] { return taken().size() == 1; }));
  EXPECT_EQ(Receive(taken()[0], kPreface.size()), kPreface);
}

TEST_F(HandOverTest, WhatIsNoPrefaceIsHttp1) {
  Start();
  EXPECT_EQ(Status("PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n"), 505);
  EXPECT_EQ(Status("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 200);
  EXPECT_TRUE(taken().empty());
}

TEST_F(HandOverTest, AStallingPrefaceTimesOut) {
  options_.request_timeout = 50ms;
  Start();
  TestClient client = Connect();
  client.Send("PRI *");
  EXPECT_EQ(StatusOf(client.ReadAnswer()), 408);
  TestClient leaver = Connect();
  leaver.Send("PRI *");
  leaver.Close();
  EXPECT_TRUE(WaitFor([&] { return server_->connections() <= 1; }));
}

TEST_F(HandOverTest, StopEndsWhatIsStillThere) {
  Start();
  TestClient client = Connect();
  client.Send(kPreface);
  ASSERT_TRUE(WaitFor([&] { return taken().size() == 1; }));
  server_->Stop(0ms);
  EXPECT_TRUE(client.AtEnd());
}

}  // namespace
}  // namespace bowhead::net
