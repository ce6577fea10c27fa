// The setters of bowhead_request.
#include "capi/request.h"

#include <array>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "capi/conversation.h"

namespace bowhead::capi {

namespace {

using Kind = serving::ConstraintSpec::Kind;

constexpr std::size_t kMaxStops = 16;
constexpr std::size_t kMaxStopBytes = 1024;
constexpr std::size_t kMaxChoices = 10'000;

struct IntParam {
  std::string_view name;
  std::int64_t low;
  std::int64_t high;
  void (*set)(bowhead_request& request, std::int64_t value);
};

constexpr std::array kIntParams = {
    IntParam{"max_tokens", 1, 1 << 24, [](bowhead_request& r, std::int64_t v) { r.max_tokens = static_cast<int>(v); }},
    IntParam{"seed", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
             [](bowhead_request& r, std::int64_t v) {
               r.sampling.seed = static_cast<std::uint64_t>(v);
               r.has_seed = true;
             }},
    IntParam{"top_k", 0, std::numeric_limits<int>::max(),
             [](bowhead_request& r, std::int64_t v) { r.sampling.top_k = static_cast<int>(v); }},
    IntParam{"logprobs", -1, 20,
             [](bowhead_request& r, std::int64_t v) { r.sampling.num_logprobs = static_cast<int>(v); }},
    IntParam{"ignore_eos", 0, 1, [](bowhead_request& r, std::int64_t v) { r.ignore_eos = v != 0; }},
    IntParam{"enable_thinking", 0, 1, [](bowhead_request& r, std::int64_t v) { r.enable_thinking = v != 0; }},
};

struct NumberParam {
  std::string_view name;
  double low;
  double high;
  bool above_low;  // low itself is out of range
  float engine::SamplingParams::*field;
};

constexpr std::array kNumberParams = {
    NumberParam{"temperature", 0.0, 2.0, false, &engine::SamplingParams::temperature},
    NumberParam{"top_p", 0.0, 1.0, true, &engine::SamplingParams::top_p},
    NumberParam{"min_p", 0.0, 1.0, false, &engine::SamplingParams::min_p},
    NumberParam{"typical_p", 0.0, 1.0, true, &engine::SamplingParams::typical_p},
    NumberParam{"repeat_penalty", 0.0, 10.0, true, &engine::SamplingParams::repeat_penalty},
    NumberParam{"presence_penalty", -2.0, 2.0, false, &engine::SamplingParams::presence_penalty},
    NumberParam{"frequency_penalty", -2.0, 2.0, false, &engine::SamplingParams::frequency_penalty},
};

std::string Quoted(std::string_view name) {
  return "'" + std::string(name.substr(0, 100)) + "'";
}

Outcome Unknown(std::string_view name, std::string_view kind) {
  return BadParam(std::string(name), "a request has no " + std::string(kind) + " called " + Quoted(name));
}

/// A short form of a number for messages.
std::string Shown(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

Outcome SetConstraint(bowhead_request& request, std::string_view param, serving::ConstraintSpec spec) {
  if (request.constraint && request.constraint_param != param) {
    return BadParam(std::string(param), Quoted(param) + " cannot be combined with " + Quoted(request.constraint_param) +
                                            ": an answer matches one of them");
  }
  request.constraint = std::move(spec);
  request.constraint_param = param;
  return base::OkStatus();
}

Outcome SetInt(bowhead_request& request, std::string_view name, std::int64_t value) {
  if (name == "json_object") {
    if (value != 1) return BadParam(std::string(name), "'json_object' can only be 1");
    return SetConstraint(request, name, {Kind::kJsonObject, {}, {}});
  }
  for (const IntParam& param : kIntParams) {
    if (param.name != name) continue;
    if (value < param.low || value > param.high) {
      return BadParam(std::string(name), Quoted(name) + " must be from " + std::to_string(param.low) + " to " +
                                             std::to_string(param.high) + ", not " + std::to_string(value));
    }
    param.set(request, value);
    return base::OkStatus();
  }
  return Unknown(name, "whole number");
}

Outcome SetNumber(bowhead_request& request, std::string_view name, double value) {
  for (const NumberParam& param : kNumberParams) {
    if (param.name != name) continue;
    const bool fits = value >= param.low && value <= param.high && !(param.above_low && value == param.low);
    if (!fits) {
      return BadParam(std::string(name), Quoted(name) + " must be " + (param.above_low ? "above " : "from ") +
                                             Shown(param.low) + " to " + Shown(param.high) + ", not " + Shown(value));
    }
    request.sampling.*param.field = static_cast<float>(value);
    return base::OkStatus();
  }
  return Unknown(name, "number");
}

Outcome SetText(bowhead_request& request, std::string_view name, std::string_view text) {
  if (name == "messages") return ReadMessages(text, request.messages);
  if (name == "tools") return ReadTools(text, request.tools);
  if (name == "tool_choice") {
    if (text != "auto" && text != "none") {
      return BadParam("tool_choice", "'tool_choice' can only be 'auto' or 'none'");
    }
    request.call_tools = text == "auto";
    return base::OkStatus();
  }
  if (name == "json_schema") return SetConstraint(request, name, {Kind::kJsonSchema, std::string(text), {}});
  if (name == "regex") return SetConstraint(request, name, {Kind::kRegex, std::string(text), {}});
  if (name == "grammar") return SetConstraint(request, name, {Kind::kGrammar, std::string(text), {}});
  return Unknown(name, "text");
}

Outcome AddText(bowhead_request& request, std::string_view name, std::string_view text) {
  if (name == "stop") {
    if (text.empty() || text.size() > kMaxStopBytes) {
      return BadParam("stop", "each text of 'stop' must have from 1 to " + std::to_string(kMaxStopBytes) + " bytes");
    }
    if (request.stops.size() == kMaxStops) {
      return BadParam("stop", "'stop' may have at most " + std::to_string(kMaxStops) + " texts");
    }
    request.stops.emplace_back(text);
    return base::OkStatus();
  }
  if (name == "choice") {
    serving::ConstraintSpec spec{Kind::kChoice, {}, {}};
    if (request.constraint_param == "choice") spec.choices = std::move(request.constraint->choices);
    if (spec.choices.size() == kMaxChoices) {
      return BadParam("choice", "'choice' may have at most " + std::to_string(kMaxChoices) + " texts");
    }
    spec.choices.emplace_back(text);
    return SetConstraint(request, name, std::move(spec));
  }
  return Unknown(name, "list of texts");
}

Outcome AddMessage(bowhead_request& request, std::string_view role, std::string_view text) {
  if (role != "system" && role != "user" && role != "assistant") {
    return BadParam("role", "'role' must be 'system', 'user' or 'assistant', not " + Quoted(role));
  }
  request.messages.push_back({.role = std::string(role), .content = std::string(text)});
  return base::OkStatus();
}

Outcome AddLogitBias(bowhead_request& request, std::int32_t token, double bias) {
  if (token < 0 || !(bias >= -100.0 && bias <= 100.0)) {
    return BadParam("logit_bias", "'logit_bias' takes a token of the vocabulary and a number from -100 to 100");
  }
  request.sampling.logit_bias.emplace_back(token, static_cast<float>(bias));
  return base::OkStatus();
}

}  // namespace

}  // namespace bowhead::capi

namespace capi = bowhead::capi;

bowhead_request* bowhead_request_new(void) {
  try {
    return new bowhead_request;
  } catch (const std::exception&) {
    return nullptr;
  }
}

void bowhead_request_free(bowhead_request* request) {
  delete request;
}

int bowhead_request_set_prompt(bowhead_request* request, const char* text, size_t length, bowhead_error** error) {
  return capi::Guarded(error, [&]() -> capi::Outcome {
    request->prompt = capi::TextOf(text, length);
    return bowhead::base::OkStatus();
  });
}

int bowhead_request_set_prompt_tokens(bowhead_request* request, const int32_t* tokens, size_t count,
                                      bowhead_error** error) {
  return capi::Guarded(error, [&]() -> capi::Outcome {
    request->prompt_tokens.assign(tokens, tokens + count);
    return bowhead::base::OkStatus();
  });
}

int bowhead_request_add_message(bowhead_request* request, const char* role, const char* text, bowhead_error** error) {
  return capi::Guarded(error, [&] { return capi::AddMessage(*request, capi::TextOf(role), capi::TextOf(text)); });
}

int bowhead_request_set_int(bowhead_request* request, const char* name, int64_t value, bowhead_error** error) {
  return capi::Guarded(error, [&] { return capi::SetInt(*request, capi::TextOf(name), value); });
}

int bowhead_request_set_number(bowhead_request* request, const char* name, double value, bowhead_error** error) {
  return capi::Guarded(error, [&] { return capi::SetNumber(*request, capi::TextOf(name), value); });
}

int bowhead_request_set_text(bowhead_request* request, const char* name, const char* text, size_t length,
                             bowhead_error** error) {
  return capi::Guarded(error, [&] { return capi::SetText(*request, capi::TextOf(name), capi::TextOf(text, length)); });
}

int bowhead_request_add_text(bowhead_request* request, const char* name, const char* text, size_t length,
                             bowhead_error** error) {
  return capi::Guarded(error, [&] { return capi::AddText(*request, capi::TextOf(name), capi::TextOf(text, length)); });
}

int bowhead_request_add_logit_bias(bowhead_request* request, int32_t token, double bias, bowhead_error** error) {
  return capi::Guarded(error, [&] { return capi::AddLogitBias(*request, token, bias); });
}
