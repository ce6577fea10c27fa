// One client's connection: reads requests, one after the other, and writes their answers. Internal to net.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/answer_channel.h"
#include "net/http_server.h"
#include "net/request_reader.h"
#include "net/response_head.h"

namespace bowhead::net {

class Connection;

/// What a connection needs of its server. Used on the server's thread only; outlives all connections.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  [[nodiscard]] virtual const HttpServerOptions& options() const = 0;
  [[nodiscard]] virtual const HttpHandler& handler() const = 0;
  [[nodiscard]] virtual bool stopping() const = 0;
  virtual std::string_view Date() = 0;
  virtual void Post(std::function<void()> task) = 0;  // from any thread
  virtual void Closed(Connection& connection) = 0;
};

/// All methods run on the server's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  /// `counted`: whether it takes one of max_connections.
  Connection(ConnectionHost& host, boost::asio::ip::tcp::socket socket, bool counted);

  void Start();
  /// Answers without reading a request (503 when the server is full), then closes.
  void StartRefusing(int status, std::string_view message);

  /// Closes if its time is over (or answers 408).
  void CheckDeadline(Clock::time_point now);
  /// The server stops: closes an idle connection; any other one closes after its answer.
  void Drain();
  void Close();

  [[nodiscard]] bool counted() const { return counted_; }

 private:
  enum class Phase : std::uint8_t {
    kIdle,        // between requests
    kReading,     // some of a request has come
    kAnswering,   // reads on, to notice a client that leaves
    kLingering,   // all is said; what still comes is dropped, since closing at once could destroy the answer on its way
    kHandedOver,  // another protocol's server has the connection; we only watch for its end
  };

  void Peek(bool again);
  void OnPeek(boost::system::error_code error, std::size_t size, bool again);
  void AwaitPreface();
  void SetLowWater(int bytes);
  void HandOver();
  void WatchForEnd();
  void Read();
  void OnRead(boost::system::error_code error, std::size_t size);
  void OnEndOfInput();
  void ProcessInput();
  void StartAnswer();
  [[nodiscard]] HttpResponse ErrorResponse(int status, std::string_view message) const;
  void Refuse(int status, std::string_view message);
  void MakeChannel();
  void Flush();
  void WriteInterim();
  void FormatPiece(AnswerChannel::Piece piece);
  void WriteSome();
  void OnWritten(boost::system::error_code error, std::size_t size);
  void StartDirect();
  void FinishAnswer();
  void Linger();

  ConnectionHost& host_;
  boost::asio::ip::tcp::socket socket_;
  const bool counted_;
  Phase phase_ = Phase::kIdle;
  bool closed_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();        // of the phase
  Clock::time_point write_deadline_ = Clock::time_point::max();  // of the write in flight

  RequestReader reader_;
  const std::size_t max_read_ahead_;  // of the running answer
  std::array<char, 16 << 10> read_buffer_;
  std::string input_;  // read and not used yet, from input_start_ on
  std::size_t input_start_ = 0;
  bool reading_ = false;
  bool end_of_input_ = false;
  bool drop_input_ = false;

  std::shared_ptr<AnswerChannel> channel_;  // of the running answer
  bool keep_alive_ = true;
  bool http10_ = false;
  bool head_only_ = false;
  bool chunked_ = false;
  bool direct_ = false;         // the channel sends by itself
  bool headless_body_ = false;  // the status allows no body

  bool writing_ = false;
  bool interim_ = false;  // "100 Continue" is in flight
  bool last_piece_ = false;
  std::string head_;
  std::string body_;
  std::array<boost::asio::const_buffer, 3> out_;
};

}  // namespace bowhead::net
