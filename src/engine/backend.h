// What every engine offers to the layers above: our own, and later ONNX Runtime or a remote server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "grammar/matcher.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::engine {

using model::TokenId;

/// How the next token is chosen. The defaults sample from the model's own distribution.
struct SamplingParams {
  float temperature = 1.0F;        // >= 0; 0 is greedy
  int top_k = 0;                   // 0: off
  float top_p = 1.0F;              // (0, 1]; 1: off
  float min_p = 0.0F;              // [0, 1]; 0: off
  float typical_p = 1.0F;          // (0, 1]; 1: off
  float repeat_penalty = 1.0F;     // > 0; 1: off. Over prompt and answer (CTRL paper, arXiv 1909.05858)
  float presence_penalty = 0.0F;   // [-2, 2], over the answer only, as OpenAI defines it
  float frequency_penalty = 0.0F;  // [-2, 2]
  std::vector<std::pair<TokenId, float>> logit_bias;
  std::uint64_t seed = 0;  // the same seed gives the same answer, whoever shares the batch
  int num_logprobs = -1;   // -1: none; 0: of the chosen token; n: also the n likeliest (<= 20)
};

enum class Priority : std::uint8_t { kInteractive, kBatch };

/// How long an answer may reason before it has to say something. Once the reasoning has `max_tokens` tokens, `close` is
/// written in its place; what follows is the model's own again.
struct ReasoningBudget {
  int max_tokens = 0;            // of the reasoning between its marks; a character is never cut for it
  bool opened = false;           // the prompt ends inside of the reasoning; else an answer may open it at its start
  std::string open_mark;         // as text; blanks may stand before it
  std::string close_mark;        // as text
  std::vector<TokenId> closing;  // the tokens that write the close mark
};

struct GenerateRequest {
  std::vector<TokenId> prompt;  // not empty; prompt.size() + max_tokens <= context_length
  int max_tokens = 0;           // > 0
  SamplingParams sampling;
  std::vector<TokenId> stop_tokens;  // besides the model's end-of-generation tokens
  bool ignore_eos = false;           // not together with a constraint, which says itself where an answer may end
  std::shared_ptr<grammar::Constraint> constraint;  // what the answer must match; it ends once nothing can follow
  std::optional<ReasoningBudget> reasoning;
  Priority priority = Priority::kInteractive;
  std::string tenant;  // whose share this counts against; "" is everyone without a key
};

struct TokenLogprob {
  TokenId token = 0;
  float logprob = 0.0F;
};

/// One generated token. Logprobs are of the model's distribution before temperature and penalties.
struct GeneratedToken {
  TokenId token = 0;
  float logprob = 0.0F;           // meaningful if num_logprobs >= 0
  std::vector<TokenLogprob> top;  // likeliest first
};

enum class FinishReason : std::uint8_t { kStop, kLength, kCancelled, kError };

struct FinishInfo {
  FinishReason reason = FinishReason::kStop;
  base::Status status;  // why, for kError
  int prompt_tokens = 0;
  int cached_tokens = 0;      // of the prompt, taken from the KV cache
  int completion_tokens = 0;  // the end-of-generation token is neither counted nor reported
};

/// Receives what a request makes. Called on the engine's thread, in order, OnFinish exactly once and last; it must not
/// block or call the backend back except for Cancel.
class RequestListener {
 public:
  virtual ~RequestListener() = default;
  virtual void OnToken(const GeneratedToken& token) = 0;
  virtual void OnFinish(const FinishInfo& info) = 0;
};

using RequestId = std::uint64_t;

/// A moment's state, for /metrics, admission and tests.
struct BackendStats {
  int running = 0;  // sequences in the batch
  int waiting = 0;
  std::int64_t kv_blocks_total = 0;
  std::int64_t kv_blocks_used = 0;
  std::uint64_t preemptions = 0;
  std::uint64_t guessed_tokens = 0;   // checked by speculation
  std::uint64_t accepted_tokens = 0;  // of these, right
};

/// Static facts about the served model.
struct ModelInfo {
  std::string name;  // general.name, or the file's stem
  std::string architecture;
  std::string quantization;  // "Q4_1": the type that holds most of the bytes
  std::uint64_t parameters = 0;
  std::uint64_t file_bytes = 0;
  int context_length = 0;  // what is served: min(model's, --ctx)
  int vocab_size = 0;
  int embedding_length = 0;
  std::string isa;  // "avx512-vnni"
  int threads = 0;
};

/// An engine with one loaded model. All methods are thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;

  /// Queues a request. Errors: kInvalidArgument (parameters), kOutOfRange (does not fit the context: the message has
  /// both numbers), kResourceExhausted (the queue is full, or the wait would
  /// be too long), kUnavailable (draining).
  virtual base::Result<RequestId> Submit(GenerateRequest request, std::shared_ptr<RequestListener> listener) = 0;

  /// Ends a request within one step: its listener gets OnFinish(kCancelled). Unknown or finished ids are ignored.
  virtual void Cancel(RequestId id) = 0;

  /// The mean of the last hidden states over the tokens, normalised to length 1, of each input; through `done`, on the
  /// engine's thread. An embedding model's own pooling kind is honoured where its file names one.
  struct EmbeddingListener {
    virtual ~EmbeddingListener() = default;
    virtual void OnDone(base::Result<std::vector<float>> embedding) = 0;
  };
  virtual base::Status Embed(std::vector<TokenId> tokens, std::shared_ptr<EmbeddingListener> listener) = 0;

  /// Stops taking requests; running ones go on.
  virtual void Drain() = 0;

  /// Whether even the smallest request of this tenant would be refused now; cheap enough to ask before a request is
  /// read. Errors: kResourceExhausted, kUnavailable, as Submit.
  [[nodiscard]] virtual base::Status CheckLoad(const std::string& /*tenant*/) const { return base::OkStatus(); }
  /// Whole seconds after which a request of this tenant that was refused is likely to be let in.
  [[nodiscard]] virtual int RetryAfter(const std::string& /*tenant*/) const { return 1; }

  [[nodiscard]] virtual BackendStats Stats() const = 0;
  [[nodiscard]] virtual const ModelInfo& info() const = 0;
  [[nodiscard]] virtual const model::Tokenizer& tokenizer() const = 0;
};

}  // namespace bowhead::engine
