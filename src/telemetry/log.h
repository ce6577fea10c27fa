// Structured logs: one line per event, logfmt or JSON, to standard error. Never log prompts, answers or keys.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace bowhead::telemetry {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };
enum class LogFormat : std::uint8_t { kLogfmt, kJson };

/// "debug", "info", "warning", "error", "off"; nothing for any other name.
std::optional<LogLevel> ParseLogLevel(std::string_view name);
/// "logfmt", "json"; nothing for any other name.
std::optional<LogFormat> ParseLogFormat(std::string_view name);

/// A key (lower_snake_case) and its value. Views are only read during the call.
struct LogField {
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
  LogField(std::string_view field_key, const std::string& text) : key(field_key), value(std::string_view(text)) {}
  LogField(std::string_view field_key, const char* text) : key(field_key), value(std::string_view(text)) {}
  LogField(std::string_view field_key, bool flag) : key(field_key), value(flag) {}
  template <class T, class = std::enable_if_t<std::is_arithmetic_v<T> && !std::is_same_v<T, bool>>>
  LogField(std::string_view field_key, T number) : key(field_key), value(Widen(number)) {}

  std::string_view key;
  Value value;

 private:
  template <class T>
  static Value Widen(T number) {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(number);
    } else if constexpr (std::is_signed_v<T>) {
      return static_cast<std::int64_t>(number);
    } else {
      return static_cast<std::uint64_t>(number);
    }
  }
};

/// Writes lines of the form `ts=… level=info msg="listening" port=8080`. Made once at the top and passed down by
/// reference. Thread-safe; each line is one write. Control characters and bad UTF-8 in values are escaped, so that a
/// client cannot forge a line.
class Logger {
 public:
  using Sink = std::function<void(std::string_view line)>;  // called with the newline, one call at a time

  /// An empty sink writes to standard error.
  explicit Logger(LogLevel level = LogLevel::kInfo, LogFormat format = LogFormat::kLogfmt, Sink sink = {});

  [[nodiscard]] bool enabled(LogLevel level) const { return level >= level_ && level != LogLevel::kOff; }

  void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});
  void Debug(std::string_view message, std::initializer_list<LogField> fields = {}) {
    Log(LogLevel::kDebug, message, fields);
  }
  void Info(std::string_view message, std::initializer_list<LogField> fields = {}) {
    Log(LogLevel::kInfo, message, fields);
  }
  void Warning(std::string_view message, std::initializer_list<LogField> fields = {}) {
    Log(LogLevel::kWarning, message, fields);
  }
  void Error(std::string_view message, std::initializer_list<LogField> fields = {}) {
    Log(LogLevel::kError, message, fields);
  }

 private:
  const LogLevel level_;
  const LogFormat format_;
  const Sink sink_;
  std::mutex mutex_;  // one line at a time
};

}  // namespace bowhead::telemetry
