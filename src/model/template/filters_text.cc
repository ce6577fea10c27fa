// Filters that make text.
#include <algorithm>

#include "model/template/case_mapping.h"
#include "model/template/errors.h"
#include "model/template/filters.h"
#include "model/template/python.h"
#include "model/template/string_methods.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

Value FilterTojson(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = bound.Bool(0, false);
  style.sort_keys = bound.Bool(3, false);
  if (bound.HasValue(1)) {
    style.pretty = true;
    if (bound[1].IsString()) {
      style.indent = bound[1].text();
    } else {
      const std::int64_t width = std::max<std::int64_t>(0, bound.Int(1, 0));
      runtime.meter().CheckSize(static_cast<std::size_t>(width));
      style.indent = Text(std::string(static_cast<std::size_t>(width), ' '));
    }
  }
  style.item_separator = Text(style.pretty ? "," : ", ");
  style.key_separator = Text(": ");
  if (bound.HasValue(2)) {
    const std::vector<Value> pair = ToVector(bound[2], runtime.meter());
    if (pair.size() != 2 || !pair[0].IsString() || !pair[1].IsString()) Fail("tojson: separators needs two strings");
    style.item_separator = pair[0].text();
    style.key_separator = pair[1].text();
  }
  TextBuilder out(runtime.meter());
  AppendJson(out, input, style);
  return out.TakeValue();
}

Value FilterFromJson(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "from_json", {});
  RequireDefined(input);
  if (!input.IsString()) Fail("from_json needs a string, not " + TypeName(input));
  return ParseJson(input.text(), runtime.meter());
}

template <CaseMapping kMapping>
Value FilterCase(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "a case filter", {});
  return MapCase(SoftStr(input, runtime.meter()).text(), kMapping, runtime.meter());
}

bool StartsWord(char c) {
  return std::string_view("-({[<").find(c) != std::string_view::npos;
}

// Jinja's own title: a word starts behind spaces, hyphens and opening brackets only.
Value FilterTitle(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "title", {});
  const Value value = SoftStr(input, runtime.meter());
  const Text& text = value.text();
  TextBuilder out(runtime.meter());
  std::size_t begin = 0;
  while (begin < text.size()) {
    const auto is_border = [&text](std::size_t i) {
      const CodePoint c = DecodeAt(text.bytes(), i);
      return IsSpace(c.value) || (c.value < 0x80 && StartsWord(static_cast<char>(c.value)));
    };
    const std::size_t first = DecodeAt(text.bytes(), begin).size;
    if (is_border(begin)) {
      out.AppendSlice(text, begin, begin + first);
      begin += first;
      continue;
    }
    std::size_t end = begin;
    while (end < text.size() && !is_border(end)) end += DecodeAt(text.bytes(), end).size;
    AppendCase(out, text, CaseMapping::kUpper, begin, begin + first);
    AppendCase(out, text, CaseMapping::kLower, begin + first, end);
    begin = end;
  }
  return out.TakeValue();
}

Value FilterTrim(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "trim", {"chars"});
  const Value text = SoftStr(input, runtime.meter());
  return Strip(text.text(), bound.HasValue(0) ? &bound.String(0) : nullptr, Ends::kBoth, runtime.meter());
}

Value FilterReplace(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "replace", {"old", "new", "count"}, 2);
  Meter& meter = runtime.meter();
  const Value from = Str(bound[0], meter);
  const Value to = Str(bound[1], meter);
  return Replace(Str(input, meter).text(), from.text(), to.text(), bound.HasValue(2) ? bound.Int(2, -1) : -1, meter);
}

Value FilterString(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "string", {});
  return SoftStr(input, runtime.meter());
}

Value FilterSafe(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "safe", {});
  TextBuilder out(runtime.meter());
  AppendStr(out, input);
  return out.TakeValue(true);
}

Value FilterEscape(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "escape", {});
  return Escape(input, runtime.meter());
}

Value FilterForceescape(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "forceescape", {});
  return Escape(Str(input, runtime.meter()), runtime.meter());
}

Value FilterIndent(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "indent", {"width", "first", "blank"});
  RequireDefined(input);
  if (!input.IsString()) Fail("indent needs a string, not " + TypeName(input));
  Text indent;
  if (bound.Has(0) && bound[0].IsString()) {
    indent = bound[0].text();
  } else {
    const std::int64_t width = std::max<std::int64_t>(0, bound.Int(0, 4));
    runtime.meter().CheckSize(static_cast<std::size_t>(width));
    indent = Text(std::string(static_cast<std::size_t>(width), ' '));
  }
  const bool blank = bound.Bool(2, false);
  const Text& text = input.text();
  // Jinja adds a newline first, so that the last line keeps the one that it has.
  const std::string terminated = std::string(text.bytes()) + "\n";
  runtime.meter().Bytes(terminated.size());
  TextBuilder out(runtime.meter());
  if (bound.Bool(1, false)) out.Append(indent);
  bool first = true;
  for (const ByteRange& line : SplitLines(terminated, false)) {
    if (!first) {
      out.Append("\n");
      if (blank || line.end > line.begin) out.Append(indent);
    }
    first = false;
    out.AppendSlice(text, line.begin, line.end);
  }
  return out.TakeValue(text.markup());
}

Value FilterFormat(Runtime& runtime, const Value& input, const Args& args) {
  if (!args.positional.empty() && !args.named.empty()) Fail("format takes arguments by place or by name, not both");
  const Value format = SoftStr(input, runtime.meter());
  if (args.named.empty()) return PercentFormat(format.text(), Value::Tuple(args.positional), runtime.meter());
  Dict names;
  for (const auto& [name, value] : args.named) names.Set(name, value);
  return PercentFormat(format.text(), Value::FromDict(std::move(names)), runtime.meter());
}

Value FilterCenter(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "center", {"width"});
  return Justify(SoftStr(input, runtime.meter()).text(), bound.Int(0, 80), '^', " ", runtime.meter());
}

Value FilterTruncate(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "truncate", {"length", "killwords", "end", "leeway"});
  Meter& meter = runtime.meter();
  const Value end = bound.Has(2) ? Str(bound[2], meter) : Value::String("...");
  const std::int64_t length = bound.Int(0, 255);
  const std::int64_t leeway = bound.HasValue(3) ? bound.Int(3, 5) : 5;
  const std::int64_t end_length = Length(end);
  if (length < end_length || leeway < 0)
    Fail("truncate: the length is less than that of the end, or the leeway negative");
  const std::int64_t size = Length(input);
  if (size < 0) Fail("truncate needs a string, not " + TypeName(input));
  if (size <= length || size - length <= leeway) return input;
  if (!input.IsString()) Fail("truncate needs a string, not " + TypeName(input));
  const Text& text = input.text();
  meter.Bytes(2 * text.size());
  std::size_t cut = OffsetOf(text.bytes(), static_cast<std::size_t>(length - end_length));
  if (!bound.Bool(1, false)) {
    const std::size_t space = text.bytes().substr(0, cut).rfind(' ');
    if (space != std::string_view::npos) cut = space;
  }
  TextBuilder out(meter);
  out.AppendSlice(text, 0, cut);
  out.Append(end.text());
  return out.TakeValue();
}

Value FilterWordcount(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "wordcount", {});
  const Value value = SoftStr(input, runtime.meter());
  const std::string_view text = value.string_value();
  runtime.meter().Bytes(text.size());
  std::int64_t count = 0;
  bool in_word = false;
  for (std::size_t i = 0; i < text.size();) {
    const CodePoint c = DecodeAt(text, i);
    const bool is = c.value == '_' || IsAlnum(c.value);
    if (is && !in_word) ++count;
    in_word = is;
    i += c.size;
  }
  return Value::Int(count);
}

}  // namespace

const std::vector<Filter>& TextFilters() {
  static const std::vector<Filter> kFilters = {
      {"capitalize", FilterCase<CaseMapping::kCapitalize>},
      {"center", FilterCenter},
      {"e", FilterEscape},
      {"escape", FilterEscape},
      {"forceescape", FilterForceescape},
      {"format", FilterFormat},
      {"from_json", FilterFromJson},
      {"indent", FilterIndent},
      {"lower", FilterCase<CaseMapping::kLower>},
      {"replace", FilterReplace},
      {"safe", FilterSafe},
      {"string", FilterString},
      {"title", FilterTitle},
      {"tojson", FilterTojson},
      {"trim", FilterTrim},
      {"truncate", FilterTruncate},
      {"upper", FilterCase<CaseMapping::kUpper>},
      {"wordcount", FilterWordcount},
  };
  return kFilters;
}

}  // namespace bowhead::model
