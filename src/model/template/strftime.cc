// strftime_now.
#include <array>
#include <ctime>
#include <string>

#include "model/template/python.h"

namespace bowhead::model {

std::string FormatTime(std::string_view format, std::int64_t unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return {};
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out.push_back(format[i]);
      continue;
    }
    // One directive at a time, with no width, so that the result is short whatever the template says.
    std::string directive = "%";
    std::size_t end = i + 1;
    if (std::string_view("-_0^#").find(format[end]) != std::string_view::npos && end + 1 < format.size()) {
      directive.push_back(format[end++]);
    }
    directive.push_back(format[end]);
    constexpr std::string_view kKnown = "aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyY%";
    if (format[end] == 'f') {
      out += "000000";  // the moment is known to the second
    } else if (format[end] == 'z' || format[end] == 'Z') {
      // Python's datetime.now() knows no zone and prints nothing.
    } else if (kKnown.find(format[end]) == std::string_view::npos) {
      out += directive;
    } else {
      std::array<char, 128> buffer{};
      out.append(buffer.data(), std::strftime(buffer.data(), buffer.size(), directive.c_str(), &local));
    }
    i = end;
  }
  return out;
}

}  // namespace bowhead::model
