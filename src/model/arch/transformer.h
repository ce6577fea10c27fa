// The one transformer that runs every architecture: weights prepared for this machine's kernels, a paged KV cache, and
// a forward pass over a batch of sequences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "kernels/kv_format.h"
#include "model/arch/model_spec.h"
#include "model/arch/packed_cache.h"
#include "model/format/model_file.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::model {

/// Tokens per KV block (page).
inline constexpr int kBlockTokens = 16;

struct TransformerOptions {
  int threads = 0;             // 0: one per core that the process may use
  std::string isa;             // "": the best one; else one of kernels::IsaNames()
  int max_batch_tokens = 512;  // most tokens in one Forward call
  std::int64_t kv_blocks = 0;  // size of the KV cache
  PackedCacheOptions packed_cache;
  kernels::KvType kv_type = kernels::KvType::kF16;
  /// Called while weights are prepared with the fraction done (0..1), from one thread at a time; false cancels the
  /// load.
  std::function<bool(double)> progress;
};

/// What Forward computes beyond the KV entries.
enum class StepOutput : std::uint8_t {
  kNothing,     // a prefill piece that is not the last one
  kLastLogits,  // logits after the last token: one row
  kAllLogits,   // logits after every token: one row each
  kHiddenSum,   // the sum over the tokens of the final normed hidden state: one row of embedding_length, in `hidden`
};

/// One sequence's part of a step.
struct SequenceStep {
  std::span<const TokenId> tokens;            // what to process now: one for decode, more for prefill or verification
  std::int32_t position = 0;                  // of tokens[0]; the KV entries of 0..position-1 are there
  std::span<const std::int32_t> block_table;  // block i holds positions [16 i, 16 i + 16); covers all of the tokens
  StepOutput output = StepOutput::kLastLogits;
};

struct ForwardResult {
  std::span<const float> logits;  // [rows, vocab_size], rows in the order of the batch; valid until the next Forward
  std::span<const float> hidden;  // [rows, embedding_length]
};

/// A loaded model. One thread calls Forward at a time; it uses its own worker team. A sequence's results depend neither
/// on the rest of the batch, nor on how its tokens are cut into steps, nor on the number of threads, to the last bit.
class Transformer {
 public:
  virtual ~Transformer() = default;

  /// Checks the file against its architecture, prepares the weights, allocates the KV cache. Errors: kUnimplemented
  /// (architecture, named, with the list of known ones), kInvalidArgument (tensors missing or of wrong shape, NaN
  /// scales, a tokenizer larger than the embedding), kResourceExhausted (memory, with the numbers), kCancelled.
  static base::Result<std::unique_ptr<Transformer>> Load(std::shared_ptr<const ModelFile> file,
                                                         const TransformerOptions& options);

  [[nodiscard]] virtual const ModelSpec& spec() const = 0;
  [[nodiscard]] virtual std::int64_t num_kv_blocks() const = 0;
  [[nodiscard]] virtual int max_batch_tokens() const = 0;
  [[nodiscard]] virtual int threads() const = 0;
  [[nodiscard]] virtual std::string_view isa() const = 0;

  /// Runs one step. Blocks that are written must not be shared between sequences of the batch. Errors: kInvalidArgument
  /// for token ids, positions or block tables out of range (checked before anything is written).
  virtual base::Result<ForwardResult> Forward(std::span<const SequenceStep> batch) = 0;

  /// One block's keys and values of all layers as bytes, to keep them elsewhere and to put them back into any block of
  /// a Transformer over the same file. What was read and is written back is the same to the last bit. The layout is
  /// named by `KvLayout` ("f16.1": the number type and the version of its layout): bytes of another layout mean
  /// nothing. Called by the thread that calls Forward.
  [[nodiscard]] virtual std::size_t BlockBytes() const = 0;
  [[nodiscard]] virtual std::string KvLayout() const = 0;
  /// `block` is in range and `out` has BlockBytes() bytes.
  virtual void ReadBlock(std::int32_t block, std::span<std::byte> out) const = 0;
  /// The bytes of a ReadBlock; nobody reads the block meanwhile.
  virtual void WriteBlock(std::int32_t block, std::span<const std::byte> in) = 0;
};

/// Bytes of KV cache that one block takes for this model.
std::uint64_t KvBytesPerBlock(const ModelSpec& spec, kernels::KvType type);

}  // namespace bowhead::model
