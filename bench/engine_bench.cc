// In-process throughput as JSON: the Transformer alone (prefill, decode of 1..n sequences), and with --engine the same
// decode through the whole engine (scheduler, sampler, listeners; sampled at temperature 1) and its time to first
// token. Its prompts are 16 random tokens, or the lines of a file in turn. --engine-only leaves the Transformer alone
// out.
//   engine_bench MODEL [--threads N] [--isa NAME] [--reps N] [--prefill 16,128,512] [--sequences 1,2,4,8,16,32]
//                [--context 128] [--steps 64] [--batch 512] [--kv-type f16] [--shared 0] [--engine] [--engine-only]
//                [--prompt-file FILE]
// --shared N: the first N tokens of the context, cut to whole blocks, are in the same blocks for all sequences.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/block_pool.h"
#include "engine/engine.h"
#include "engine/hashing.h"

namespace {

using bowhead::engine::BlocksFor;
using bowhead::model::SequenceStep;
using bowhead::model::StepOutput;
using bowhead::model::TokenId;
using bowhead::model::Transformer;
using Clock = std::chrono::steady_clock;

constexpr int kEnginePrompt = 16;  // short: the engine's figure is about decoding

struct Options {
  std::string model;
  int threads = 0;
  std::string isa;
  int reps = 3;
  std::vector<int> prefill = {16, 128, 512};
  std::vector<int> sequences = {1, 2, 4, 8, 16, 32};
  int context = 128;
  int steps = 64;
  int batch = 512;
  bowhead::kernels::KvType kv_type = bowhead::kernels::KvType::kF16;
  int shared = 0;
  bool engine = false;
  bool transformer = true;
  std::vector<std::string> prompts;
};

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<int> ParseList(std::string_view text) {
  std::vector<int> values;
  while (!text.empty()) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || value <= 0) return {};
    values.push_back(value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.starts_with(',')) text.remove_prefix(1);
  }
  return values;
}

std::optional<Options> ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--engine" || flag == "--engine-only") {
      options.engine = true;
      options.transformer = flag == "--engine";
      continue;
    }
    if (!flag.starts_with("--")) {
      options.model = flag;
      continue;
    }
    if (++i == argc) return std::nullopt;
    if (flag == "--isa") {
      options.isa = argv[i];
      continue;
    }
    if (flag == "--prompt-file") {
      std::ifstream file(argv[i]);
      for (std::string line; std::getline(file, line);) options.prompts.push_back(line);
      if (options.prompts.empty()) return std::nullopt;
      continue;
    }
    if (flag == "--kv-type") {
      const auto type = bowhead::kernels::ParseKvType(argv[i]);
      if (!type) return std::nullopt;
      options.kv_type = *type;
      continue;
    }
    const std::vector<int> list = ParseList(argv[i]);
    if (list.empty()) return std::nullopt;
    if (flag == "--prefill") {
      options.prefill = list;
    } else if (flag == "--sequences") {
      options.sequences = list;
    } else if (flag == "--threads") {
      options.threads = list[0];
    } else if (flag == "--reps") {
      options.reps = list[0];
    } else if (flag == "--context") {
      options.context = list[0];
    } else if (flag == "--steps") {
      options.steps = list[0];
    } else if (flag == "--batch") {
      options.batch = list[0];
    } else if (flag == "--shared") {
      options.shared = list[0];
    } else {
      return std::nullopt;
    }
  }
  if (options.model.empty() || options.shared > options.context) return std::nullopt;
  return options;
}

std::vector<TokenId> RandomTokens(int count, int vocab, int salt) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::uint64_t bits = bowhead::engine::MixBits(i * 131 + static_cast<std::uint64_t>(salt));
    tokens[i] = static_cast<TokenId>(bits % static_cast<std::uint64_t>(vocab));
  }
  return tokens;
}

std::vector<std::int32_t> Table(int first_block, int tokens) {
  std::vector<std::int32_t> table(static_cast<std::size_t>(BlocksFor(tokens)));
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = first_block + static_cast<std::int32_t>(i);
  return table;
}

bool Check(const bowhead::base::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok();
}

/// Prefills one sequence in steps of `batch`; false on error.
bool Prefill(Transformer& transformer, const std::vector<TokenId>& tokens, const std::vector<std::int32_t>& table,
             int batch) {
  for (std::size_t begin = 0; begin < tokens.size(); begin += static_cast<std::size_t>(batch)) {
    const std::size_t count = std::min(static_cast<std::size_t>(batch), tokens.size() - begin);
    SequenceStep step;
    step.tokens = std::span(tokens).subspan(begin, count);
    step.position = static_cast<std::int32_t>(begin);
    step.block_table = table;
    step.output = begin + count == tokens.size() ? StepOutput::kLastLogits : StepOutput::kNothing;
    if (!Check(transformer.Forward({&step, 1}).status())) return false;
  }
  return true;
}

bool BenchPrefill(Transformer& transformer, const Options& options) {
  std::printf("  \"prefill\": [");
  for (std::size_t i = 0; i < options.prefill.size(); ++i) {
    const int length = options.prefill[i];
    const auto tokens = RandomTokens(length, transformer.spec().vocab_size, 1);
    const auto table = Table(0, length);
    std::vector<double> rates;
    for (int rep = -1; rep < options.reps; ++rep) {  // the first one warms up
      const auto begin = Clock::now();
      if (!Prefill(transformer, tokens, table, options.batch)) return false;
      if (rep >= 0) rates.push_back(length / Seconds(begin));
    }
    std::printf("%s\n    {\"tokens\": %d, \"tokens_per_second\": %.1f}", i == 0 ? "" : ",", length, Median(rates));
    std::fflush(stdout);
  }
  std::printf("\n  ],\n");
  return true;
}

bool BenchDecode(Transformer& transformer, const Options& options) {
  std::printf("  \"decode\": [");
  const int length = options.context + options.steps;
  for (std::size_t i = 0; i < options.sequences.size(); ++i) {
    const int count = options.sequences[i];
    std::vector<std::vector<std::int32_t>> tables;
    std::vector<std::vector<TokenId>> tokens;
    for (int s = 0; s < count; ++s) {
      tables.push_back(Table(s * BlocksFor(length), length));
      tokens.push_back(RandomTokens(length, transformer.spec().vocab_size, s));
      const auto shared = static_cast<std::ptrdiff_t>(options.shared / bowhead::model::kBlockTokens);
      std::copy(tables[0].begin(), tables[0].begin() + shared, tables.back().begin());
      std::copy(tokens[0].begin(), tokens[0].begin() + shared * bowhead::model::kBlockTokens, tokens.back().begin());
      std::vector<TokenId> prompt(tokens.back().begin(), tokens.back().begin() + options.context);
      if (!Prefill(transformer, prompt, tables.back(), options.batch)) return false;
    }
    std::vector<double> rates;
    std::vector<SequenceStep> batch(static_cast<std::size_t>(count));
    for (int rep = 0; rep < options.reps; ++rep) {
      const auto begin = Clock::now();
      for (int step = 0; step < options.steps; ++step) {
        for (std::size_t s = 0; s < batch.size(); ++s) {
          const int position = options.context + step;
          batch[s] = SequenceStep{std::span(tokens[s]).subspan(static_cast<std::size_t>(position), 1), position,
                                  tables[s], StepOutput::kLastLogits};
        }
        if (!Check(transformer.Forward(batch).status())) return false;
      }
      rates.push_back(count * options.steps / Seconds(begin));
    }
    std::printf("%s\n    {\"sequences\": %d, \"tokens_per_second\": %.1f, \"ms_per_step\": %.3f}", i == 0 ? "" : ",",
                count, Median(rates), 1e3 * count / Median(rates));
    std::fflush(stdout);
  }
  std::printf("\n  ]");
  return true;
}

/// Counts the tokens of all requests and notes when the last one is done.
class Crowd : public bowhead::engine::RequestListener {
 public:
  explicit Crowd(int requests) : left_(requests) {}
  void OnToken(const bowhead::engine::GeneratedToken&) override {
    const std::lock_guard lock(mutex_);
    if (tokens_++ == 0) first_ = Clock::now();
  }
  void OnFinish(const bowhead::engine::FinishInfo&) override {
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) changed_.notify_all();
  }
  /// Tokens per second from the first token on, once the last request is done.
  double Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return left_ == 0; });
    return static_cast<double>(tokens_) / Seconds(first_);
  }
  /// Milliseconds from the making of this object to the first token of all. After Wait.
  [[nodiscard]] double FirstTokenMs() const {
    return std::chrono::duration<double, std::milli>(first_ - begin_).count();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int left_;
  int tokens_ = 0;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point first_;
};

/// The prompt of the n-th request.
std::vector<TokenId> Prompt(const bowhead::engine::Engine& engine, const Options& options, int n) {
  if (options.prompts.empty()) return RandomTokens(kEnginePrompt, engine.info().vocab_size, n);
  return engine.tokenizer().Encode(options.prompts[static_cast<std::size_t>(n) % options.prompts.size()], {});
}

bool BenchEngine(const Options& options) {
  bowhead::engine::EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.isa = options.isa;
  engine_options.kv_type = options.kv_type;
  engine_options.max_batch_tokens = options.batch;
  auto engine = bowhead::engine::LoadEngine(options.model, engine_options);
  if (!Check(engine.status())) return false;
  std::printf("%s  \"engine\": [", options.transformer ? ",\n" : "{\n");
  for (std::size_t i = 0; i < options.sequences.size(); ++i) {
    const int count = options.sequences[i];
    std::vector<double> rates;
    std::vector<double> first;
    for (int rep = 0; rep < options.reps; ++rep) {
      std::vector<bowhead::engine::GenerateRequest> requests(static_cast<std::size_t>(count));
      for (int s = 0; s < count; ++s) {
        bowhead::engine::GenerateRequest& request = requests[static_cast<std::size_t>(s)];
        request.prompt = Prompt(**engine, options, s + count * rep);
        request.max_tokens = options.steps;
        request.ignore_eos = true;
        request.sampling.seed = static_cast<std::uint64_t>(s);
      }
      auto crowd = std::make_shared<Crowd>(count);
      for (auto& request : requests) {
        if (!Check((*engine)->Submit(std::move(request), crowd).status())) return false;
      }
      rates.push_back(crowd->Wait());
      first.push_back(crowd->FirstTokenMs());
    }
    std::printf("%s\n    {\"sequences\": %d, \"tokens_per_second\": %.1f, \"first_token_ms\": %.4f}", i == 0 ? "" : ",",
                count, Median(rates), Median(first));
    std::fflush(stdout);
  }
  std::printf("\n  ]");
  return true;
}

bool BenchTransformer(const Options& options) {
  auto file = bowhead::model::ModelFile::Open(options.model);
  if (!Check(file.status())) return false;
  const int most = *std::max_element(options.sequences.begin(), options.sequences.end());
  const int longest = *std::max_element(options.prefill.begin(), options.prefill.end());
  bowhead::model::TransformerOptions transformer_options;
  transformer_options.threads = options.threads;
  transformer_options.isa = options.isa;
  transformer_options.kv_type = options.kv_type;
  transformer_options.max_batch_tokens = std::max(options.batch, most);
  transformer_options.kv_blocks = std::max(most * BlocksFor(options.context + options.steps), BlocksFor(longest));
  const auto begin = Clock::now();
  auto transformer = Transformer::Load(std::move(file).value(), transformer_options);
  if (!Check(transformer.status())) return false;
  Transformer& model = **transformer;
  std::printf("{\n  \"model\": \"%s\", \"isa\": \"%s\", \"threads\": %d, \"context\": %d, \"load_seconds\": %.3f,\n",
              model.spec().name.c_str(), std::string(model.isa()).c_str(), model.threads(), options.context,
              Seconds(begin));
  return BenchPrefill(model, options) && BenchDecode(model, options);
}

bool Run(const Options& options) {
  if (options.transformer && !BenchTransformer(options)) return false;
  if (options.engine && !BenchEngine(options)) return false;
  std::printf("\n}\n");
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = ParseOptions(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: engine_bench MODEL [--threads N] [--isa NAME] [--reps N] [--prefill N,...] "
                 "[--sequences N,...] [--context N] [--steps N] [--batch N] [--kv-type TYPE] [--shared N] [--engine] "
                 "[--engine-only] [--prompt-file FILE]\n");
    return 2;
  }
  return Run(*options) ? 0 : 1;
}
