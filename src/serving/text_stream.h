// Generated tokens become text: detokenized, cut at stop strings, with each token's place in the text.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"
#include "model/tokenizer/tokenizer.h"
#include "serving/stop_matcher.h"

namespace bowhead::serving {

/// A token and the place in the answer's text, in characters, at which it starts.
struct PlacedToken {
  engine::GeneratedToken token;
  std::size_t char_offset = 0;
};

/// Text that is ready to be sent, and the tokens that are wholly part of what has been sent so far.
struct TextPiece {
  std::string text;
  std::vector<PlacedToken> tokens = {};  // only if the stream keeps tokens
  int num_tokens = 0;                    // taken by the stream so far

  [[nodiscard]] bool empty() const { return text.empty() && tokens.empty(); }
};

/// One answer's way from tokens to text. Never emits half a character, nor a part of a stop string. Not thread-safe.
class TextStream {
 public:
  /// `tokenizer` must outlive this object. `keep_tokens`: pieces carry their tokens (for logprobs). `continuation`: the
  /// answer goes on from the prompt's text, so that its first space belongs to it. `shown`: special tokens that are
  /// part of the text.
  TextStream(const model::Tokenizer& tokenizer, std::vector<std::string> stops, bool keep_tokens,
             bool continuation = false, std::vector<model::TokenId> shown = {});

  /// The next token. After a stop string was found, tokens are ignored.
  TextPiece Add(engine::GeneratedToken token);
  /// The end of the stream: what was held back.
  TextPiece Finish();

  /// True once a stop string was found.
  [[nodiscard]] bool stopped() const { return matcher_.stopped(); }
  /// Which one; "" before.
  [[nodiscard]] const std::string& stop() const { return matcher_.found(); }
  /// Tokens taken, up to and with the one that completed a stop string.
  [[nodiscard]] int num_tokens() const { return num_tokens_; }

 private:
  struct Pending {
    PlacedToken placed;
    std::size_t begin = 0;  // bytes of decoded text before it
    std::size_t end = 0;
  };
  TextPiece Release(std::string text, bool all);

  model::Detokenizer detokenizer_;
  StopMatcher matcher_;
  bool keep_tokens_;
  int num_tokens_ = 0;
  std::size_t decoded_bytes_ = 0;  // of text out of the detokenizer
  std::size_t decoded_chars_ = 0;
  std::size_t sent_bytes_ = 0;   // of text given out
  std::deque<Pending> pending_;  // tokens whose text is not wholly given out
};

/// Characters (code points) of valid UTF-8.
std::size_t CountChars(std::string_view text);

}  // namespace bowhead::serving
