#include "net/request_reader.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "base/text.h"
#include "net/uri.h"

namespace bowhead::net {
namespace {

namespace http = boost::beast::http;

/// Those that HTTP knows; what a route does not take is for the handler to say (405).
constexpr std::array<std::string_view, 9> kMethods = {"GET",   "HEAD",    "POST",  "PUT",  "DELETE",
                                                      "PATCH", "OPTIONS", "TRACE", "QUERY"};

bool IsTokenChar(char c) {
  const bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alnum || (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

}  // namespace

RequestReader::RequestReader(const Limits& limits) : limits_(limits) {}

std::size_t RequestReader::Fail(int status, std::string message) {
  state_ = State::kFailed;
  error_status_ = status;
  error_message_ = std::move(message);
  keep_alive_ = false;
  return 0;
}

bool RequestReader::TakeExpectContinue() {
  return std::exchange(expect_continue_, false);
}

std::size_t RequestReader::Read(std::string_view input) {
  switch (state_) {
    case State::kHeader:
      return ReadHeader(input);
    case State::kBody:
      return ReadBody(input);
    case State::kDone:
    case State::kFailed:
      break;
  }
  return 0;
}

std::size_t RequestReader::ReadHeader(std::string_view input) {
  if (scanned_ <= 1 && input.starts_with("\r\n")) {  // RFC 9112, 2.2: empty lines before a request
    scanned_ = 0;
    return 2;
  }
  for (; scanned_ < input.size(); ++scanned_) {
    if (scanned_ >= limits_.max_header_bytes) {
      return Fail(431, "the header is longer than " + std::to_string(limits_.max_header_bytes) + " bytes");
    }
    const char c = input[scanned_];
    const bool after_cr = scanned_ > 0 && input[scanned_ - 1] == '\r';
    if (after_cr != (c == '\n')) return Fail(400, "lines of the header must end in CR LF");
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7F) {
      return Fail(400, "the header has control characters; this port speaks plain HTTP/1.1");
    }
    if (!first_line_done_ && scanned_ > limits_.max_target_bytes + 32) {
      return Fail(414, "the request target is longer than " + std::to_string(limits_.max_target_bytes) + " bytes");
    }
    if (c != '\n') continue;
    const bool empty_line = scanned_ - line_start_ == 1;
    if (empty_line && first_line_done_) {
      const std::size_t size = scanned_ + 1;
      if (!CheckFields(input.substr(0, size))) return 0;
      return ParseHeader(input.substr(0, size)) ? size : 0;
    }
    first_line_done_ = true;
    line_start_ = scanned_ + 1;
  }
  return 0;
}

/// What Beast reads more leniently than RFC 9112 wants it.
bool RequestReader::CheckFields(std::string_view block) {
  const std::size_t line_end = block.find("\r\n");
  const std::string_view request_line = block.substr(0, line_end);
  if (request_line.find('\t') != std::string_view::npos ||
      std::count(request_line.begin(), request_line.end(), ' ') != 2) {
    Fail(400, "malformed request line");
    return false;
  }
  block.remove_prefix(line_end + 2);
  std::size_t fields = 0;
  std::size_t length = 0;
  int lengths = 0;
  int codings = 0;
  int hosts = 0;
  while (!block.starts_with("\r\n")) {
    const std::string_view line = block.substr(0, block.find("\r\n"));
    block.remove_prefix(line.size() + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 ||
        !std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), IsTokenChar)) {
      Fail(400, "malformed header field (or a folded line, which is not allowed)");
      return false;
    }
    if (++fields > limits_.max_fields) {
      Fail(431, "more than " + std::to_string(limits_.max_fields) + " header fields");
      return false;
    }
    const std::string name = base::ToLower(line.substr(0, colon));
    const std::string_view value = base::Trim(line.substr(colon + 1));
    if (name == "content-length") {
      ++lengths;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
      if (error != std::errc() || end != value.data() + value.size()) {
        Fail(400, "Content-Length must be one decimal number");
        return false;
      }
    } else if (name == "transfer-encoding") {
      ++codings;
      if (base::ToLower(value) != "chunked") {
        Fail(501, "Transfer-Encoding may only be chunked");
        return false;
      }
    } else if (name == "host") {
      ++hosts;
    } else if (name == "expect") {
      if (base::ToLower(value) != "100-continue") {
        Fail(417, "Expect may only be 100-continue");
        return false;
      }
      expect_continue_ = true;
    }
  }
  is_version_one_zero_ = request_line.ends_with(" HTTP/1.0");
  const bool is_http11 = request_line.ends_with(" HTTP/1.1");
  const std::size_t version = request_line.rfind(" HTTP/");
  if (!is_version_one_zero_ && !is_http11) {
    Fail(version == std::string_view::npos ? 400 : 505, "this server speaks HTTP/1.1 and HTTP/1.0");
    return false;
  }
  if (lengths + codings > 1) {
    Fail(400, "Content-Length and Transfer-Encoding may come once, and not both");
    return false;
  }
  if (hosts > 1 || (is_http11 && hosts == 0)) {
    Fail(400, "exactly one Host header is needed");
    return false;
  }
  if (is_version_one_zero_ && codings != 0) {
    Fail(400, "HTTP/1.0 has no Transfer-Encoding");
    return false;
  }
  body_.emplace(codings != 0 ? std::nullopt : std::optional(length), limits_.max_body_bytes);
  return true;
}

bool RequestReader::ParseHeader(std::string_view block) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(std::numeric_limits<std::uint32_t>::max());  // ours is checked
  parser.body_limit(boost::none);
  parser.skip(true);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(block.data(), block.size()), error);
  if (error || !parser.is_header_done()) {
    Fail(400, "malformed request: " + error.message());
    return false;
  }
  const auto& message = parser.get();
  request_.method = std::string(message.method_string());
  if (std::find(kMethods.begin(), kMethods.end(), request_.method) == kMethods.end()) {
    Fail(501, "method not implemented");
    return false;
  }
  base::Result<Target> target = ParseTarget(std::string_view(message.target().data(), message.target().size()));
  if (!target.ok()) {
    Fail(400, target.status().message());
    return false;
  }
  if (target->path == "*" && request_.method != "OPTIONS") {
    Fail(400, "only OPTIONS may ask for \"*\"");
    return false;
  }
  request_.path = std::move(target.value().path);
  request_.query = std::move(target.value().query);
  for (const auto& field : message) {
    const auto name = field.name_string();
    const auto value = field.value();
    request_.headers.emplace_back(base::ToLower(std::string_view(name.data(), name.size())),
                                  std::string(value.data(), value.size()));
  }
  keep_alive_ = message.keep_alive();
  state_ = State::kBody;
  StateOfBody();
  expect_continue_ = expect_continue_ && !is_version_one_zero_ && state_ == State::kBody;
  return state_ != State::kFailed;
}

void RequestReader::StateOfBody() {
  switch (body_->state()) {
    case BodyReader::State::kMore:
      break;
    case BodyReader::State::kDone:
      state_ = State::kDone;
      break;
    case BodyReader::State::kTooLarge:
      Fail(413, "the body is longer than " + std::to_string(limits_.max_body_bytes) + " bytes");
      break;
    case BodyReader::State::kMalformed:
      Fail(400, "malformed chunk in the body");
      break;
  }
}

std::size_t RequestReader::ReadBody(std::string_view input) {
  if (input.empty()) return 0;
  expect_continue_ = false;  // the body is coming anyway
  const std::size_t used = body_->Read(input);
  StateOfBody();
  return used;
}

HttpRequest RequestReader::Take() {
  request_.body = std::move(body_->body());
  body_.reset();
  state_ = State::kHeader;
  scanned_ = line_start_ = 0;
  first_line_done_ = expect_continue_ = false;
  return std::exchange(request_, {});
}

}  // namespace bowhead::net
