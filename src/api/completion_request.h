// The body of POST /v1/completions, and inputs that are text or tokens.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/error.h"
#include "api/generation_params.h"
#include "api/json.h"
#include "api/params.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::api {

/// Text, or tokens that the client made itself.
using TextOrTokens = std::variant<std::string, std::vector<model::TokenId>>;

/// What ReadInputs takes.
inline constexpr std::string_view kInputsSchema =
    R"({"anyOf":[{"type":"string"},{"type":"array","minItems":1,"maxItems":2048,"items":{"anyOf":[{"type":"string"},
    {"type":"array","minItems":1,"items":{"type":"integer"}}]}},{"type":"array","minItems":1,
    "items":{"type":"integer"}}]})";

/// Reads a parameter that is a string, a list of strings, a list of token ids or a list of such lists. At most
/// `max_inputs`; an empty list is an error. Token ids are checked against the vocabulary later.
std::vector<TextOrTokens> ReadInputs(ParamReader& reader, std::string_view name, std::size_t max_inputs);

/// The tokens of one input; text is tokenized with the model's begin/end tokens and special tokens recognised only if
/// `parse_special`. Errors: kInvalidArgument (ids out of range, nothing at all).
base::Result<std::vector<model::TokenId>> ToTokens(const TextOrTokens& input, const model::Tokenizer& tokenizer,
                                                   bool parse_special);

struct CompletionRequest {
  GenerationParams params;
  std::vector<TextOrTokens> prompts;  // not empty
  bool echo = false;
  std::optional<std::string> suffix;  // the answer stands between the prompt, a text, and it
};

/// Every parameter of OpenAI's completions and our own, with what becomes of it.
std::span<const ParamSpec> CompletionParams();
std::span<const ParamTable> CompletionTables();

std::variant<CompletionRequest, ApiError> ReadCompletionRequest(const JsonValue& body);

}  // namespace bowhead::api
