// A model file becomes a served model: found by its name, checked, loaded, with its chat template.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "serving/model_service.h"
#include "telemetry/serving_metrics.h"

namespace bowhead::assistant {

struct LoadOptions {
  std::string model;                 // a name or a path; see FindModelFile
  std::vector<std::string> aliases;  // more names that it answers to, the first one before its own
  engine::EngineOptions engine;      // `metrics` is set by `make_metrics`
  std::string chat_template;         // a Jinja file, or the name of a built-in template; "": the model's own
  bool uses_template = true;         // false: its template's shortcomings are nobody's concern
  int max_tokens_cap = 0;            // most tokens that one answer may have; 0: the context is the only bound
  /// Makes the metrics of the model, which is called so in them; they must outlive it. May be empty.
  std::function<telemetry::ServingMetrics*(const std::string& name)> make_metrics;
};

/// Errors: those of FindModelFile, ModelFile::Open, LoadEngine and ChooseTemplate.
base::Result<serving::ServedModel> LoadServedModel(LoadOptions options);

/// "auto", "off" or a folder, as options name the place of packed weights.
model::PackedCacheOptions ToPackedCache(const std::string& setting);

}  // namespace bowhead::assistant
