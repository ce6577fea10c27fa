#include "assistant/call_object_reader.h"

#include <utility>

namespace bowhead::assistant {

namespace {

/// Longer names are no tool's.
constexpr std::size_t kMaxName = 256;

bool IsBlank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

void CallObjectReader::Reset(bool whole, std::string_view arguments_key) {
  *this = CallObjectReader();
  whole_ = whole;
  arguments_key_ = arguments_key;
  if (!whole_) at_ = At::kValueStart;
}

CallObjectReader::Result CallObjectReader::Add(std::string_view text, std::size_t* used) {
  for (*used = 0; *used < text.size();) {
    const Result result = Take(text[*used]);
    if (result == Result::kBroken) return result;
    ++*used;
    if (result == Result::kDone) return result;
  }
  return Result::kMore;
}

std::string CallObjectReader::TakeArguments() {
  return std::exchange(arguments_, {});
}

CallObjectReader::Result CallObjectReader::Take(char c) {
  if (at_ == At::kValue) return TakeInValue(c);
  if (at_ == At::kKey) {
    if (c == '"') {
      at_ = At::kColon;
    } else if (c == '\\' || key_.size() == kMaxName) {
      return Result::kBroken;
    } else {
      key_ += c;
    }
    return Result::kMore;
  }
  if (IsBlank(c)) return Result::kMore;
  switch (at_) {
    case At::kOpen:
      at_ = At::kKeyOrEnd;
      return c == '{' ? Result::kMore : Result::kBroken;
    case At::kKeyOrEnd:
      key_.clear();
      at_ = At::kKey;
      return c == '"' ? Result::kMore : Result::kBroken;
    case At::kColon:
      at_ = At::kValueStart;
      return c == ':' ? Result::kMore : Result::kBroken;
    case At::kCommaOrEnd:
      at_ = At::kKeyOrEnd;
      if (c == '}') {
        if (has_name_ && !has_arguments_) arguments_ = "{}";
        return has_name_ ? Result::kDone : Result::kBroken;
      }
      return c == ',' ? Result::kMore : Result::kBroken;
    default:
      break;
  }
  // The first byte of a value.
  at_ = At::kValue;
  depth_ = 0;
  in_string_ = escaped_ = scalar_ = false;
  value_.clear();
  if (InArguments()) {
    if (c != '{' || has_arguments_) return Result::kBroken;
    has_arguments_ = true;
  } else if (key_ == "name" && (c != '"' || has_name_)) {
    return Result::kBroken;
  }
  scalar_ = c != '{' && c != '[' && c != '"';
  return TakeInValue(c);
}

CallObjectReader::Result CallObjectReader::TakeInValue(char c) {
  if (scalar_ && (IsBlank(c) || c == ',' || c == '}')) {
    at_ = At::kCommaOrEnd;
    return Take(c);
  }
  if (InArguments()) {
    arguments_ += c;
  } else if (key_ == "name") {
    if (c == '\\' || value_.size() > kMaxName) return Result::kBroken;
    value_ += c;
  }
  if (in_string_) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
      if (depth_ == 0) return EndValue();
    }
    return Result::kMore;
  }
  if (c == '"') {
    in_string_ = true;
  } else if (c == '{' || c == '[') {
    ++depth_;
  } else if (c == '}' || c == ']') {
    if (--depth_ == 0) return EndValue();
  }
  return Result::kMore;
}

CallObjectReader::Result CallObjectReader::EndValue() {
  if (!whole_) return Result::kDone;
  at_ = At::kCommaOrEnd;
  if (key_ == "name") {
    name_ = value_.substr(1, value_.size() - 2);
    has_name_ = true;
    if (name_.empty()) return Result::kBroken;
  }
  return Result::kMore;
}

}  // namespace bowhead::assistant
