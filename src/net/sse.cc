#include "net/sse.h"

namespace bowhead::net {
namespace {

/// Adds `prefix` before each line of `text`, and a newline after it.
void AppendLines(std::string& out, std::string_view prefix, std::string_view text) {
  for (;;) {
    const std::size_t end = text.find_first_of("\r\n");
    out.append(prefix).append(text.substr(0, end)).append("\n");
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
  }
}

}  // namespace

std::string SseData(std::string_view data) {
  std::string out;
  out.reserve(data.size() + 8);
  AppendLines(out, "data: ", data);
  return out += '\n';
}

std::string SseEvent(std::string_view event, std::string_view data) {
  std::string out = "event: ";
  out.reserve(event.size() + data.size() + 17);
  for (const char c : event) {
    if (c != '\r' && c != '\n') out += c;
  }
  out += '\n';
  AppendLines(out, "data: ", data);
  return out += '\n';
}

std::string SseComment(std::string_view text) {
  std::string out;
  AppendLines(out, ": ", text);
  return out += '\n';
}

Headers SseHeaders() {
  return {{"Content-Type", "text/event-stream; charset=utf-8"},
          {"Cache-Control", "no-cache, no-store"},
          {"X-Accel-Buffering", "no"}};
}

}  // namespace bowhead::net
