#include "model/tokenizer/unicode.h"

#include <algorithm>
#include <map>

namespace bowhead::model {
namespace {

unsigned Byte(const char* p) {
  return static_cast<unsigned char>(*p);
}

/// The allowed values of the second byte depend on the first (Unicode, table 3-7).
struct LeadByte {
  std::uint32_t length = 0;  // 0: never a first byte
  unsigned second_min = 0x80;
  unsigned second_max = 0xBF;
};

LeadByte Classify(unsigned lead) {
  if (lead < 0x80) return {1};
  if (lead < 0xC2) return {0};
  if (lead < 0xE0) return {2};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

/// The bytes at `p` that are the beginning of a character: its whole length, or how far it stays valid.
std::uint32_t ValidPart(const LeadByte& lead, const char* p, const char* end) {
  std::uint32_t n = 1;
  for (; n < lead.length && p + n < end; ++n) {
    const unsigned byte = Byte(p + n);
    const unsigned min = n == 1 ? lead.second_min : 0x80;
    const unsigned max = n == 1 ? lead.second_max : 0xBF;
    if (byte < min || byte > max) break;
  }
  return n;
}

}  // namespace

const UnicodeTable& UnicodeTable::Get() {
  static const UnicodeTable table;
  return table;
}

UnicodeTable::UnicodeTable() {
  const std::span<const std::uint32_t> ranges = UnicodeRanges();
  std::map<std::array<std::uint8_t, 256>, std::uint16_t> known;
  std::size_t range = 0;
  for (std::uint32_t page = 0; page < page_.size(); ++page) {
    std::array<std::uint8_t, 256> leaf = {};
    for (std::uint32_t i = 0; i < 256; ++i) {
      while (range + 1 < ranges.size() && (ranges[range + 1] >> 8U) <= page * 256 + i) ++range;
      leaf[i] = static_cast<std::uint8_t>(ranges[range]);
    }
    const auto [it, added] = known.emplace(leaf, static_cast<std::uint16_t>(known.size()));
    if (added) leaves_.at(it->second) = leaf;
    page_[page] = it->second;
  }
  std::copy_n(leaves_[page_[0]].begin(), ascii_.size(), ascii_.begin());
}

DecodedChar DecodeUtf8(const char* p, const char* end) {
  const LeadByte lead = Classify(Byte(p));
  if (lead.length == 1) return {static_cast<char32_t>(Byte(p)), 1, true};
  if (lead.length == 0 || ValidPart(lead, p, end) != lead.length) return {};
  char32_t value = Byte(p) & (0x7FU >> lead.length);
  for (std::uint32_t i = 1; i < lead.length; ++i) value = (value << 6U) | (Byte(p + i) & 0x3FU);
  return {value, lead.length, true};
}

std::size_t CompletePrefix(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const char* const p = end - back;
    if ((Byte(p) & 0xC0U) == 0x80U) continue;
    const LeadByte lead = Classify(Byte(p));
    const bool unfinished = lead.length > back && ValidPart(lead, p, end) == back;
    return unfinished ? text.size() - back : text.size();
  }
  return text.size();
}

void AppendUtf8(char32_t code_point, std::string& out) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code_point < 0x80) return put(code_point);
  if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6U));
  } else {
    if (code_point < 0x10000) {
      put(0xE0 | (code_point >> 12U));
    } else {
      put(0xF0 | (code_point >> 18U));
      put(0x80 | ((code_point >> 12U) & 0x3FU));
    }
    put(0x80 | ((code_point >> 6U) & 0x3FU));
  }
  put(0x80 | (code_point & 0x3FU));
}

void AppendWellFormed(std::string_view text, std::string& out) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p < end) {
    const LeadByte lead = Classify(Byte(p));
    const std::uint32_t part = lead.length == 0 ? 1 : ValidPart(lead, p, end);
    if (lead.length != 0 && part == lead.length) {
      out.append(p, part);
    } else {
      AppendUtf8(kReplacement, out);
    }
    p += part;
  }
}

}  // namespace bowhead::model
