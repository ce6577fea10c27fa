#include "api/error.h"

#include <array>
#include <utility>

#include "api/json.h"

namespace bowhead::api {

namespace {

using Code = base::StatusCode;

/// The one table between base::Status, HTTP and gRPC. Of the rows with one HTTP status, the first is the usual one.
constexpr std::array kRows = {
    StatusRow{Code::kInternal},
    StatusRow{Code::kUnknown},
    StatusRow{Code::kDataLoss},
    StatusRow{Code::kOk},  // a failure that does not say what failed
    StatusRow{Code::kInvalidArgument, 400, "invalid_request_error"},
    StatusRow{Code::kFailedPrecondition, 400, "invalid_request_error"},
    StatusRow{Code::kUnimplemented, 400, "invalid_request_error", "unsupported"},
    StatusRow{Code::kOutOfRange, 400, "invalid_request_error", "context_length_exceeded"},
    StatusRow{Code::kUnauthenticated, 401, "authentication_error", "invalid_api_key"},
    StatusRow{Code::kPermissionDenied, 403, "permission_error"},
    StatusRow{Code::kNotFound, 404, "invalid_request_error"},
    StatusRow{Code::kAborted, 409, "invalid_request_error"},
    StatusRow{Code::kAlreadyExists, 409, "invalid_request_error"},
    StatusRow{Code::kResourceExhausted, 429, "rate_limit_error", "overloaded", 1},
    StatusRow{Code::kUnavailable, 503, "server_error", "unavailable", 5},
    StatusRow{Code::kCancelled, 503, "server_error", "unavailable", 5},
    StatusRow{Code::kDeadlineExceeded, 504, "server_error"},
};

}  // namespace

ApiError BadParameter(std::string_view param, std::string message) {
  return {.status = 400, .message = std::move(message), .param = std::string(param)};
}

const StatusRow& RowOf(base::StatusCode code) {
  for (const StatusRow& row : kRows) {
    if (row.grpc == code) return row;
  }
  return kRows.front();
}

base::StatusCode GrpcCodeOf(const ApiError& error) {
  const StatusRow* found = nullptr;
  for (const StatusRow& row : kRows) {
    if (row.http != error.status) continue;
    if (!row.code.empty() && row.code == error.code) return row.grpc;
    if (found == nullptr) found = &row;
  }
  if (found != nullptr) return found->grpc;
  switch (error.status) {  // what only HTTP has a number for
    case 405:
    case 501:
      return base::StatusCode::kUnimplemented;
    case 408:
      return base::StatusCode::kDeadlineExceeded;
    case 413:
    case 431:
      return base::StatusCode::kResourceExhausted;
    default:
      return error.status < 500 ? base::StatusCode::kInvalidArgument : base::StatusCode::kInternal;
  }
}

ApiError FromStatus(const base::Status& status) {
  const StatusRow& row = RowOf(status.code());
  return {.status = row.http,
          .message = status.message(),
          .type = std::string(row.type),
          .code = std::string(row.code),
          .retry_after_seconds = row.retry_after_seconds};
}

ApiError FromRefusal(const base::Status& status, const engine::Backend& backend, const std::string& tenant) {
  ApiError error = FromStatus(status);
  if (error.status == 429) error.retry_after_seconds = backend.RetryAfter(tenant);
  return error;
}

namespace {

std::string_view AnthropicType(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

}  // namespace

std::string ErrorBody(const ApiError& error, ApiShape shape) {
  JsonWriter json;
  if (shape == ApiShape::kAnthropic) {
    json.BeginObject().Field("type", "error").Key("error").BeginObject();
    json.Field("type", AnthropicType(error.status)).Field("message", error.message);
    return json.EndObject().EndObject().Take();
  }
  if (shape == ApiShape::kOllama) return json.BeginObject().Field("error", error.message).EndObject().Take();
  json.BeginObject().Key("error").BeginObject();
  json.Field("message", error.message).Field("type", error.type);
  if (error.param.empty()) {
    json.Key("param").Null();
  } else {
    json.Field("param", error.param);
  }
  if (error.code.empty()) {
    json.Key("code").Null();
  } else {
    json.Field("code", error.code);
  }
  json.EndObject().EndObject();
  return json.Take();
}

net::HttpResponse ErrorResponse(const ApiError& error, ApiShape shape) {
  net::HttpResponse response;
  response.status = error.status;
  response.headers.emplace_back("Content-Type", "application/json");
  if (error.retry_after_seconds > 0) {
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_seconds));
  }
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  response.body = ErrorBody(error, shape);
  return response;
}

net::HttpResponse TransportError(int status, std::string_view message) {
  ApiError error{.status = status, .message = std::string(message)};
  if (status == 413) error.code = "request_too_large";
  if (status >= 500) error.type = "server_error";
  if (status == 503) error.retry_after_seconds = 1;
  return ErrorResponse(error);
}

}  // namespace bowhead::api
