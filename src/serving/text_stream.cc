#include "serving/text_stream.h"

#include <algorithm>
#include <utility>

namespace bowhead::serving {

TextStream::TextStream(const model::Tokenizer& tokenizer, std::vector<std::string> stops, bool keep_tokens,
                       bool continuation, std::vector<model::TokenId> shown)
    : detokenizer_(tokenizer, /*with_special=*/false, continuation, std::move(shown)),
      matcher_(std::move(stops)),
      keep_tokens_(keep_tokens) {}

TextPiece TextStream::Add(engine::GeneratedToken token) {
  if (stopped()) return {};
  ++num_tokens_;
  const std::string text = detokenizer_.Add(token.token);
  if (keep_tokens_) {
    pending_.push_back({{std::move(token), decoded_chars_}, decoded_bytes_, decoded_bytes_ + text.size()});
    decoded_chars_ += CountChars(text);
  }
  decoded_bytes_ += text.size();
  std::string certain = matcher_.Add(text);
  return Release(std::move(certain), false);
}

TextPiece TextStream::Finish() {
  if (stopped()) return {};
  const std::string rest = detokenizer_.Finish();
  decoded_bytes_ += rest.size();
  std::string text = matcher_.Add(rest);
  text += matcher_.Finish();
  return Release(std::move(text), true);
}

TextPiece TextStream::Release(std::string text, bool all) {
  sent_bytes_ += text.size();
  TextPiece piece{std::move(text), {}, num_tokens_};
  while (!pending_.empty()) {
    const Pending& next = pending_.front();
    // After a stop string, a token counts as sent if any of its text was: the one that the stop string cuts through
    // too.
    const bool sent = stopped() ? next.begin < sent_bytes_ : all || next.end <= sent_bytes_;
    if (!sent) break;
    piece.tokens.push_back(std::move(pending_.front().placed));
    pending_.pop_front();
  }
  if (stopped()) pending_.clear();
  return piece;
}

std::size_t CountChars(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace bowhead::serving
