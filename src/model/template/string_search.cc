// Methods of str that look for text in it.
#include <algorithm>
#include <string>

#include "model/template/errors.h"
#include "model/template/python.h"
#include "model/template/string_methods.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// The bytes between the optional arguments `first` (start) and `first + 1` (end); `begin` may lie behind `end`.
struct Window {
  std::size_t begin;
  std::size_t end;
  bool empty;  // start lies behind the end of the text: not even "" is found
};

Window WindowOf(std::string_view text, const BoundArgs& bound, std::size_t first, Meter& meter) {
  if (!bound.HasValue(first) && !bound.HasValue(first + 1)) return {0, text.size(), false};
  meter.Bytes(3 * text.size());
  const auto length = static_cast<std::int64_t>(CountCodePoints(text));
  const auto clamp = [length](std::int64_t i) {
    return std::max<std::int64_t>(0, i < 0 && i >= -length ? i + length : i);
  };
  const std::int64_t start = bound.HasValue(first) ? clamp(bound.Int(first, 0)) : 0;
  const std::int64_t end = bound.HasValue(first + 1) ? std::min(clamp(bound.Int(first + 1, 0)), length) : length;
  if (start > end) return {0, 0, true};
  return {OffsetOf(text, static_cast<std::size_t>(start)), OffsetOf(text, static_cast<std::size_t>(end)), false};
}

std::int64_t FindArgs(Runtime& runtime, const Value& self, const Args& args, std::string_view name, bool last) {
  const BoundArgs bound(args, name, {"", "", ""}, 1);
  const std::string_view text = self.string_value();
  const std::string_view needle = bound.String(0).bytes();
  Meter& meter = runtime.meter();
  meter.Bytes(2 * text.size());
  const Window window = WindowOf(text, bound, 1, meter);
  if (window.empty) return -1;
  const std::string_view part = text.substr(window.begin, window.end - window.begin);
  const std::size_t at = last ? FindLast(part, needle, meter) : FindBytes(part, needle, 0);
  return at == kNone ? -1 : static_cast<std::int64_t>(CountCodePoints(text.substr(0, window.begin + at)));
}

Value MethodFind(Runtime& runtime, const Value& self, const Args& args) {
  return Value::Int(FindArgs(runtime, self, args, "find", false));
}
Value MethodRfind(Runtime& runtime, const Value& self, const Args& args) {
  return Value::Int(FindArgs(runtime, self, args, "rfind", true));
}
Value MethodIndex(Runtime& runtime, const Value& self, const Args& args) {
  const std::int64_t at = FindArgs(runtime, self, args, "index", false);
  if (at < 0) Fail("index(): the substring is not found");
  return Value::Int(at);
}
Value MethodRindex(Runtime& runtime, const Value& self, const Args& args) {
  const std::int64_t at = FindArgs(runtime, self, args, "rindex", true);
  if (at < 0) Fail("rindex(): the substring is not found");
  return Value::Int(at);
}

Value MethodCount(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "count", {"", "", ""}, 1);
  const std::string_view text = self.string_value();
  const std::string_view needle = bound.String(0).bytes();
  runtime.meter().Bytes(text.size());
  const Window window = WindowOf(text, bound, 1, runtime.meter());
  if (window.empty) return Value::Int(0);
  const std::string_view part = text.substr(window.begin, window.end - window.begin);
  if (needle.empty()) return Value::Int(static_cast<std::int64_t>(CountCodePoints(part)) + 1);
  std::int64_t count = 0;
  for (std::size_t at = FindBytes(part, needle, 0); at != kNone; at = FindBytes(part, needle, at + needle.size())) {
    ++count;
  }
  return Value::Int(count);
}

Value StartsOrEnds(Runtime& runtime, const Value& self, const Args& args, std::string_view name, bool ends) {
  const BoundArgs bound(args, name, {"", "", ""}, 1);
  const std::string_view text = self.string_value();
  const Window window = WindowOf(text, bound, 1, runtime.meter());
  const std::string_view part = text.substr(window.begin, window.end - window.begin);
  const auto fits = [&part, &window, ends](std::string_view affix) {
    return !window.empty && (ends ? part.ends_with(affix) : part.starts_with(affix));
  };
  if (!bound[0].IsTuple()) return Value::Bool(fits(bound.String(0).bytes()));
  runtime.meter().Step(bound[0].items().size());
  for (const Value& affix : bound[0].items()) {
    if (!affix.IsString()) Fail(std::string(name) + "() needs strings, not " + TypeName(affix));
    if (fits(affix.string_value())) return Value::Bool(true);
  }
  return Value::Bool(false);
}
Value MethodStartswith(Runtime& runtime, const Value& self, const Args& args) {
  return StartsOrEnds(runtime, self, args, "startswith", false);
}
Value MethodEndswith(Runtime& runtime, const Value& self, const Args& args) {
  return StartsOrEnds(runtime, self, args, "endswith", true);
}

}  // namespace

std::vector<Method> SearchMethods() {
  return {{"count", MethodCount},          {"endswith", MethodEndswith}, {"find", MethodFind},
          {"index", MethodIndex},          {"rfind", MethodRfind},       {"rindex", MethodRindex},
          {"startswith", MethodStartswith}};
}

}  // namespace bowhead::model
