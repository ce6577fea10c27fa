#include "api/error.h"

#include <utility>

#include "api/json.h"

namespace bowhead::api {

ApiError BadParameter(std::string_view param, std::string message) {
  return {.status = 400, .message = std::move(message), .param = std::string(param)};
}

ApiError FromStatus(const base::Status& status) {
  ApiError error;
  error.message = status.message();
  switch (status.code()) {
    case base::StatusCode::kOk:
    case base::StatusCode::kUnknown:
    case base::StatusCode::kInternal:
    case base::StatusCode::kDataLoss:
      error.status = 500;
      error.type = "server_error";
      break;
    case base::StatusCode::kInvalidArgument:
    case base::StatusCode::kFailedPrecondition:
      break;
    case base::StatusCode::kUnimplemented:
      error.code = "unsupported";
      break;
    case base::StatusCode::kOutOfRange:
      error.code = "context_length_exceeded";
      break;
    case base::StatusCode::kNotFound:
      error.status = 404;
      break;
    case base::StatusCode::kAlreadyExists:
    case base::StatusCode::kAborted:
      error.status = 409;
      break;
    case base::StatusCode::kUnauthenticated:
      error.status = 401;
      error.type = "authentication_error";
      error.code = "invalid_api_key";
      break;
    case base::StatusCode::kPermissionDenied:
      error.status = 403;
      error.type = "permission_error";
      break;
    case base::StatusCode::kResourceExhausted:
      error.status = 429;
      error.type = "rate_limit_error";
      error.code = "overloaded";
      error.retry_after_seconds = 1;
      break;
    case base::StatusCode::kCancelled:
    case base::StatusCode::kUnavailable:
      error.status = 503;
      error.type = "server_error";
      error.code = "unavailable";
      error.retry_after_seconds = 5;
      break;
    case base::StatusCode::kDeadlineExceeded:
      error.status = 504;
      error.type = "server_error";
      break;
  }
  return error;
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
