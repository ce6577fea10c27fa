#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"  // Asio's fences come beside a mutex, which TSan does understand
#endif

#include "net/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <span>
#include <utility>

#include "net/uri.h"

namespace bowhead::net {
namespace {

/// Read ahead of the running answer at most this much and a header.
constexpr std::size_t kMaxReadAhead = 64 << 10;
constexpr std::chrono::milliseconds kLingerTime{1000};
constexpr std::string_view kPrefaceLine = "PRI * HTTP/2.0\r\n";

RequestReader::Limits LimitsOf(const HttpServerOptions& options) {
  RequestReader::Limits limits;
  limits.max_header_bytes = options.max_header_bytes;
  limits.max_body_bytes = options.max_body_bytes;
  return limits;
}

std::string PeerOf(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? "" : HostAndPort(endpoint.address().to_string(), endpoint.port());
}

}  // namespace

Connection::Connection(ConnectionHost& host, boost::asio::ip::tcp::socket socket, bool counted)
    : host_(host),
      socket_(std::move(socket)),
      counted_(counted),
      reader_(LimitsOf(host.options())),
      max_read_ahead_(host.options().max_header_bytes + kMaxReadAhead) {}

void Connection::Start() {
  deadline_ = Clock::now() + host_.options().first_byte_timeout;
  if (host_.options().take_http2) return Peek(/*again=*/false);
  Read();
}

/// The first line of HTTP/2's preface is no request of HTTP/1.1, and no shorter than the shortest of those. It is
/// looked at and not read, so that whoever takes the connection finds it.
void Connection::Peek(bool again) {
  socket_.async_receive(boost::asio::buffer(read_buffer_.data(), kPrefaceLine.size()), MSG_PEEK,
                        [self = shared_from_this(), again](boost::system::error_code error, std::size_t size) {
                          self->OnPeek(error, size, again);
                        });
}

void Connection::OnPeek(boost::system::error_code error, std::size_t size, bool again) {
  if (closed_) return;
  const std::string_view seen(read_buffer_.data(), error ? 0 : size);
  if (drop_input_) return Read();  // it was refused for its slowness meanwhile
  if (seen == kPrefaceLine) return HandOver();
  const bool undecided = !seen.empty() && kPrefaceLine.starts_with(seen);
  if (!undecided || again) {  // the second look comes when there is enough to see, or no more to come
    if (again) SetLowWater(1);
    return Read();
  }
  phase_ = Phase::kReading;
  deadline_ = Clock::now() + host_.options().request_timeout;
  SetLowWater(static_cast<int>(kPrefaceLine.size()));
  AwaitPreface();
}

/// Until there are as many bytes as the first line has, or an end.
void Connection::AwaitPreface() {
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](boost::system::error_code error) {
                       if (self->closed_) return;
                       if (error) return self->Close();
                       // The event may be of the time before the low water mark was set.
                       pollfd state{.fd = self->socket_.native_handle(), .events = POLLIN, .revents = 0};
                       poll(&state, 1, 0) == 0 ? self->AwaitPreface() : self->Peek(/*again=*/true);
                     });
}

void Connection::SetLowWater(int bytes) {
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::socket_base::receive_low_watermark(bytes), ignored);
}

/// The taker gets a descriptor of its own. Ours tells when the connection ends, and can end it.
void Connection::HandOver() {
  SetLowWater(1);
  boost::system::error_code error;
  socket_.native_non_blocking(true, error);
  const int copy = error ? -1 : fcntl(socket_.native_handle(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0 || host_.stopping()) {
    if (copy >= 0) close(copy);
    return Close();
  }
  phase_ = Phase::kHandedOver;
  deadline_ = Clock::time_point::max();
  host_.options().take_http2(copy, PeerOf(socket_));
  WatchForEnd();
}

void Connection::WatchForEnd() {
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_error,
                     [self = shared_from_this()](boost::system::error_code error) {
                       if (self->closed_) return;
                       pollfd state{.fd = self->socket_.native_handle(), .events = 0, .revents = 0};
                       const bool urgent_data_only = !error && poll(&state, 1, 0) == 0;
                       urgent_data_only ? self->WatchForEnd() : self->Close();
                     });
}

void Connection::StartRefusing(int status, std::string_view message) {
  Refuse(status, message);
  Read();
}

void Connection::CheckDeadline(Clock::time_point now) {
  if (closed_) return;
  if (now >= write_deadline_) {
    Close();
  } else if (now >= deadline_) {
    if (phase_ == Phase::kReading) {
      Refuse(408, "the request did not arrive in time");
    } else {
      Close();
    }
  }
}

void Connection::Drain() {
  if (phase_ == Phase::kIdle) Close();
  keep_alive_ = false;
}

void Connection::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  const auto channel = std::exchange(channel_, nullptr);
  if (channel != nullptr) channel->StopDirect();
  boost::system::error_code ignored;
  if (phase_ == Phase::kHandedOver) socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.close(ignored);
  if (channel != nullptr) {
    channel->Disconnect();
    channel->Detach();
  }
  host_.Closed(*this);
}

void Connection::Read() {
  if (closed_ || reading_ || end_of_input_ || input_.size() - input_start_ >= max_read_ahead_) return;
  reading_ = true;
  socket_.async_read_some(
      boost::asio::buffer(read_buffer_),
      [self = shared_from_this()](boost::system::error_code error, std::size_t size) { self->OnRead(error, size); });
}

void Connection::OnRead(boost::system::error_code error, std::size_t size) {
  reading_ = false;
  if (closed_) return;
  if (error == boost::asio::error::eof) return OnEndOfInput();
  if (error) return Close();
  if (!drop_input_) {
    if (input_start_ == input_.size() || input_start_ > kMaxReadAhead) {
      input_.erase(0, input_start_);
      input_start_ = 0;
    }
    input_.append(read_buffer_.data(), size);
    ProcessInput();
  }
  Read();
}

/// The client sends no more. One that has closed cannot be told from one that still listens, so an answer that has
/// begun ends here, and one that has not is given the chance to be sent whole.
void Connection::OnEndOfInput() {
  end_of_input_ = true;
  keep_alive_ = false;
  if (phase_ != Phase::kAnswering) return Close();
  const auto channel = channel_;
  if (channel->ended()) return;
  if (channel->started()) return Close();
  channel->Disconnect();
}

void Connection::ProcessInput() {
  while ((phase_ == Phase::kIdle || phase_ == Phase::kReading) && input_start_ < input_.size()) {
    if (phase_ == Phase::kIdle) {
      phase_ = Phase::kReading;
      deadline_ = Clock::now() + host_.options().request_timeout;
    }
    const std::size_t used = reader_.Read(std::string_view(input_).substr(input_start_));
    input_start_ += used;
    if (reader_.state() == RequestReader::State::kFailed) {
      return Refuse(reader_.error_status(), reader_.error_message());
    }
    if (reader_.state() == RequestReader::State::kDone) return StartAnswer();
    if (used == 0) break;
  }
  if (input_start_ == input_.size() && reader_.TakeExpectContinue() && !writing_) WriteInterim();
}

void Connection::MakeChannel() {
  phase_ = Phase::kAnswering;
  deadline_ = Clock::time_point::max();
  last_piece_ = false;
  chunked_ = false;
  direct_ = false;
  channel_ = std::make_shared<AnswerChannel>(
      host_.options().max_queued_bytes, [host = &host_](AnswerChannel::Task task) { host->Post(std::move(task)); },
      [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->Flush();
      });
}

void Connection::StartAnswer() {
  keep_alive_ = reader_.keep_alive() && !host_.stopping() && !end_of_input_;
  http10_ = reader_.is_version_one_zero();
  HttpRequest request = reader_.Take();
  head_only_ = request.method == "HEAD";
  request.peer = PeerOf(socket_);
  MakeChannel();
  try {
    host_.handler()(MakeExchange(std::move(request), channel_));
  } catch (...) {  // the exchange is gone now: the client gets its 500
  }
}

HttpResponse Connection::ErrorResponse(int status, std::string_view message) const {
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  response.body = std::string(message) + "\n";
  if (host_.options().error_body) {
    try {
      response = host_.options().error_body(status, message);
    } catch (...) {  // plain text will do
    }
  }
  response.status = status;
  return response;
}

void Connection::Refuse(int status, std::string_view message) {
  HttpResponse response = ErrorResponse(status, message);
  keep_alive_ = false;
  head_only_ = false;
  drop_input_ = true;
  input_.clear();
  input_start_ = 0;
  MakeChannel();
  channel_->Send(std::move(response));
}

void Connection::WriteInterim() {
  head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  out_ = {boost::asio::buffer(head_), boost::asio::const_buffer(), boost::asio::const_buffer()};
  interim_ = true;
  WriteSome();
}

void Connection::Flush() {
  if (closed_ || channel_ == nullptr) return;
  if (channel_->broken()) return Close();
  if (writing_ || last_piece_) return;
  AnswerChannel::Piece piece = channel_->Take();
  const bool nothing = !piece.head.has_value() && piece.rest.empty() && piece.body.empty() && !piece.last;
  if (nothing) return;
  if (piece.head.has_value() && piece.head->abandoned) {
    HttpResponse response = ErrorResponse(500, "the server dropped the request without an answer");
    piece.head = AnswerChannel::Head{
        .status = 500, .headers = std::move(response.headers), .content_length = response.body.size()};
    piece.body = std::move(response.body);
  }
  last_piece_ = piece.last;
  FormatPiece(std::move(piece));
  WriteSome();
}

/// Everything that has gathered becomes one chunk and one system call.
void Connection::FormatPiece(AnswerChannel::Piece piece) {
  head_ = std::move(piece.rest);
  if (piece.head.has_value()) {
    const AnswerChannel::Head& head = *piece.head;
    const bool stream = !head.content_length.has_value();
    headless_body_ = IsBodyless(head.status);
    chunked_ = stream && !http10_ && !headless_body_ && !head_only_;
    if (AsksToClose(head.headers) || host_.stopping() || (stream && http10_)) keep_alive_ = false;
    head_ = FormatHead(head.status, head.headers,
                       {.content_length = head.content_length,
                        .chunked = stream && !http10_,
                        .close = !keep_alive_,
                        .say_keep_alive = http10_ && keep_alive_},
                       host_.Date());
  }
  body_ = std::move(piece.body);
  if (head_only_ || headless_body_) body_.clear();
  std::string_view tail;
  if (chunked_) {
    if (!body_.empty()) {
      AppendChunkSize(body_.size(), head_);
      tail = piece.last ? "\r\n0\r\n\r\n" : "\r\n";
    } else if (piece.last) {
      tail = "0\r\n\r\n";
    }
  }
  out_ = {boost::asio::buffer(head_), boost::asio::buffer(body_), boost::asio::buffer(tail)};
}

void Connection::WriteSome() {
  writing_ = true;
  write_deadline_ = Clock::now() + host_.options().write_timeout;
  socket_.async_write_some(out_, [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
    self->OnWritten(error, size);
  });
}

void Connection::OnWritten(boost::system::error_code error, std::size_t size) {
  writing_ = false;
  write_deadline_ = Clock::time_point::max();
  if (closed_) return;
  if (error) return Close();
  for (boost::asio::const_buffer& buffer : out_) {
    const std::size_t step = std::min(size, buffer.size());
    buffer += step;
    size -= step;
  }
  if (boost::asio::buffer_size(out_) != 0) return WriteSome();
  if (std::exchange(interim_, false)) return Flush();
  if (channel_ != nullptr) channel_->Written();
  if (last_piece_) return FinishAnswer();
  if (chunked_ && !std::exchange(direct_, true)) StartDirect();
  Flush();
}

void Connection::StartDirect() {
  channel_->StartDirect([socket = socket_.native_handle()](std::string_view bytes) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? std::size_t{0} : static_cast<std::size_t>(sent);
  });
}

void Connection::FinishAnswer() {
  channel_->Detach();
  channel_.reset();
  last_piece_ = false;
  body_ = std::string();
  if (!keep_alive_ || host_.stopping()) return Linger();
  phase_ = Phase::kIdle;
  deadline_ = Clock::now() + host_.options().idle_timeout;
  ProcessInput();
  Read();
}

void Connection::Linger() {
  if (end_of_input_) return Close();
  boost::system::error_code error;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, error);
  if (error) return Close();
  phase_ = Phase::kLingering;
  drop_input_ = true;
  input_.clear();
  input_start_ = 0;
  deadline_ = Clock::now() + kLingerTime;
  Read();
}

}  // namespace bowhead::net
