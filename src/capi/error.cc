#include "capi/error.h"

#include <cstring>
#include <memory>
#include <string_view>

namespace bowhead::capi {

Outcome BadParam(std::string param, std::string message) {
  return {base::InvalidArgument(std::move(message)), std::move(param)};
}

int Report(const Outcome& outcome, bowhead_error** error) noexcept {
  const int code = static_cast<int>(outcome.status.code());
  if (outcome.ok() || error == nullptr) return code;
  try {
    *error = new bowhead_error{code, outcome.status.message(), outcome.param};  // the caller's to free
  } catch (const std::bad_alloc&) {
    *error = nullptr;  // reads as "out of memory"
  }
  return code;
}

std::string_view TextOf(const char* text, std::size_t length) {
  if (text == nullptr) return {};
  return {text, length == BOWHEAD_NUL ? std::strlen(text) : length};
}

}  // namespace bowhead::capi

int bowhead_abi_version(void) {
  return BOWHEAD_ABI_VERSION;
}

const char* bowhead_version(void) {
  return BOWHEAD_VERSION;
}

int bowhead_error_code(const bowhead_error* error) {
  return error == nullptr ? BOWHEAD_RESOURCE_EXHAUSTED : error->code;
}

const char* bowhead_error_message(const bowhead_error* error) {
  return error == nullptr ? "out of memory" : error->message.c_str();
}

const char* bowhead_error_param(const bowhead_error* error) {
  return error == nullptr ? "" : error->param.c_str();
}

void bowhead_error_free(bowhead_error* error) {
  delete error;
}
