#include "engine/request_check.h"

#include <algorithm>
#include <limits>
#include <string>

#include "engine/block_pool.h"
#include "engine/sampler.h"

namespace bowhead::engine {
namespace {

std::string Lengths(int prompt_tokens, int max_tokens) {
  std::string text = "the prompt has " + std::to_string(prompt_tokens) + " tokens";
  if (max_tokens > 0) text += " and the answer may have " + std::to_string(max_tokens);
  return text;
}

}  // namespace

base::Status CheckTokens(std::span<const TokenId> tokens, const RequestLimits& limits) {
  if (tokens.empty()) return base::InvalidArgument("the prompt is empty");
  for (const TokenId token : tokens) {
    if (token < 0 || token >= limits.vocab_size) {
      return base::InvalidArgument("the prompt has token " + std::to_string(token) + "; the model has tokens 0 to " +
                                   std::to_string(limits.vocab_size - 1));
    }
  }
  if (tokens.size() > static_cast<std::size_t>(std::numeric_limits<int>::max() / 2)) {
    return base::OutOfRange("the prompt has " + std::to_string(tokens.size()) + " tokens; the model's context has " +
                            std::to_string(limits.context_length));
  }
  return base::OkStatus();
}

base::Status CheckLength(int prompt_tokens, int max_tokens, const RequestLimits& limits) {
  const std::int64_t total = std::int64_t{prompt_tokens} + max_tokens;
  if (total > limits.context_length) {
    return base::OutOfRange(
        Lengths(prompt_tokens, max_tokens) + "; the context has " + std::to_string(limits.context_length) +
        (max_tokens > 0 && prompt_tokens < limits.context_length ? ": ask for fewer tokens or shorten the prompt"
                                                                 : ": shorten the prompt"));
  }
  if (limits.max_request_tokens > 0 && total > limits.max_request_tokens) {
    return base::OutOfRange(Lengths(prompt_tokens, max_tokens) + "; this server allows " +
                            std::to_string(limits.max_request_tokens) + " for one request");
  }
  // The last token of an answer is never computed, but an exact fit is not worth its own rule.
  if (BlocksFor(static_cast<int>(total)) > limits.kv_blocks) {
    return base::OutOfRange(Lengths(prompt_tokens, max_tokens) + "; the KV cache holds " +
                            std::to_string(limits.kv_blocks * model::kBlockTokens));
  }
  return base::OkStatus();
}

base::Status CheckRequest(const GenerateRequest& request, const RequestLimits& limits) {
  base::Status status = CheckTokens(request.prompt, limits);
  if (!status.ok()) return status;
  if (request.max_tokens <= 0) {
    return base::InvalidArgument("max_tokens must be at least 1, not " + std::to_string(request.max_tokens));
  }
  if (request.constraint != nullptr && request.ignore_eos) {
    return base::InvalidArgument(
        "ignore_eos cannot be combined with structured output, which ends where it is complete");
  }
  if (request.reasoning) {
    const auto& closing = request.reasoning->closing;
    const auto known = [&limits](TokenId token) { return token >= 0 && token < limits.vocab_size; };
    if (request.reasoning->max_tokens < 0 || !std::ranges::all_of(closing, known)) {
      return base::InvalidArgument("a budget of reasoning must not be negative, and its mark must be tokens");
    }
  }
  status = CheckLength(static_cast<int>(request.prompt.size()), request.max_tokens, limits);
  if (!status.ok()) return status;
  return CheckSamplingParams(request.sampling, limits.vocab_size);
}

}  // namespace bowhead::engine
