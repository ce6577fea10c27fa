#include "net/response_head.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/text.h"

namespace bowhead::net {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 39> kReasons{{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

bool IsFramingField(std::string_view name) {
  return base::EqualsIgnoringCase(name, "content-length") || base::EqualsIgnoringCase(name, "transfer-encoding") ||
         base::EqualsIgnoringCase(name, "connection") || base::EqualsIgnoringCase(name, "date");
}

bool IsSafe(std::string_view name, std::string_view value) {
  const auto is_name = [](char c) { return c > ' ' && c < 0x7F && c != ':'; };
  const auto is_value = [](char c) { return c != '\r' && c != '\n' && c != '\0'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_name) &&
         std::all_of(value.begin(), value.end(), is_value);
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  const auto found =
      std::find_if(kReasons.begin(), kReasons.end(), [&](const auto& reason) { return reason.first == status; });
  return found == kReasons.end() ? "Unknown" : found->second;
}

bool IsBodyless(int status) {
  return (status >= 100 && status < 200) || status == 204 || status == 304;
}

std::string FormatHead(int status, const Headers& headers, const Framing& framing, std::string_view date) {
  if (status < 100 || status > 999) status = 500;
  std::string out;
  out.reserve(256);
  out.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(ReasonPhrase(status));
  out.append("\r\nDate: ").append(date).append("\r\n");
  for (const auto& [name, value] : headers) {
    if (IsFramingField(name) || !IsSafe(name, value)) continue;
    out.append(name).append(": ").append(value).append("\r\n");
  }
  if (status >= 200 && status != 204 && status != 304) {
    if (framing.content_length.has_value()) {
      out.append("Content-Length: ").append(std::to_string(*framing.content_length)).append("\r\n");
    } else if (framing.chunked && !IsBodyless(status)) {
      out.append("Transfer-Encoding: chunked\r\n");
    }
  }
  if (framing.close) {
    out.append("Connection: close\r\n");
  } else if (framing.say_keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
  return out.append("\r\n");
}

void AppendChunkSize(std::size_t size, std::string& out) {
  std::array<char, 16> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), size, 16);
  out.append(text.data(), static_cast<std::size_t>(end.ptr - text.data())).append("\r\n");
}

bool AsksToClose(const Headers& headers) {
  return std::any_of(headers.begin(), headers.end(), [](const auto& field) {
    return base::EqualsIgnoringCase(field.first, "connection") && base::EqualsIgnoringCase(field.second, "close");
  });
}

std::string_view DateClock::Now() {
  const std::time_t now = std::time(nullptr);
  if (now != second_) {
    second_ = now;
    constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                  kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                  utc.tm_sec);
    text_ = text.data();
  }
  return text_;
}

}  // namespace bowhead::net
