#include "api/generation_params.h"

#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace bowhead::api {

namespace {

constexpr std::array kStreamOptions = {
    Honoured("include_usage", schema::kBool, "a last chunk with usage"),
    Harmless("include_obfuscation", schema::kBool),
};
constexpr std::array kTables = {ParamTable{"StreamOptions", kStreamOptions}};

float Float(std::optional<double> value, float fallback) {
  return value ? static_cast<float>(*value) : fallback;
}

void ReadStops(ParamReader& reader, std::vector<std::string>& stops) {
  const JsonValue* value = reader.Get("stop");
  if (value == nullptr) return;
  const auto take = [&](const JsonValue& item) {
    const std::string* text = item.AsString();
    if (text == nullptr) {
      reader.Fail("stop", "'stop' must be a string or a list of strings");
    } else if (text->empty() || text->size() > kMaxStopBytes) {
      reader.Fail("stop", "each string of 'stop' must have from 1 to " + std::to_string(kMaxStopBytes) + " bytes");
    } else {
      stops.push_back(*text);
    }
  };
  const JsonArray* list = value->AsArray();
  if (list == nullptr) {
    take(*value);
    return;
  }
  if (list->size() > kMaxStops) {
    reader.Fail("stop", "'stop' may have at most " + std::to_string(kMaxStops) + " strings, not " +
                            std::to_string(list->size()));
    return;
  }
  for (const JsonValue& item : *list) take(item);
}

void ReadLogitBias(ParamReader& reader, engine::SamplingParams& sampling) {
  const JsonObject* biases = reader.Object("logit_bias");
  if (biases == nullptr) return;
  for (const auto& [key, value] : *biases) {
    model::TokenId token = 0;
    const auto parsed = std::from_chars(key.data(), key.data() + key.size(), token);
    if (parsed.ec != std::errc() || parsed.ptr != key.data() + key.size() || token < 0) {
      reader.Fail("logit_bias", "the keys of 'logit_bias' must be token ids, which '" + key.substr(0, 50) + "' is not");
      return;
    }
    const std::int64_t* integer = value.AsInt();
    const double* real = std::get_if<double>(&value.data());
    const double bias = integer != nullptr ? static_cast<double>(*integer)
                        : real != nullptr  ? *real
                                           : std::numeric_limits<double>::quiet_NaN();
    if (!(bias >= -100.0 && bias <= 100.0)) {
      reader.Fail("logit_bias", "the values of 'logit_bias' must be numbers from -100 to 100");
      return;
    }
    sampling.logit_bias.emplace_back(token, static_cast<float>(bias));
  }
}

void ReadSampling(ParamReader& reader, engine::SamplingParams& sampling) {
  sampling.temperature = Float(reader.Number("temperature", 0.0, 2.0), sampling.temperature);
  sampling.top_p = Float(reader.Number("top_p", 0.0, 1.0, /*above_low=*/true), sampling.top_p);
  sampling.min_p = Float(reader.Number("min_p", 0.0, 1.0), sampling.min_p);
  sampling.typical_p = Float(reader.Number("typical_p", 0.0, 1.0, true), sampling.typical_p);
  const auto top_k = reader.Int("top_k", -1, std::numeric_limits<int>::max());
  if (top_k) sampling.top_k = *top_k < 0 ? 0 : static_cast<int>(*top_k);  // -1 is what others call "off"
  const auto repeat = reader.Number("repeat_penalty", 0.0, 10.0, true);
  const auto repetition = reader.Number("repetition_penalty", 0.0, 10.0, true);
  if (repeat && repetition && *repeat != *repetition) {
    reader.Fail("repetition_penalty", "'repeat_penalty' and 'repetition_penalty' are the same thing; give one of them");
  }
  sampling.repeat_penalty = Float(repeat ? repeat : repetition, sampling.repeat_penalty);
  sampling.presence_penalty = Float(reader.Number("presence_penalty", -2.0, 2.0), sampling.presence_penalty);
  sampling.frequency_penalty = Float(reader.Number("frequency_penalty", -2.0, 2.0), sampling.frequency_penalty);
  ReadLogitBias(reader, sampling);
}

}  // namespace

std::span<const ParamTable> GenerationTables() {
  return kTables;
}

GenerationParams ReadGenerationParams(ParamReader& reader) {
  GenerationParams params;
  if (const std::string* model = reader.String("model")) params.model = *model;
  ReadSampling(reader, params.sampling);
  if (const auto seed =
          reader.Int("seed", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max())) {
    params.sampling.seed = static_cast<std::uint64_t>(*seed);
    params.has_seed = true;
  }
  params.n = static_cast<int>(reader.Int("n", 1, kMaxChoices).value_or(1));
  params.max_tokens = static_cast<int>(reader.Int("max_tokens", 1, kMaxTokens).value_or(0));
  ReadStops(reader, params.stops);
  params.ignore_eos = reader.Bool("ignore_eos").value_or(false);
  params.stream = reader.Bool("stream").value_or(false);
  if (const JsonObject* options = reader.Object("stream_options")) {
    if (!params.stream) reader.Fail("stream_options", "'stream_options' needs 'stream': true");
    ParamReader inner(*options, kStreamOptions, "stream_options.");
    params.include_usage = inner.Bool("include_usage").value_or(false);
    static_cast<void>(inner.Bool("include_obfuscation"));
    if (inner.error()) reader.Fail(*inner.error());
  }
  return params;
}

void CheckClientParams(ParamReader& reader) {
  static_cast<void>(reader.String("user"));
  static_cast<void>(reader.String("safety_identifier"));
  static_cast<void>(reader.String("prompt_cache_key"));
  static_cast<void>(reader.Object("metadata"));
  const std::string* tier = reader.String("service_tier");
  if (tier != nullptr && *tier != "auto" && *tier != "default") {
    reader.Fail("service_tier", "'service_tier' can only be 'auto' or 'default' here");
  }
}

void RefuseStore(ParamReader& reader) {
  if (reader.Bool("store").value_or(false)) {
    reader.Fail("store", "'store' must be false: answers of this route are not kept");
  }
}

void CheckLogitBias(ParamReader& reader, const GenerationParams& params, std::size_t vocab_size) {
  for (const auto& [token, bias] : params.sampling.logit_bias) {
    if (static_cast<std::size_t>(token) >= vocab_size) {
      reader.Fail("logit_bias", "'logit_bias' names token " + std::to_string(token) + ", but the vocabulary has " +
                                    std::to_string(vocab_size) + " tokens");
      return;
    }
  }
}

}  // namespace bowhead::api
