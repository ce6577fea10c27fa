// Errors, as each API shapes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "engine/backend.h"
#include "net/http_server.h"

namespace bowhead::api {

/// What goes wrong for a client. Empty `param` and `code` are sent as null.
struct ApiError {
  int status = 400;
  std::string message = {};
  std::string type = "invalid_request_error";
  std::string param = {};
  std::string code = {};
  int retry_after_seconds = 0;  // 0: no Retry-After header
};

/// What HTTP and gRPC say about one kind of failure. The enum's numbers are gRPC's own.
struct StatusRow {
  base::StatusCode grpc = base::StatusCode::kInternal;
  int http = 500;
  std::string_view type = "server_error";
  std::string_view code = {};
  int retry_after_seconds = 0;
};

/// The row of a Status' code.
const StatusRow& RowOf(base::StatusCode code);

/// The gRPC code of an error: that of the row with its HTTP status and, where there are several, its `code`.
base::StatusCode GrpcCodeOf(const ApiError& error);

/// A 400 about one parameter.
ApiError BadParameter(std::string_view param, std::string message);

/// The HTTP error for a Status: kOutOfRange is 400 context_length_exceeded, kResourceExhausted 429 with Retry-After,
/// kUnavailable 503 with Retry-After, kUnauthenticated 401, and so on.
ApiError FromStatus(const base::Status& status);

/// FromStatus for what the backend refused: a 429 says when to come back.
ApiError FromRefusal(const base::Status& status, const engine::Backend& backend, const std::string& tenant);

/// Whose clients a route is for.
enum class ApiShape : std::uint8_t { kOpenAi, kAnthropic, kOllama };

/// OpenAI: {"error": {"message", "type", "param", "code"}}. Anthropic: {"type": "error", "error": {"type", "message"}}.
/// Ollama: {"error": message}.
std::string ErrorBody(const ApiError& error, ApiShape shape = ApiShape::kOpenAi);
net::HttpResponse ErrorResponse(const ApiError& error, ApiShape shape = ApiShape::kOpenAi);

/// The shape for what the HTTP server refuses by itself (net::HttpServerOptions::error_body).
net::HttpResponse TransportError(int status, std::string_view message);

}  // namespace bowhead::api
