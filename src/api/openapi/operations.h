// What the server can be asked, as the OpenAPI document lists it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "api/error.h"

namespace bowhead::api {

/// How an operation may go wrong, besides what any request can (400, 403, 408, 431, 500).
enum class OperationKind : std::uint8_t {
  kOpen,      // needs no key and no model
  kRead,      // 401, 404, 503
  kCompute,   // reads a body: 404, 413, 415, 503, and what a server under load says
  kGenerate,  // kCompute that may also be refused under load and run out of time: 429, 504
};

/// One path with one method.
struct Operation {
  std::string_view path;    // "/v1/models/{model}"
  std::string_view method;  // "get", "post", "delete"; where there is get there is head
  std::string_view id;      // operationId
  std::string_view summary;
  OperationKind kind = OperationKind::kRead;
  std::string_view request = {};  // a ParamTable's name; of GET: its rows are query parameters
  std::string_view answer = {};   // an answer schema's name; "": text of `type`
  std::string_view type = "application/json";
  std::string_view events = {};  // the schema of one event or line where the answer may be a stream
  ApiShape shape = ApiShape::kOpenAi;
  bool needs_body = true;  // of POST: an empty one is a mistake
};

std::span<const Operation> Operations();

}  // namespace bowhead::api
