#include "model/template/string_methods.h"

#include <algorithm>
#include <set>
#include <string>

#include "model/template/case_mapping.h"
#include "model/template/errors.h"
#include "model/template/python.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

Value Piece(const Text& text, std::size_t begin, std::size_t end, Meter& meter) {
  meter.Bytes(end - begin);
  return Value::FromText(text.Slice(begin, end));
}

// Searching backwards is not linear in the worst case: long needles pay for it.
std::size_t FindLast(std::string_view text, std::string_view needle, Meter& meter) {
  meter.Bytes(text.size());
  if (needle.size() > 64) meter.Step(text.size() / 64 * (needle.size() / 64));
  return text.rfind(needle);
}

// --- split ---

Value SplitWhitespace(const Text& text, std::int64_t limit, Meter& meter) {
  const std::string_view bytes = text.bytes();
  std::vector<Value> out;
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint c = DecodeAt(bytes, i);
    if (IsSpace(c.value)) {
      i += c.size;
      continue;
    }
    if (limit >= 0 && static_cast<std::int64_t>(out.size()) == limit) {
      out.push_back(Piece(text, i, text.size(), meter));
      break;
    }
    std::size_t end = i;
    while (end < bytes.size()) {
      const CodePoint d = DecodeAt(bytes, end);
      if (IsSpace(d.value)) break;
      end += d.size;
    }
    out.push_back(Piece(text, i, end, meter));
    meter.Step();
    i = end;
  }
  return MakeList(std::move(out), meter);
}

Value RightSplitWhitespace(const Text& text, std::int64_t limit, Meter& meter) {
  const std::string_view bytes = text.bytes();
  std::vector<Value> out;
  std::size_t end = bytes.size();
  for (;;) {
    while (end > 0) {
      const std::size_t start = PreviousStart(bytes, end);
      if (!IsSpace(DecodeAt(bytes, start).value)) break;
      end = start;
    }
    if (end == 0) break;
    if (limit >= 0 && static_cast<std::int64_t>(out.size()) == limit) {
      out.push_back(Piece(text, 0, end, meter));
      break;
    }
    std::size_t begin = end;
    while (begin > 0) {
      const std::size_t start = PreviousStart(bytes, begin);
      if (IsSpace(DecodeAt(bytes, start).value)) break;
      begin = start;
    }
    out.push_back(Piece(text, begin, end, meter));
    meter.Step();
    end = begin;
  }
  std::reverse(out.begin(), out.end());
  return MakeList(std::move(out), meter);
}

Value SplitBy(const Text& text, std::string_view separator, std::int64_t limit, Meter& meter) {
  meter.Bytes(text.size());
  std::vector<Value> out;
  std::size_t begin = 0;
  while (limit < 0 || static_cast<std::int64_t>(out.size()) < limit) {
    const std::size_t at = FindBytes(text.bytes(), separator, begin);
    if (at == kNone) break;
    meter.Step();
    out.push_back(Piece(text, begin, at, meter));
    begin = at + separator.size();
  }
  out.push_back(Piece(text, begin, text.size(), meter));
  return MakeList(std::move(out), meter);
}

Value RightSplitBy(const Text& text, std::string_view separator, std::int64_t limit, Meter& meter) {
  std::vector<Value> out;
  std::size_t end = text.size();
  while (limit < 0 || static_cast<std::int64_t>(out.size()) < limit) {
    const std::size_t at = FindLast(text.bytes().substr(0, end), separator, meter);
    if (at == kNone) break;
    meter.Step();
    out.push_back(Piece(text, at + separator.size(), end, meter));
    end = at;
  }
  out.push_back(Piece(text, 0, end, meter));
  std::reverse(out.begin(), out.end());
  return MakeList(std::move(out), meter);
}

Value SplitEither(Runtime& runtime, const Value& self, const Args& args, bool right) {
  const BoundArgs bound(args, right ? "rsplit" : "split", {"sep", "maxsplit"});
  const std::int64_t limit = bound.Int(1, -1);
  Meter& meter = runtime.meter();
  meter.Bytes(self.text().size());
  if (!bound.HasValue(0)) {
    return right ? RightSplitWhitespace(self.text(), limit, meter) : SplitWhitespace(self.text(), limit, meter);
  }
  const std::string_view separator = bound.String(0).bytes();
  if (separator.empty()) Fail("split() with an empty separator");
  return right ? RightSplitBy(self.text(), separator, limit, meter) : SplitBy(self.text(), separator, limit, meter);
}

Value MethodSplit(Runtime& runtime, const Value& self, const Args& args) {
  return SplitEither(runtime, self, args, false);
}
Value MethodRsplit(Runtime& runtime, const Value& self, const Args& args) {
  return SplitEither(runtime, self, args, true);
}

Value MethodSplitlines(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "splitlines", {"keepends"});
  std::vector<Value> out;
  for (const ByteRange& line : SplitLines(self.string_value(), bound.Bool(0, false))) {
    runtime.meter().Step();
    out.push_back(Piece(self.text(), line.begin, line.end, runtime.meter()));
  }
  return MakeList(std::move(out), runtime.meter());
}

Value PartitionAt(const Value& self, const Text& separator, std::size_t at, bool right, Meter& meter) {
  const Text& text = self.text();
  const Value empty = Value::String("");
  if (at == kNone) return right ? Value::Tuple({empty, empty, self}) : Value::Tuple({self, empty, empty});
  return Value::Tuple({Piece(text, 0, at, meter), Piece(text, at, at + separator.size(), meter),
                       Piece(text, at + separator.size(), text.size(), meter)});
}

Value MethodPartition(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "partition", {""}, 1);
  const Text& separator = bound.String(0);
  if (separator.empty()) Fail("partition() with an empty separator");
  runtime.meter().Bytes(self.text().size());
  return PartitionAt(self, separator, FindBytes(self.string_value(), separator.bytes(), 0), false, runtime.meter());
}

Value MethodRpartition(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "rpartition", {""}, 1);
  const Text& separator = bound.String(0);
  if (separator.empty()) Fail("rpartition() with an empty separator");
  return PartitionAt(self, separator, FindLast(self.string_value(), separator.bytes(), runtime.meter()), true,
                     runtime.meter());
}

// --- strip, pad ---

Value StripEnds(Runtime& runtime, const Value& self, const Args& args, std::string_view name, Ends ends) {
  const BoundArgs bound(args, name, {""});
  return Strip(self.text(), bound.HasValue(0) ? &bound.String(0) : nullptr, ends, runtime.meter());
}
Value MethodStrip(Runtime& runtime, const Value& self, const Args& args) {
  return StripEnds(runtime, self, args, "strip", Ends::kBoth);
}
Value MethodLstrip(Runtime& runtime, const Value& self, const Args& args) {
  return StripEnds(runtime, self, args, "lstrip", Ends::kLeft);
}
Value MethodRstrip(Runtime& runtime, const Value& self, const Args& args) {
  return StripEnds(runtime, self, args, "rstrip", Ends::kRight);
}

Value JustifyArgs(Runtime& runtime, const Value& self, const Args& args, std::string_view name, char align) {
  const BoundArgs bound(args, name, {"", ""}, 1);
  const std::string_view fill = bound.Has(1) ? bound.String(1).bytes() : std::string_view(" ");
  if (CountCodePoints(fill) != 1) Fail(std::string(name) + "() needs one character to fill with");
  return Justify(self.text(), bound.Int(0, 0), align, fill, runtime.meter());
}
Value MethodLjust(Runtime& runtime, const Value& self, const Args& args) {
  return JustifyArgs(runtime, self, args, "ljust", '<');
}
Value MethodRjust(Runtime& runtime, const Value& self, const Args& args) {
  return JustifyArgs(runtime, self, args, "rjust", '>');
}
Value MethodCenter(Runtime& runtime, const Value& self, const Args& args) {
  return JustifyArgs(runtime, self, args, "center", '^');
}

Value MethodZfill(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "zfill", {""}, 1);
  const Text& text = self.text();
  const std::int64_t missing = bound.Int(0, 0) - static_cast<std::int64_t>(CountCodePoints(text.bytes()));
  const std::size_t sign = text.bytes().starts_with('-') || text.bytes().starts_with('+') ? 1 : 0;
  TextBuilder out(runtime.meter());
  out.AppendSlice(text, 0, sign);
  if (missing > 0) out.Fill('0', static_cast<std::size_t>(missing));
  out.AppendSlice(text, sign, text.size());
  return out.TakeValue();
}

Value MethodRemoveprefix(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "removeprefix", {""}, 1);
  const std::string_view prefix = bound.String(0).bytes();
  if (!self.string_value().starts_with(prefix)) return self;
  return Piece(self.text(), prefix.size(), self.text().size(), runtime.meter());
}
Value MethodRemovesuffix(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "removesuffix", {""}, 1);
  const std::string_view suffix = bound.String(0).bytes();
  if (!self.string_value().ends_with(suffix)) return self;
  return Piece(self.text(), 0, self.text().size() - suffix.size(), runtime.meter());
}

// --- search ---

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

// --- build ---

Value MethodReplace(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "replace", {"", "", ""}, 2);
  const bool markup = self.text().markup();
  const Value to = markup ? Escape(bound[1], runtime.meter()) : bound[1];
  if (!to.IsString()) Fail("replace() needs strings");
  Value result = Replace(self.text(), bound.String(0), to.text(), bound.Int(2, -1), runtime.meter());
  if (!markup) return result;
  Text text = result.text();
  text.set_markup(true);
  return Value::FromText(std::move(text));
}

Value MethodJoin(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "join", {""}, 1);
  return Join(self.text(), ToVector(bound[0], runtime.meter()), true, runtime.meter());
}

Value MethodFormat(Runtime& runtime, const Value& self, const Args& args) {
  return BraceFormat(self.text(), args, runtime.meter());
}

// --- case and classes ---

template <CaseMapping kMapping>
Value MethodCase(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "a case method", {});
  return MapCase(self.text(), kMapping, runtime.meter());
}

template <bool (*kTest)(std::uint32_t)>
Value MethodAll(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "a method of str", {});
  const std::string_view text = self.string_value();
  runtime.meter().Bytes(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = DecodeAt(text, i);
    if (!kTest(c.value)) return Value::Bool(false);
    i += c.size;
  }
  return Value::Bool(!text.empty());
}

// isupper and islower: every cased character is of that case, and there is one.
template <bool kUpper>
Value MethodIsCase(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, kUpper ? "isupper" : "islower", {});
  const std::string_view text = self.string_value();
  runtime.meter().Bytes(text.size());
  bool found = false;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = DecodeAt(text, i);
    const bool is = kUpper ? IsUpper(c.value) : IsLower(c.value);
    if (!is && IsCased(c.value)) return Value::Bool(false);
    found |= is;
    i += c.size;
  }
  return Value::Bool(found);
}

Value MethodIstitle(Runtime& runtime, const Value& self, const Args& args) {
  const BoundArgs bound(args, "istitle", {});
  const std::string_view text = self.string_value();
  runtime.meter().Bytes(text.size());
  bool found = false;
  bool in_word = false;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = DecodeAt(text, i);
    i += c.size;
    if (!IsCased(c.value)) {
      in_word = false;
      continue;
    }
    if (IsLower(c.value) != in_word) return Value::Bool(false);
    found = in_word = true;
  }
  return Value::Bool(found);
}

bool IsAscii(std::uint32_t c) {
  return c < 0x80;
}

Value MethodIsascii(Runtime& runtime, const Value& self, const Args& args) {
  if (self.text().empty()) return Value::Bool(true);
  return MethodAll<IsAscii>(runtime, self, args);
}
Value MethodIsprintable(Runtime& runtime, const Value& self, const Args& args) {
  if (self.text().empty()) return Value::Bool(true);
  return MethodAll<IsPrintable>(runtime, self, args);
}

}  // namespace

Value Strip(const Text& text, const Text* chars, Ends ends, Meter& meter) {
  meter.Bytes(text.size());
  std::set<std::uint32_t> set;
  if (chars != nullptr) {
    meter.Step(chars->size() / 8);
    for (std::size_t i = 0; i < chars->size();) {
      const CodePoint c = DecodeAt(chars->bytes(), i);
      set.insert(c.value);
      i += c.size;
    }
  }
  const auto cut = [&set, chars](std::uint32_t c) { return chars == nullptr ? IsSpace(c) : set.contains(c); };
  const std::string_view bytes = text.bytes();
  std::size_t begin = 0;
  std::size_t end = bytes.size();
  while (ends != Ends::kRight && begin < end) {
    const CodePoint c = DecodeAt(bytes, begin);
    if (!cut(c.value)) break;
    begin += c.size;
  }
  while (ends != Ends::kLeft && begin < end) {
    const std::size_t start = PreviousStart(bytes, end);
    if (!cut(DecodeAt(bytes, start).value)) break;
    end = start;
  }
  return Value::FromText(text.Slice(begin, end));
}

Value Replace(const Text& text, const Text& from, const Text& to, std::int64_t count, Meter& meter) {
  const std::string_view bytes = text.bytes();
  meter.Bytes(bytes.size());
  TextBuilder out(meter);
  std::size_t copied = 0;
  std::size_t at = 0;
  for (; count != 0; --count) {
    at = FindBytes(bytes, from.bytes(), at);
    if (at == kNone) break;
    out.AppendSlice(text, copied, at);
    out.Append(to);
    copied = at + from.size();
    if (!from.empty()) {
      at = copied;
    } else if (at < bytes.size()) {
      at += DecodeAt(bytes, at).size;
    } else {
      break;
    }
  }
  out.AppendSlice(text, copied, bytes.size());
  return out.TakeValue();
}

std::vector<ByteRange> SplitLines(std::string_view text, bool keep) {
  std::vector<ByteRange> lines;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = DecodeAt(text, i);
    if (!IsLineBreak(c.value)) {
      i += c.size;
      continue;
    }
    const std::size_t end = i;
    i += c.size;
    if (c.value == '\r' && i < text.size() && text[i] == '\n') ++i;
    lines.push_back({begin, keep ? i : end});
    begin = i;
  }
  if (begin < text.size()) lines.push_back({begin, text.size()});
  return lines;
}

Value Justify(const Text& text, std::int64_t width, char align, std::string_view fill, Meter& meter) {
  const std::int64_t missing =
      std::max<std::int64_t>(0, width - static_cast<std::int64_t>(CountCodePoints(text.bytes())));
  meter.CheckSize(static_cast<std::size_t>(missing), fill.size());
  // Python puts the odd one to the left if the width is odd.
  const std::int64_t left = align == '<' ? 0 : align == '>' ? missing : missing / 2 + (missing & width & 1);
  TextBuilder out(meter);
  for (std::int64_t i = 0; i < left; ++i) out.Append(fill);
  out.Append(text);
  for (std::int64_t i = left; i < missing; ++i) out.Append(fill);
  return out.TakeValue(text.markup());
}

Value Join(const Text& separator, const std::vector<Value>& items, bool only_strings, Meter& meter) {
  TextBuilder out(meter);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.Append(separator);
    if (only_strings && !items[i].IsString()) Fail("join() needs strings, not " + TypeName(items[i]));
    if (only_strings && separator.markup()) {
      AppendStr(out, Escape(items[i], meter));
    } else {
      AppendStr(out, items[i]);
    }
  }
  return out.TakeValue(only_strings && separator.markup());
}

const std::vector<Method>& StringMethods() {
  static const std::vector<Method> kMethods = {
      {"capitalize", MethodCase<CaseMapping::kCapitalize>},
      {"center", MethodCenter},
      {"count", MethodCount},
      {"endswith", MethodEndswith},
      {"find", MethodFind},
      {"format", MethodFormat},
      {"index", MethodIndex},
      {"isalnum", MethodAll<IsAlnum>},
      {"isalpha", MethodAll<IsAlpha>},
      {"isascii", MethodIsascii},
      {"isdecimal", MethodAll<IsDecimal>},
      {"isdigit", MethodAll<IsDigit>},
      {"islower", MethodIsCase<false>},
      {"isnumeric", MethodAll<IsNumeric>},
      {"isprintable", MethodIsprintable},
      {"isspace", MethodAll<IsSpace>},
      {"istitle", MethodIstitle},
      {"isupper", MethodIsCase<true>},
      {"join", MethodJoin},
      {"ljust", MethodLjust},
      {"lower", MethodCase<CaseMapping::kLower>},
      {"lstrip", MethodLstrip},
      {"partition", MethodPartition},
      {"removeprefix", MethodRemoveprefix},
      {"removesuffix", MethodRemovesuffix},
      {"replace", MethodReplace},
      {"rfind", MethodRfind},
      {"rindex", MethodRindex},
      {"rjust", MethodRjust},
      {"rpartition", MethodRpartition},
      {"rsplit", MethodRsplit},
      {"rstrip", MethodRstrip},
      {"split", MethodSplit},
      {"splitlines", MethodSplitlines},
      {"startswith", MethodStartswith},
      {"strip", MethodStrip},
      {"swapcase", MethodCase<CaseMapping::kSwap>},
      {"title", MethodCase<CaseMapping::kTitle>},
      {"upper", MethodCase<CaseMapping::kUpper>},
      {"zfill", MethodZfill},
  };
  return kMethods;
}

}  // namespace bowhead::model
