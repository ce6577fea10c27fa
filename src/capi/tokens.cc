// Text to tokens and back, and the sizes of requests.
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "capi/model.h"
#include "capi/request.h"

namespace bowhead::capi {

namespace {

/// Copies what fits and tells how much there is.
template <class From, class To>
void Give(const From& from, To* to, std::size_t capacity, std::size_t* count) {
  if (count != nullptr) *count = from.size();
  std::copy_n(from.begin(), std::min(from.size(), to == nullptr ? 0 : capacity), to);
}

Outcome Detokenize(const model::Tokenizer& tokenizer, std::span<const model::TokenId> tokens, bool special,
                   std::string& text) {
  for (const model::TokenId token : tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= tokenizer.vocab_size()) {
      return BadParam("tokens", "tokens must be from 0 to " + std::to_string(tokenizer.vocab_size() - 1) + ", not " +
                                    std::to_string(token));
    }
  }
  text = tokenizer.Decode(tokens, special);
  return base::OkStatus();
}

}  // namespace

}  // namespace bowhead::capi

namespace capi = bowhead::capi;

int bowhead_tokenize(bowhead_model* model, const char* text, size_t length, int flags, int32_t* tokens, size_t capacity,
                     size_t* count, bowhead_error** error) {
  return capi::Guarded(error, [&]() -> capi::Outcome {
    const auto& tokenizer = model->loaded->served->backend->tokenizer();
    const auto encoded = tokenizer.Encode(
        capi::TextOf(text, length),
        {.add_special = (flags & BOWHEAD_ADD_SPECIAL) != 0, .parse_special = (flags & BOWHEAD_PARSE_SPECIAL) != 0});
    capi::Give(encoded, tokens, capacity, count);
    return bowhead::base::OkStatus();
  });
}

int bowhead_detokenize(bowhead_model* model, const int32_t* tokens, size_t count, int special, char* text,
                       size_t capacity, size_t* length, bowhead_error** error) {
  return capi::Guarded(error, [&] {
    std::string decoded;
    capi::Outcome outcome =
        capi::Detokenize(model->loaded->served->backend->tokenizer(), {tokens, count}, special != 0, decoded);
    if (outcome.ok()) capi::Give(decoded, text, capacity, length);
    return outcome;
  });
}

int bowhead_count_tokens(bowhead_model* model, const bowhead_request* request, size_t* count, bowhead_error** error) {
  return capi::Guarded(error, [&] {
    std::vector<bowhead::model::TokenId> tokens;
    std::optional<bowhead::assistant::ReadingOptions> reading;
    capi::Outcome outcome = capi::BuildPrompt(*model->loaded->served, *request, tokens, reading);
    if (outcome.ok()) *count = tokens.size();
    return outcome;
  });
}
