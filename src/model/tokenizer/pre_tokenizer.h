// Pre-tokenizers: they cut a text into the words inside which byte-pair merges happen.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bowhead::model {

/// One pass over a text: where the piece that starts at `p` ends (p < result <= end). The pass sees nothing outside of
/// [p, end). Cutting a whole text takes linear time. Bytes that are no valid UTF-8 count as one symbol character each.
using SplitStage = const char* (*)(const char* p, const char* end);

/// A pre-tokenizer, as `tokenizer.ggml.pre` names it: each stage cuts the pieces of the stage before it further, like a
/// sequence of "isolated" splits by regular expressions.
struct PreTokenizer {
  std::string_view name;
  std::vector<SplitStage> stages;
  bool ignore_merges = false;  // a word that is a token is not built by merges
  bool add_bos = false;        // where the file does not say
};

/// The pre-tokenizer of that name, or nullptr.
const PreTokenizer* FindPreTokenizer(std::string_view name);
/// "bloom, chatglm-bpe, ...": every known name, for error messages.
std::string PreTokenizerNames();

/// Calls sink(word) for every word of `text`, in order.
template <class Sink>
void ForEachWord(std::string_view text, std::span<const SplitStage> stages, Sink&& sink) {
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p < end;) {
    const char* const next = stages.front()(p, end);
    const std::string_view piece(p, static_cast<std::size_t>(next - p));
    if (stages.size() == 1) {
      sink(piece);
    } else {
      ForEachWord(piece, stages.subspan(1), sink);
    }
    p = next;
  }
}

}  // namespace bowhead::model
