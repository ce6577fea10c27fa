#include "model/template/case_mapping.h"

#include <string>

#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

// Whether the sigma at [at, after) ends a word of the range: a cased letter before it, none behind it.
bool IsFinalSigma(std::string_view bytes, std::size_t at, std::size_t after) {
  std::size_t i = at;
  bool before = false;
  while (i > 0) {
    const std::size_t start = PreviousStart(bytes, i);
    const std::uint32_t c = DecodeAt(bytes, start).value;
    i = start;
    if (IsCaseIgnorable(c)) continue;
    before = IsCased(c);
    break;
  }
  if (!before) return false;
  for (i = after; i < bytes.size();) {
    const CodePoint c = DecodeAt(bytes, i);
    i += c.size;
    if (!IsCaseIgnorable(c.value)) return !IsCased(c.value);
  }
  return true;
}

Mapped Lower(std::string_view bytes, std::size_t at, const CodePoint& c) {
  if (c.value == 0x3A3) return {IsFinalSigma(bytes, at, at + c.size) ? 0x3C2U : 0x3C3U, 0, 0};
  return ToLower(c.value);
}

}  // namespace

void AppendCase(TextBuilder& out, const Text& text, CaseMapping mapping, std::size_t begin, std::size_t end) {
  const std::string_view bytes = text.bytes().substr(begin, end - begin);
  bool in_word = false;
  std::string mapped;
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint c = DecodeAt(bytes, i);
    Mapped to{};
    switch (mapping) {
      case CaseMapping::kUpper:
        to = ToUpper(c.value);
        break;
      case CaseMapping::kLower:
        to = Lower(bytes, i, c);
        break;
      case CaseMapping::kTitle:
        to = in_word ? Lower(bytes, i, c) : ToTitle(c.value);
        in_word = IsCased(c.value);
        break;
      case CaseMapping::kCapitalize:
        to = i > 0 ? Lower(bytes, i, c) : ToTitle(c.value);
        break;
      case CaseMapping::kSwap:
        to = IsUpper(c.value) ? Lower(bytes, i, c) : IsLower(c.value) ? ToUpper(c.value) : Mapped{c.value, 0, 0};
        break;
    }
    if (to[0] == c.value && to[1] == 0) {
      out.AppendSlice(text, begin + i, begin + i + c.size);
    } else {
      mapped.clear();
      for (const std::uint32_t part : to) {
        if (part != 0) AppendUtf8(mapped, part);
      }
      out.AppendMapped(mapped, text, begin + i, begin + i + c.size);
    }
    i += c.size;
  }
}

Value MapCase(const Text& text, CaseMapping mapping, Meter& meter) {
  TextBuilder out(meter);
  AppendCase(out, text, mapping, 0, text.size());
  return out.TakeValue(text.markup());
}

}  // namespace bowhead::model
