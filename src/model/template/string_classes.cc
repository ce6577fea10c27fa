// Methods of str about case and classes of characters.
#include "model/template/case_mapping.h"
#include "model/template/python.h"
#include "model/template/string_methods.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

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

std::vector<Method> CharacterMethods() {
  return {{"capitalize", MethodCase<CaseMapping::kCapitalize>},
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
          {"lower", MethodCase<CaseMapping::kLower>},
          {"swapcase", MethodCase<CaseMapping::kSwap>},
          {"title", MethodCase<CaseMapping::kTitle>},
          {"upper", MethodCase<CaseMapping::kUpper>}};
}

}  // namespace bowhead::model
