// What goes wrong behind the C ABI, on its way to the caller.
#pragma once

#include <bowhead/bowhead.h>

#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

struct bowhead_error {
  int code = BOWHEAD_INTERNAL;
  std::string message;
  std::string param;
};

namespace bowhead::capi {

/// A status, and the parameter to blame for it.
struct [[nodiscard]] Outcome {
  Outcome(base::Status why) : status(std::move(why)) {}  // NOLINT(google-explicit-constructor)
  Outcome(base::Status why, std::string blamed) : status(std::move(why)), param(std::move(blamed)) {}

  [[nodiscard]] bool ok() const { return status.ok(); }

  base::Status status;
  std::string param = {};
};

/// The mistake of a caller who gave a wrong value.
Outcome BadParam(std::string param, std::string message);

/// Gives the outcome to the caller: the code, and an error where there is a place for one.
int Report(const Outcome& outcome, bowhead_error** error) noexcept;

/// Runs the body of a function of the ABI, which returns an Outcome; no exception leaves it.
template <class Body>
int Guarded(bowhead_error** error, Body&& body) noexcept {
  try {
    return Report(std::forward<Body>(body)(), error);
  } catch (const std::bad_alloc&) {
    return Report(base::ResourceExhausted("out of memory"), error);
  } catch (const std::exception& exception) {
    return Report(base::Internal(exception.what()), error);
  }
}

/// A text of `length` bytes, or up to its NUL. Null is empty.
std::string_view TextOf(const char* text, std::size_t length = BOWHEAD_NUL);

}  // namespace bowhead::capi
