#include "cli/load_model.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "assistant/prompt.h"
#include "engine/engine.h"
#include "model/format/model_file.h"

namespace bowhead::cli {

namespace {

constexpr std::uintmax_t kMaxTemplateBytes = 1 << 20;

/// --chat-template is a file if there is one of that name, else the name of a built-in template.
base::Result<std::optional<std::string>> ReadTemplateFile(const std::string& name) {
  std::error_code error;
  if (name.empty() || !std::filesystem::is_regular_file(name, error)) return std::optional<std::string>();
  if (std::filesystem::file_size(name, error) > kMaxTemplateBytes) {
    return base::InvalidArgument("the chat template '" + name + "' is larger than 1 MiB");
  }
  std::ifstream file(name, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) return base::PermissionDenied("the chat template '" + name + "' cannot be read");
  return std::optional<std::string>(std::move(text));
}

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

/// The names that the model answers to: aliases, its file's stem, the name in its metadata.
std::vector<std::string> NamesOf(const ModelOptions& options, const std::string& own_name) {
  std::vector<std::string> names = options.aliases;
  for (const std::string& name : {std::filesystem::path(options.path).stem().string(), own_name}) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
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
         "from the prompt and the answer; draft: ask the draft model; auto: both; off")
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

model::PackedCacheOptions ToPackedCache(const std::string& setting) {
  using Mode = model::PackedCacheOptions::Mode;
  if (setting == "off") return {Mode::kOff, {}, {}};
  if (setting == "auto") return {Mode::kAuto, {}, {}};
  return {Mode::kFolder, setting, {}};
}

base::Result<serving::ServedModel> LoadServedModel(const ModelOptions& options, telemetry::Registry* registry,
                                                   std::unique_ptr<telemetry::ServingMetrics>& metrics,
                                                   std::function<bool(double)> progress,
                                                   const std::function<void(const std::string&)>& warn) {
  base::Result<std::optional<std::string>> source = ReadTemplateFile(options.chat_template);
  if (!source.ok()) return source.status();
  base::Result<engine::SpeculationOptions> speculation = ReadSpeculation(options);
  if (!speculation.ok()) return speculation.status();
  base::Result<std::shared_ptr<const model::ModelFile>> file = model::ModelFile::Open(options.path);
  if (!file.ok()) return file.status();
  const std::string* name = (*file)->metadata().GetString("general.name");
  const std::vector<std::string> names = NamesOf(options, name == nullptr ? std::string() : *name);
  if (registry != nullptr && !names.empty()) {
    metrics = std::make_unique<telemetry::ServingMetrics>(*registry, names.front());
  }

  engine::EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.isa = options.isa;
  engine_options.context_length = options.context;
  engine_options.kv_bytes = options.kv_bytes;
  engine_options.kv_blocks = options.kv_blocks;
  engine_options.kv_type = options.kv_type;
  engine_options.max_queue = options.max_queue;
  engine_options.max_running = options.max_running;
  engine_options.speculation = *std::move(speculation);
  engine_options.max_wait_s = options.max_wait_s;
  engine_options.request_timeout_s = options.request_timeout_s;
  engine_options.prefix_cache = options.prefix_sharing == "off"      ? engine::PrefixSharing::kOff
                                : options.prefix_sharing == "shared" ? engine::PrefixSharing::kShared
                                                                     : engine::PrefixSharing::kTenant;
  engine_options.prefix_cache_dir = options.prefix_cache_dir;
  engine_options.prefix_cache_disk_bytes = options.prefix_cache_disk;
  engine_options.warn = warn;
  engine_options.metrics = metrics.get();
  engine_options.packed_cache = ToPackedCache(options.packed_cache);
  engine_options.packed_cache.warn = warn;
  engine_options.progress = std::move(progress);
  base::Result<std::unique_ptr<engine::Engine>> engine = engine::LoadEngine(*file, engine_options);
  if (!engine.ok()) return engine.status();

  serving::ServedModel served;
  served.backend = std::move(*engine);
  base::Result<assistant::TemplateChoice> choice =
      assistant::ChooseTemplate((*file)->metadata(), served.backend->tokenizer(), *source,
                                source->has_value() ? std::string_view() : std::string_view(options.chat_template));
  if (!choice.ok()) return choice.status();
  if (options.uses_template && !choice->warning.empty()) warn(choice->warning);
  served.chat_template = choice->chat_template;
  served.names = names;
  if (served.names.empty()) served.names.emplace_back("model");
  served.id = served.names.front();
  served.num_listed = std::max<std::size_t>(1, options.aliases.size());
  served.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  served.max_tokens_cap = options.max_tokens_cap;
  return served;
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
