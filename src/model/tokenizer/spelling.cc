#include "model/tokenizer/spelling.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "model/tokenizer/unicode.h"

namespace bowhead::model {
namespace {

/// GPT-2's alphabet: the printable bytes of Latin-1 stand for themselves, the others for U+0100 and up, in order.
constexpr bool StandsForItself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<std::int16_t, 0x180> MakeSymbolTable() {
  std::array<std::int16_t, 0x180> table = {};
  for (auto& entry : table) entry = -1;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    table[StandsForItself(byte) ? byte : next++] = static_cast<std::int16_t>(byte);
  }
  return table;
}

constexpr std::array<std::int16_t, 0x180> kSymbolBytes = MakeSymbolTable();

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool HasBars(std::string_view s) {
  return s.starts_with("<|") || s.ends_with("|>") || s.starts_with("<\xEF\xBD\x9C") || s.ends_with("\xEF\xBD\x9C>");
}

template <std::size_t N>
bool Contains(const std::array<std::string_view, N>& list, std::string_view s) {
  return std::find(list.begin(), list.end(), s) != list.end();
}

constexpr std::array<std::string_view, 22> kStructural = {"<think>",
                                                          "</think>",
                                                          "<tool_call>",
                                                          "</tool_call>",
                                                          "<tool_response>",
                                                          "</tool_response>",
                                                          "<tools>",
                                                          "</tools>",
                                                          "<start_of_turn>",
                                                          "<end_of_turn>",
                                                          "<start_of_image>",
                                                          "<end_of_image>",
                                                          "[INST]",
                                                          "[/INST]",
                                                          "[TOOL_CALLS]",
                                                          "[TOOL_RESULTS]",
                                                          "[/TOOL_RESULTS]",
                                                          "[AVAILABLE_TOOLS]",
                                                          "[/AVAILABLE_TOOLS]",
                                                          "[SYSTEM_PROMPT]",
                                                          "[/SYSTEM_PROMPT]",
                                                          "[IMG]"};

constexpr std::array<std::string_view, 20> kEndMarkers = {"<|eot_id|>",
                                                          "<|eom_id|>",
                                                          "<|im_end|>",
                                                          "<|end|>",
                                                          "<|return|>",
                                                          "<|call|>",
                                                          "<|calls|>",
                                                          "<|flush|>",
                                                          "<turn|>",
                                                          "[e~[",
                                                          "_<EOT>",
                                                          "<|EOT|>",
                                                          "<|endoftext|>",
                                                          "<|end_of_text|>",
                                                          "<|end_of_turn|>",
                                                          "<|fim_pad|>",
                                                          "<|repo_name|>",
                                                          "<|file_sep|>",
                                                          "<|END_OF_TURN_TOKEN|>",
                                                          "<\xEF\xBD\x9C"
                                                          "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"};

constexpr std::array<std::string_view, 9> kControlEndMarkers = {
    "</s>", "<eos>", "[EOS]", "[EOT]", "<EOT>", "<end_of_turn>", "<end_of_utterance>", "<EOS_TOKEN>", "<reponame>"};

}  // namespace

bool AppendByteSymbols(std::string_view symbols, std::string& out) {
  const std::size_t before = out.size();
  const char* const end = symbols.data() + symbols.size();
  for (const char* p = symbols.data(); p < end;) {
    if (*p >= 0x21 && *p <= 0x7E) {
      out.push_back(*p++);
      continue;
    }
    const DecodedChar c = DecodeUtf8(p, end);
    if (!c.valid || c.value >= kSymbolBytes.size() || kSymbolBytes[c.value] < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(static_cast<unsigned char>(kSymbolBytes[c.value])));
    p += c.length;
  }
  return true;
}

void AppendPiece(std::string_view piece, std::string& out) {
  constexpr std::string_view kSpace = "\xE2\x96\x81";
  for (std::size_t from = 0; from < piece.size();) {
    const std::size_t at = piece.find(kSpace, from);
    out.append(piece.substr(from, at - from));
    if (at == std::string_view::npos) break;
    out.push_back(' ');
    from = at + kSpace.size();
  }
}

std::optional<unsigned char> ParseByteToken(std::string_view spelling) {
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling[5] != '>') return std::nullopt;
  const int high = HexDigit(spelling[3]);
  const int low = HexDigit(spelling[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<unsigned char>(high * 16 + low);
}

bool IsStructural(std::string_view spelling, std::string_view templates) {
  if (spelling.size() < 3) return false;
  if (HasBars(spelling) || Contains(kStructural, spelling)) return true;
  const bool bracketed =
      (spelling.front() == '<' && spelling.back() == '>') || (spelling.front() == '[' && spelling.back() == ']');
  return bracketed && templates.find(spelling) != std::string_view::npos;
}

EndMarker ClassifyEndMarker(std::string_view spelling) {
  if (Contains(kEndMarkers, spelling)) return EndMarker::kYes;
  return Contains(kControlEndMarkers, spelling) ? EndMarker::kIfControl : EndMarker::kNo;
}

}  // namespace bowhead::model
