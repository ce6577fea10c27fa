// What serve, chat and generate have in common: the options of a model, and loading it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "kernels/kv_format.h"
#include "serving/model_service.h"
#include "telemetry/serving_metrics.h"

namespace CLI {
class App;
}

namespace bowhead::cli {

struct ModelOptions {
  std::string path;  // or a name, see assistant::FindModelFile
  std::vector<std::string> aliases;
  int threads = 0;
  int context = 0;
  std::string isa;
  std::uint64_t kv_bytes = 0;
  std::int64_t kv_blocks = 0;
  kernels::KvType kv_type = kernels::KvType::kF16;
  int max_queue = 256;
  int max_running = 64;
  int max_tokens_cap = 0;
  std::string speculate = "auto";     // auto, lookup, draft or off
  std::string draft_model;            // a file
  int draft_max = 16;                 // guesses of one sequence in one step
  std::string chat_template;          // a file, or the name of a built-in one
  bool uses_template = true;          // false: its template's shortcomings are nobody's concern
  std::string packed_cache = "auto";  // or "off", or a folder
  double max_wait_s = 120;
  double request_timeout_s = 0;
  std::string prefix_sharing = "tenant";  // off, tenant or shared
  std::string prefix_cache_dir;
  std::uint64_t prefix_cache_disk = std::uint64_t{8} << 30;
};

/// Adds the options of a model that serve, chat and generate share: --threads, --ctx, --speculate and so on.
void AddModelOptions(CLI::App& app, ModelOptions& options);

/// Adds --kv-type.
void AddKvTypeOption(CLI::App& app, kernels::KvType& type);

/// Opens, checks and loads a model and its chat template. `metrics` may be null; it must outlive the model. `progress`
/// gets the fraction done; false cancels. `warn` gets text for the person who started the program.
base::Result<serving::ServedModel> LoadServedModel(const ModelOptions& options, telemetry::Registry* registry,
                                                   std::unique_ptr<telemetry::ServingMetrics>& metrics,
                                                   std::function<bool(double)> progress,
                                                   const std::function<void(const std::string&)>& warn);

/// "[#######.............]  35 %"
std::string ProgressBar(double fraction);

}  // namespace bowhead::cli
