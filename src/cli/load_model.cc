#include "cli/load_model.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>

#include "assistant/load_model.h"
#include "engine/engine.h"

namespace bowhead::cli {

namespace {

base::Result<engine::SpeculationOptions> ReadSpeculation(const ModelOptions& options) {
  engine::SpeculationOptions speculation;
  if (options.speculate == "draft" && options.draft_model.empty()) {
    return base::InvalidArgument("--speculate draft needs a draft model (--draft-model FILE)");
  }
  if (!options.draft_model.empty() && (options.speculate == "lookup" || options.speculate == "off")) {
    return base::InvalidArgument("--draft-model has no use with --speculate " + options.speculate);
  }
  speculation.lookup = options.speculate == "auto" || options.speculate == "lookup";
  speculation.most_draft = options.speculate == "off" ? 0 : options.draft_max;
  speculation.draft_model = options.draft_model;
  return speculation;
}

}  // namespace

void AddKvTypeOption(CLI::App& app, kernels::KvType& type) {
  const std::vector<std::string> names(kernels::kKvTypeNames.begin(), kernels::kKvTypeNames.end());
  app.add_option_function<std::string>(
         "--kv-type", [&type](const std::string& name) { type = *kernels::ParseKvType(name); },
         "Number format of the KV cache: f16; bf16 (as large, faster prompts where the processor has AVX512_BF16); q8 "
         "(half as large, a little less exact)")
      ->check(CLI::IsMember(names))
      ->type_name("f16|bf16|q8");
}

void AddModelOptions(CLI::App& app, ModelOptions& options) {
  app.add_option("--threads", options.threads, "Threads for the kernels (0: one per core)")
      ->check(CLI::Range(0, 1024))
      ->type_name("N");
  app.add_option("--ctx", options.context, "Context in tokens (0: the model's own, or what fits in memory)")
      ->check(CLI::Range(0, 1 << 24))
      ->type_name("TOKENS");
  app.add_option("--isa", options.isa, "Force an instruction set (see 'bowhead version --verbose')")->type_name("NAME");
  app.add_option("--kv-memory", options.kv_bytes, "Memory for the KV cache, e.g. 2GB (0: chosen from what is free)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("BYTES");
  app.add_option("--kv-blocks", options.kv_blocks, "The same in blocks of 16 tokens; wins over --kv-memory")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 32))
      ->type_name("N");
  app.add_option(
         "--speculate", options.speculate,
         "Guess tokens and check several in one step, where that is faster; answers stay the same. lookup: copy "
         "from the prompt and the answer; draft: ask the draft model; auto: both. With each of them also the text that "
         "a "
         "JSON schema or grammar leaves no choice about. off")
      ->check(CLI::IsMember({"auto", "lookup", "draft", "off"}))
      ->capture_default_str();
  app.add_option("--draft-model", options.draft_model, "A small model (GGUF) with the same vocabulary, to guess with")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  app.add_option("--draft-max", options.draft_max, "Most guesses of one answer in one step")
      ->check(CLI::Range(1, engine::kMostDraftTokens))
      ->capture_default_str()
      ->type_name("N");
  AddKvTypeOption(app, options.kv_type);
  app.add_option("--chat-template", options.chat_template,
                 "A Jinja file, or a built-in template (chatml, llama2, gemma, plain), instead of the model's own")
      ->type_name("FILE|NAME");
  app.add_option("--packed-cache", options.packed_cache,
                 "Keep the prepared weights on disk and map them at the next start: auto (beside the model, else in "
                 "~/.cache/bowhead; models above 16 MiB), off, or a folder")
      ->check([](const std::string& text) {
        return text.empty() ? std::string("--packed-cache needs auto, off or a folder") : std::string();
      })
      ->capture_default_str()
      ->type_name("auto|off|DIR");
}

base::Result<serving::ServedModel> LoadServedModel(const ModelOptions& options, telemetry::Registry* registry,
                                                   std::unique_ptr<telemetry::ServingMetrics>& metrics,
                                                   std::function<bool(double)> progress,
                                                   const std::function<void(const std::string&)>& warn) {
  base::Result<engine::SpeculationOptions> speculation = ReadSpeculation(options);
  if (!speculation.ok()) return speculation.status();
  assistant::LoadOptions load;
  load.model = options.path;
  load.aliases = options.aliases;
  load.chat_template = options.chat_template;
  load.uses_template = options.uses_template;
  load.max_tokens_cap = options.max_tokens_cap;
  if (registry != nullptr) {
    load.make_metrics = [&metrics, registry](const std::string& name) {
      metrics = std::make_unique<telemetry::ServingMetrics>(*registry, name);
      return metrics.get();
    };
  }
  engine::EngineOptions& engine = load.engine;
  engine.threads = options.threads;
  engine.isa = options.isa;
  engine.context_length = options.context;
  engine.kv_bytes = options.kv_bytes;
  engine.kv_blocks = options.kv_blocks;
  engine.kv_type = options.kv_type;
  engine.max_queue = options.max_queue;
  engine.max_running = options.max_running;
  engine.speculation = *std::move(speculation);
  engine.max_wait_s = options.max_wait_s;
  engine.request_timeout_s = options.request_timeout_s;
  engine.prefix_cache = options.prefix_sharing == "off"      ? engine::PrefixSharing::kOff
                        : options.prefix_sharing == "shared" ? engine::PrefixSharing::kShared
                                                             : engine::PrefixSharing::kTenant;
  engine.prefix_cache_dir = options.prefix_cache_dir;
  engine.prefix_cache_disk_bytes = options.prefix_cache_disk;
  engine.warn = warn;
  engine.packed_cache = assistant::ToPackedCache(options.packed_cache);
  engine.packed_cache.warn = warn;
  engine.progress = std::move(progress);
  return assistant::LoadServedModel(std::move(load));
}

std::string ProgressBar(double fraction) {
  constexpr std::size_t kWidth = 30;
  const double bounded = std::clamp(fraction, 0.0, 1.0);
  const auto filled = static_cast<std::size_t>(std::lround(bounded * kWidth));
  const std::string percent = std::to_string(static_cast<int>(bounded * 100.0));
  return "[" + std::string(filled, '#') + std::string(kWidth - filled, '.') + "] " +
         std::string(3 - std::min<std::size_t>(3, percent.size()), ' ') + percent + " %";
}

}  // namespace bowhead::cli
