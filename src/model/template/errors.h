// How an error travels inside of the template module: thrown where it is found, turned into a Status by Parse and
// Render.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "base/status.h"

namespace bowhead::model {

/// Never leaves the template module. `raw`: the message is the template's own (raise_exception), shown as it is.
struct TemplateError {
  base::StatusCode code;
  std::string message;
  std::size_t line = 0;  // 0: not known where it was thrown
  bool raw = false;
};

/// A use that Python would refuse too (wrong type, undefined value, bad argument).
[[noreturn]] inline void Fail(std::string message) {
  throw TemplateError{base::StatusCode::kInvalidArgument, std::move(message)};
}
[[noreturn]] inline void FailAt(std::size_t line, std::string message) {
  throw TemplateError{base::StatusCode::kInvalidArgument, std::move(message), line};
}
/// Something that Jinja can do and we cannot.
[[noreturn]] inline void FailUnknown(std::size_t line, std::string message) {
  throw TemplateError{base::StatusCode::kUnimplemented, std::move(message), line};
}
[[noreturn]] inline void FailLimit(std::string message) {
  throw TemplateError{base::StatusCode::kResourceExhausted, std::move(message)};
}

}  // namespace bowhead::model
