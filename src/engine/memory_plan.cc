#include "engine/memory_plan.h"

#include <string>

namespace bowhead::engine {
namespace {

// Sockets, threads' stacks, the page, the code itself: measured at 20 MiB with SmolLM2.
constexpr std::uint64_t kProcessBytes = std::uint64_t{32} << 20;
// Spelling, indexes and merges of one token of a vocabulary: measured at 90 bytes with Gemma 3.
constexpr std::uint64_t kTokenizerBytesPerToken = 128;
constexpr std::uint64_t kLogitRows = 16;

std::string Mebibytes(std::uint64_t bytes) {
  return std::to_string((bytes + (std::uint64_t{1} << 20) - 1) >> 20) + " MiB";
}

}  // namespace

std::uint64_t ScratchBytes(const model::ModelSpec& spec, int batch_tokens) {
  const auto width = static_cast<std::uint64_t>(4 * spec.embedding_length + 2 * spec.q_dim() + 2 * spec.kv_dim() +
                                                2 * spec.feed_forward_length);
  const auto vocab = static_cast<std::uint64_t>(spec.vocab_size);
  return kProcessBytes + static_cast<std::uint64_t>(batch_tokens) * width * sizeof(float) +
         vocab * (kLogitRows * sizeof(float) + kTokenizerBytesPerToken);
}

base::Status CheckMemoryPlan(const MemoryPlan& plan, std::uint64_t available_bytes) {
  if (available_bytes == 0 || plan.total_bytes() <= available_bytes) return base::OkStatus();
  const bool kv_is_too_much = plan.weight_bytes + plan.scratch_bytes < available_bytes;
  return base::ResourceExhausted(
      "serving this model takes " + Mebibytes(plan.total_bytes()) + " of memory (weights " +
      Mebibytes(plan.weight_bytes) + ", KV cache " + Mebibytes(plan.kv_bytes) + ", the rest " +
      Mebibytes(plan.scratch_bytes) + "), but only " + Mebibytes(available_bytes) + " are available; " +
      (kv_is_too_much ? "lower --ctx or --kv-memory to " +
                            Mebibytes(available_bytes - plan.weight_bytes - plan.scratch_bytes) + " or less"
                      : std::string("use a smaller model or a coarser quantization, or free memory")));
}

}  // namespace bowhead::engine
