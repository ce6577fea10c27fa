// gRPC over connections that the listener hands over: bowhead.v1.Bowhead, health, reflection.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "api/api_server.h"
#include "base/status.h"

namespace bowhead::api {

/// The limits are those of the HTTP/1.1 server (net::HttpServerOptions) where there are such.
struct GrpcOptions {
  std::size_t max_message_bytes = 8 << 20;            // RESOURCE_EXHAUSTED over it
  std::size_t max_metadata_bytes = 16 << 10;          // of one call
  std::size_t max_calls = 1024;                       // at a time, over all connections: UNAVAILABLE over it
  int max_calls_per_connection = 128;                 // clients let further ones wait
  std::size_t max_queued_bytes = 4 << 20;             // of one slow reader
  std::chrono::milliseconds request_timeout{30'000};  // until the whole request is there
  std::chrono::milliseconds turn_timeout{600'000};    // between the messages of a live conversation
  std::chrono::milliseconds idle_timeout{75'000};     // a connection without calls
  std::chrono::milliseconds write_timeout{30'000};    // a write that makes no progress
};

/// Serves what Adopt() gives it. Thread-safe.
class GrpcServer {
 public:
  virtual ~GrpcServer() = default;  // Stop(0)

  /// `api` must outlive it. Errors: kInternal.
  static base::Result<std::unique_ptr<GrpcServer>> Start(const GrpcOptions& options, ApiServer& api);

  /// Takes a connected, non-blocking stream socket (TCP, or one end of a pair whose other end somebody pumps) from
  /// which HTTP/2 will come. Does not block. `peer` is for the log.
  virtual void Adopt(int socket, const std::string& peer) = 0;

  /// Tells clients to go away, waits until running calls end or the grace time is over, then cancels them.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace bowhead::api
