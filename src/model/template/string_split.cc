// Methods of str that take it apart.
#include <algorithm>
#include <string>

#include "model/template/errors.h"
#include "model/template/python.h"
#include "model/template/string_methods.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

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

}  // namespace

std::vector<Method> SplitMethods() {
  return {{"partition", MethodPartition},
          {"rpartition", MethodRpartition},
          {"rsplit", MethodRsplit},
          {"split", MethodSplit},
          {"splitlines", MethodSplitlines}};
}

}  // namespace bowhead::model
