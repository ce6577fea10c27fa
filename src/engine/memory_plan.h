// What serving a model will take, against what the machine has: asked before anything is loaded.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "model/arch/model_spec.h"

namespace bowhead::engine {

struct MemoryPlan {
  std::uint64_t weight_bytes = 0;  // packed; they take it mapped from a cache too
  std::uint64_t kv_bytes = 0;
  std::uint64_t scratch_bytes = 0;  // activations of the largest step, logits, tokenizer, the server itself

  [[nodiscard]] std::uint64_t total_bytes() const { return weight_bytes + kv_bytes + scratch_bytes; }
};

/// An estimate of all that is neither weights nor KV cache, with steps of up to `batch_tokens` tokens.
std::uint64_t ScratchBytes(const model::ModelSpec& spec, int batch_tokens);

/// Refuses a plan that does not fit in `available_bytes` (0: unknown, never refused). Errors: kResourceExhausted, with
/// all numbers and with what to change.
base::Status CheckMemoryPlan(const MemoryPlan& plan, std::uint64_t available_bytes);

}  // namespace bowhead::engine
