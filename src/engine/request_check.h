// Whether a request can be served at all, before it takes a place in the queue.
#pragma once

#include <cstdint>
#include <span>

#include "base/status.h"
#include "engine/backend.h"

namespace bowhead::engine {

struct RequestLimits {
  int vocab_size = 0;
  int context_length = 0;
  int max_request_tokens = 0;  // 0: none
  std::int64_t kv_blocks = 0;
};

/// Not empty, every id below the vocabulary's size. Errors: kInvalidArgument.
base::Status CheckTokens(std::span<const TokenId> tokens, const RequestLimits& limits);

/// Whether prompt and answer fit the context, the cap per request and the whole KV cache. Errors: kOutOfRange, with the
/// numbers.
base::Status CheckLength(int prompt_tokens, int max_tokens, const RequestLimits& limits);

/// Both, and every parameter's range. Errors: as above.
base::Status CheckRequest(const GenerateRequest& request, const RequestLimits& limits);

}  // namespace bowhead::engine
