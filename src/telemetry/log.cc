#include "telemetry/log.h"

#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

namespace bowhead::telemetry {
namespace {

constexpr std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      break;
  }
  return "off";
}

/// RFC 3339 with milliseconds, in UTC.
std::string Timestamp() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char buffer[40];
  std::size_t length = std::strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%S", &utc);
  length += static_cast<std::size_t>(
      std::snprintf(buffer + length, sizeof(buffer) - length, ".%03dZ", static_cast<int>(millis)));
  return {buffer, length};
}

/// Length of the well-formed UTF-8 character at the start of `text`, or 0.
std::size_t Utf8Length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : 4;
  if (length == 1) return 1;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and values over U+10FFFF show in the second byte.
  const unsigned char second = byte(1);
  const bool bad = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
                   (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
  return bad ? 0 : length;
}

/// As a JSON string; logfmt readers take the same escapes. Bytes that are not UTF-8 become U+FFFD.
void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = Utf8Length(text);
    const unsigned char c = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      (out += '\\') += text[0];
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7F) {
      char buffer[8];
      std::snprintf(buffer, sizeof(buffer), "\\u%04x", static_cast<unsigned>(c));
      out += buffer;
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

bool NeedsQuotes(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
      return true;  // char is signed: bytes over 0x7F, too
  }
  return text.empty();
}

struct AppendValue {
  std::string& out;
  bool json;

  void operator()(std::string_view text) const {
    if (json || NeedsQuotes(text)) {
      AppendQuoted(out, text);
    } else {
      out.append(text);
    }
  }
  void operator()(bool flag) const { out += flag ? "true" : "false"; }
  void operator()(double number) const {
    if (!std::isfinite(number)) {
      out += json ? "null" : std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
      return;
    }
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number);
    out.append(buffer, end.ptr);
  }
  template <class Integer>
  void operator()(Integer number) const {
    out += std::to_string(number);
  }
};

void AppendField(std::string& out, bool json, const LogField& field) {
  if (json) {
    out += out.empty() ? '{' : ',';
    AppendQuoted(out, field.key);
    out += ':';
  } else {
    if (!out.empty()) out += ' ';
    out.append(field.key);
    out += '=';
  }
  std::visit(AppendValue{out, json}, field.value);
}

void WriteToStandardError(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written <= 0) return;  // nowhere left to complain
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError, LogLevel::kOff}) {
    if (name == LevelName(level)) return level;
  }
  return std::nullopt;
}

std::optional<LogFormat> ParseLogFormat(std::string_view name) {
  if (name == "logfmt") return LogFormat::kLogfmt;
  if (name == "json") return LogFormat::kJson;
  return std::nullopt;
}

Logger::Logger(LogLevel level, LogFormat format, Sink sink)
    : level_(level), format_(format), sink_(sink ? std::move(sink) : Sink(WriteToStandardError)) {}

void Logger::Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!enabled(level)) return;
  const bool json = format_ == LogFormat::kJson;
  std::string line;
  line.reserve(128);
  AppendField(line, json, {"ts", Timestamp()});
  AppendField(line, json, {"level", LevelName(level)});
  AppendField(line, json, {"msg", message});
  for (const LogField& field : fields) AppendField(line, json, field);
  line += json ? "}\n" : "\n";
  const std::lock_guard lock(mutex_);
  sink_(line);
}

}  // namespace bowhead::telemetry
