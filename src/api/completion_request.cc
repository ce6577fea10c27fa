#include "api/completion_request.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace bowhead::api {

namespace {

constexpr std::array kOwnParams = {
    Honoured("prompt", kInputsSchema, "special tokens that it spells count"),
    Honoured("echo", schema::kBool, "not together with logprobs"),
    Honoured("logprobs", schema::kTopLogprobs),
    Honoured("best_of", R"({"type":"integer","minimum":1,"maximum":32})", "equal to n only"),
    Honoured("suffix", schema::kString, "where the model has tokens for filling in the middle; prompts are texts then"),
};
constexpr auto kCompletionParams = JoinParams(kOwnParams, kGenerationParams, kClientParams);
constexpr std::array kTables = {ParamTable{"CompletionRequest", kCompletionParams, "prompt"}};

/// Token ids from a list of integers; false if it is something else.
bool ReadTokenList(const JsonArray& list, std::vector<model::TokenId>& tokens) {
  tokens.reserve(list.size());
  for (const JsonValue& item : list) {
    const std::int64_t* id = item.AsInt();
    if (id == nullptr) return false;
    // What does not fit 32 bits is no token of any model; -1 keeps it wrong for the check against the vocabulary.
    tokens.push_back(*id >= 0 && *id <= std::numeric_limits<model::TokenId>::max() ? static_cast<model::TokenId>(*id)
                                                                                   : -1);
  }
  return true;
}

bool ReadInput(const JsonValue& value, std::vector<TextOrTokens>& inputs) {
  if (const std::string* text = value.AsString()) {
    inputs.emplace_back(*text);
    return true;
  }
  const JsonArray* list = value.AsArray();
  std::vector<model::TokenId> tokens;
  if (list == nullptr || list->empty() || !ReadTokenList(*list, tokens)) return false;
  inputs.emplace_back(std::move(tokens));
  return true;
}

}  // namespace

std::vector<TextOrTokens> ReadInputs(ParamReader& reader, std::string_view name, std::size_t max_inputs) {
  std::vector<TextOrTokens> inputs;
  const std::string quoted = "'" + std::string(name) + "'";
  const JsonValue* value = reader.Get(name);
  if (value == nullptr) {
    reader.Fail(name, quoted + " is missing");
    return inputs;
  }
  const std::string what = quoted + " must be a string, a list of strings, a list of token ids or a list of such lists";
  const JsonArray* list = value->AsArray();
  if (list == nullptr || (!list->empty() && list->front().AsInt() != nullptr)) {
    if (!ReadInput(*value, inputs)) reader.Fail(name, what);
    return inputs;
  }
  if (list->empty() || list->size() > max_inputs) {
    reader.Fail(name, quoted + " must have from 1 to " + std::to_string(max_inputs) + " entries, not " +
                          std::to_string(list->size()));
    return inputs;
  }
  for (const JsonValue& item : *list) {
    if (!ReadInput(item, inputs)) {
      reader.Fail(name, what);
      return inputs;
    }
  }
  return inputs;
}

base::Result<std::vector<model::TokenId>> ToTokens(const TextOrTokens& input, const model::Tokenizer& tokenizer,
                                                   bool parse_special) {
  std::vector<model::TokenId> tokens;
  if (const auto* text = std::get_if<std::string>(&input)) {
    tokens = tokenizer.Encode(*text, {.add_special = true, .parse_special = parse_special});
  } else {
    tokens = std::get<std::vector<model::TokenId>>(input);
    for (const model::TokenId token : tokens) {
      if (token < 0 || static_cast<std::size_t>(token) >= tokenizer.vocab_size()) {
        return base::InvalidArgument("token ids must be from 0 to " + std::to_string(tokenizer.vocab_size() - 1));
      }
    }
  }
  if (tokens.empty()) return base::InvalidArgument("the text is empty; there is nothing to work on");
  return tokens;
}

std::span<const ParamSpec> CompletionParams() {
  return kCompletionParams;
}

std::span<const ParamTable> CompletionTables() {
  return kTables;
}

std::variant<CompletionRequest, ApiError> ReadCompletionRequest(const JsonValue& body) {
  const JsonObject* object = body.AsObject();
  if (object == nullptr) return ApiError{.message = "the body must be a JSON object"};
  ParamReader reader(*object, kCompletionParams);
  CompletionRequest request;
  request.params = ReadGenerationParams(reader);
  CheckClientParams(reader);
  RefuseStore(reader);
  if (request.params.max_tokens == 0) request.params.max_tokens = 16;  // as OpenAI defines this route
  request.echo = reader.Bool("echo").value_or(false);
  if (const auto logprobs = reader.Int("logprobs", 0, kMaxTopLogprobs)) {
    request.params.sampling.num_logprobs = static_cast<int>(*logprobs);
    if (request.echo) reader.Fail("echo", "'echo' with 'logprobs' is not supported: prompts have no logprobs here");
  }
  if (const auto best_of = reader.Int("best_of", 1, kMaxChoices); best_of && *best_of != request.params.n) {
    reader.Fail("best_of", "'best_of' can only be equal to 'n': answers are not ranked here");
  }
  if (const std::string* suffix = reader.String("suffix")) request.suffix = *suffix;
  request.prompts = ReadInputs(reader, "prompt", kMaxChoices);
  if (request.suffix && std::any_of(request.prompts.begin(), request.prompts.end(), [](const TextOrTokens& prompt) {
        return std::holds_alternative<std::vector<model::TokenId>>(prompt);
      })) {
    reader.Fail("suffix", "'suffix' needs prompts that are texts, not tokens");
  }
  if (request.suffix && request.echo) reader.Fail("echo", "'echo' and 'suffix' cannot be combined");
  if (request.prompts.size() * static_cast<std::size_t>(request.params.n) > kMaxChoices) {
    reader.Fail("n", "'prompt' and 'n' together ask for more than " + std::to_string(kMaxChoices) + " answers");
  }
  if (reader.error()) return *reader.error();
  return request;
}

}  // namespace bowhead::api
