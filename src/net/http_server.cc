#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wtsan"  // Asio's fences come beside a mutex, which TSan does understand
#endif

#include "net/http_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "base/scheduling.h"
#include "net/connection.h"
#include "net/uri.h"

namespace bowhead::net {
namespace {

using boost::asio::ip::tcp;
using Milliseconds = std::chrono::milliseconds;

/// Connections over max_connections that are being told so; further ones are just closed.
constexpr std::size_t kMaxRefused = 64;
constexpr Milliseconds kAcceptRetry{100};

class Server final : public HttpServer, private ConnectionHost {
 public:
  Server(HttpServerOptions options, HttpHandler handler)
      : options_(std::move(options)), handler_(std::move(handler)), ticker_(io_), accept_retry_(io_), acceptor_(io_) {}
  ~Server() override { Stop(Milliseconds(0)); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  base::Status Listen();
  void Run();

  [[nodiscard]] std::uint16_t port() const override { return port_; }
  [[nodiscard]] std::size_t connections() const override {
    const std::lock_guard lock(mutex_);
    return open_;
  }
  void Stop(Milliseconds grace) override;

 private:
  // ConnectionHost
  [[nodiscard]] const HttpServerOptions& options() const override { return options_; }
  [[nodiscard]] const HttpHandler& handler() const override { return handler_; }
  [[nodiscard]] bool stopping() const override { return stopping_; }
  std::string_view Date() override { return date_.Now(); }
  void Post(std::function<void()> task) override { boost::asio::post(io_, std::move(task)); }
  void Closed(Connection& connection) override;

  base::Result<tcp::endpoint> Resolve() const;
  void Accept();
  void OnAccept(boost::system::error_code error, tcp::socket socket);
  void Tick();
  std::vector<std::shared_ptr<Connection>> Snapshot() const;
  void StopAccepting();
  void CloseAll();

  const HttpServerOptions options_;
  const HttpHandler handler_;
  boost::asio::io_context io_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::thread thread_;
  std::uint16_t port_ = 0;

  // On the server's thread only:
  boost::asio::steady_timer ticker_;
  boost::asio::steady_timer accept_retry_;
  tcp::acceptor acceptor_;
  DateClock date_;
  bool stopping_ = false;
  bool closing_ = false;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> all_;
  std::size_t counted_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t open_ = 0;  // under mutex_

  std::mutex stop_mutex_;
  bool stopped_ = false;  // under stop_mutex_
};

base::Result<tcp::endpoint> Server::Resolve() const {
  std::string host = options_.host;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (!error) return tcp::endpoint(address, options_.port);
  boost::asio::io_context io;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(host, "", tcp::resolver::passive, error);
  if (error || found.empty() || host.empty()) {
    return base::InvalidArgument("cannot listen on host \"" + options_.host +
                                 "\": it is neither an IP address nor a name that resolves (" + error.message() + ")");
  }
  return tcp::endpoint(found.begin()->endpoint().address(), options_.port);
}

base::Status ListenError(const std::string& where, const boost::system::error_code& error) {
  if (error == boost::asio::error::address_in_use) {
    return base::Unavailable("cannot listen on " + where +
                             ": the port is in use; stop the program that uses it or choose another port");
  }
  if (error == boost::asio::error::access_denied) {
    return base::PermissionDenied("cannot listen on " + where +
                                  ": not permitted; ports under 1024 need privileges, choose a higher one");
  }
  return base::InvalidArgument("cannot listen on " + where + ": " + error.message() +
                               "; choose an address of this machine");
}

base::Status Server::Listen() {
  const base::Result<tcp::endpoint> endpoint = Resolve();
  if (!endpoint.ok()) return endpoint.status();
  const std::string where = HostAndPort(options_.host, options_.port);
  boost::system::error_code error;
  acceptor_.open(endpoint->protocol(), error);
  if (error) return ListenError(where, error);
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (endpoint->address().is_v6()) {
    acceptor_.set_option(boost::asio::ip::v6_only(!endpoint->address().is_unspecified()), error);
  }
  acceptor_.bind(*endpoint, error);
  if (!error) acceptor_.listen(SOMAXCONN, error);
  if (error) return ListenError(where, error);
  const auto local = acceptor_.local_endpoint(error);
  if (error) return ListenError(where, error);
  port_ = local.port();
  return base::OkStatus();
}

void Server::Run() {
  work_.emplace(io_.get_executor());
  boost::asio::post(io_, [this] {
    Accept();
    Tick();
  });
  thread_ = std::thread([this] {
    base::PreferShortTurns();
    for (;;) {
      try {
        io_.run();
        return;
      } catch (...) {  // a callback of the layer above threw: its connection is on its own, the others go on
      }
    }
  });
}

void Server::Accept() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (stopping_ || error == boost::asio::error::operation_aborted) return;
    OnAccept(error, std::move(socket));
  });
}

void Server::OnAccept(boost::system::error_code error, tcp::socket socket) {
  const bool exhausted = error == boost::asio::error::no_descriptors ||
                         error == boost::system::errc::too_many_files_open_in_system ||
                         error == boost::asio::error::no_memory || error == boost::asio::error::no_buffer_space;
  if (exhausted) {
    accept_retry_.expires_after(kAcceptRetry);
    accept_retry_.async_wait([this](boost::system::error_code aborted) {
      if (!aborted && !stopping_) Accept();
    });
    return;
  }
  if (!error) {
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const bool full = counted_ >= options_.max_connections;
    if (!full || all_.size() - counted_ < kMaxRefused) {
      const auto connection =
          std::make_shared<Connection>(static_cast<ConnectionHost&>(*this), std::move(socket), !full);
      all_.emplace(connection.get(), connection);
      counted_ += full ? 0 : 1;
      {
        const std::lock_guard lock(mutex_);
        open_ = all_.size();
      }
      if (full) {
        connection->StartRefusing(503, "too many connections; try again later");
      } else {
        connection->Start();
      }
    }
  }
  Accept();
}

void Server::Closed(Connection& connection) {
  counted_ -= connection.counted() ? 1 : 0;
  all_.erase(&connection);
  const std::lock_guard lock(mutex_);
  open_ = all_.size();
  changed_.notify_all();
}

/// One timer looks at all deadlines: cheaper than arming one per request, and exact enough.
void Server::Tick() {
  const Milliseconds shortest =
      std::min({options_.request_timeout, options_.first_byte_timeout, options_.idle_timeout, options_.write_timeout});
  ticker_.expires_after(std::clamp(shortest / 8, Milliseconds(5), Milliseconds(250)));
  ticker_.async_wait([this](boost::system::error_code aborted) {
    if (aborted || closing_) return;
    const auto now = Connection::Clock::now();
    for (const auto& connection : Snapshot()) connection->CheckDeadline(now);
    Tick();
  });
}

std::vector<std::shared_ptr<Connection>> Server::Snapshot() const {
  std::vector<std::shared_ptr<Connection>> all;
  all.reserve(all_.size());
  for (const auto& [key, connection] : all_) all.push_back(connection);
  return all;
}

void Server::StopAccepting() {
  stopping_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  accept_retry_.cancel();
  for (const auto& connection : Snapshot()) connection->Drain();
}

void Server::CloseAll() {
  closing_ = true;
  ticker_.cancel();
  for (const auto& connection : Snapshot()) connection->Close();
  work_.reset();
}

void Server::Stop(Milliseconds grace) {
  const std::lock_guard stop_lock(stop_mutex_);
  if (std::exchange(stopped_, true) || !thread_.joinable()) return;
  std::promise<void> draining;
  boost::asio::post(io_, [&] {
    StopAccepting();
    draining.set_value();
  });
  draining.get_future().wait();
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, grace, [&] { return open_ == 0; });
  }
  boost::asio::post(io_, [this] { CloseAll(); });
  thread_.join();
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

base::Result<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options, HttpHandler handler) {
  try {
    auto server = std::make_unique<Server>(options, std::move(handler));
    if (base::Status status = server->Listen(); !status.ok()) return status;
    server->Run();
    return std::unique_ptr<HttpServer>(std::move(server));
  } catch (const std::exception& error) {
    return base::Internal(std::string("the HTTP server does not start: ") + error.what());
  }
}

}  // namespace bowhead::net
