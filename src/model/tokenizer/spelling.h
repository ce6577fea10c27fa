// How files write bytes as printable text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bowhead::model {

/// Appends to `out` the bytes that `symbols` stands for in GPT-2's alphabet, where each byte is one printable
/// character. False (and `out` unchanged) if a character is not of that alphabet.
bool AppendByteSymbols(std::string_view symbols, std::string& out);

/// Appends `piece` to `out` with U+2581 as spaces.
void AppendPiece(std::string_view piece, std::string& out);

/// The byte that "<0xXX>" names, if `spelling` has that form.
std::optional<unsigned char> ParseByteToken(std::string_view spelling);

/// True for a user-defined token that marks structure rather than being text: <|...|> and its relatives, the well-known
/// <think>, <tool_call> and so on, and whatever stands in brackets in the model's own chat templates.
bool IsStructural(std::string_view spelling, std::string_view templates);

/// Whether a token with this spelling ends a generation.
enum class EndMarker {
  kNo,
  kIfControl,  // also an ordinary word (</s> is HTML): only where the file says that it is a control token
  kYes,
};
EndMarker ClassifyEndMarker(std::string_view spelling);

}  // namespace bowhead::model
