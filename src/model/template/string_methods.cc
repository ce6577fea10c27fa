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

}  // namespace

Value Piece(const Text& text, std::size_t begin, std::size_t end, Meter& meter) {
  meter.Bytes(end - begin);
  return Value::FromText(text.Slice(begin, end));
}

std::size_t FindLast(std::string_view text, std::string_view needle, Meter& meter) {
  meter.Bytes(text.size());
  if (needle.size() > 64) meter.Step(text.size() / 64 * (needle.size() / 64));
  return text.rfind(needle);
}

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
    if (at == std::string_view::npos) break;
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
  static const std::vector<Method> kMethods = [] {
    std::vector<Method> all = {{"center", MethodCenter},
                               {"format", MethodFormat},
                               {"join", MethodJoin},
                               {"ljust", MethodLjust},
                               {"lstrip", MethodLstrip},
                               {"removeprefix", MethodRemoveprefix},
                               {"removesuffix", MethodRemovesuffix},
                               {"replace", MethodReplace},
                               {"rjust", MethodRjust},
                               {"rstrip", MethodRstrip},
                               {"strip", MethodStrip},
                               {"zfill", MethodZfill}};
    for (const auto& part : {SplitMethods(), SearchMethods(), CharacterMethods()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    std::sort(all.begin(), all.end(), [](const Method& a, const Method& b) { return a.name < b.name; });
    return all;
  }();
  return kMethods;
}

}  // namespace bowhead::model
