#include "capi/model.h"

#include <string_view>
#include <utility>

#include "assistant/load_model.h"
#include "capi/error.h"
#include "capi/options.h"

namespace bowhead::capi {

namespace {

Outcome Load(std::string_view name, const bowhead_options& options, bowhead_model** out) {
  if (out == nullptr) return BadParam("model", "'model' must be a place for the model");
  base::Result<assistant::LoadOptions> load = ToLoadOptions(options);
  if (!load.ok()) return load.status();
  load->model = name;
  base::Result<serving::ServedModel> served = assistant::LoadServedModel(std::move(*load));
  if (!served.ok()) return served.status();
  auto loaded = std::make_shared<LoadedModel>();
  loaded->service.SetReady(std::move(*served));
  loaded->served = loaded->service.model();
  loaded->tokenizer = loaded->served->backend->tokenizer().kind();
  *out = new bowhead_model{std::move(loaded)};  // the caller's to free
  return base::OkStatus();
}

const char* GetString(const LoadedModel& model, std::string_view name) {
  const engine::ModelInfo& info = model.served->backend->info();
  if (name == "name") return model.served->id.c_str();
  if (name == "architecture") return info.architecture.c_str();
  if (name == "quantization") return info.quantization.c_str();
  if (name == "isa") return info.isa.c_str();
  if (name == "tokenizer") return model.tokenizer.c_str();
  if (name == "chat_template") return model.served->chat_template->name().c_str();
  return nullptr;
}

std::int64_t GetInt(const LoadedModel& model, std::string_view name) {
  const engine::Backend& backend = *model.served->backend;
  const engine::ModelInfo& info = backend.info();
  if (name == "context_length") return info.context_length;
  if (name == "vocab_size") return info.vocab_size;
  if (name == "embedding_length") return info.embedding_length;
  if (name == "parameters") return static_cast<std::int64_t>(info.parameters);
  if (name == "file_bytes") return static_cast<std::int64_t>(info.file_bytes);
  if (name == "threads") return info.threads;
  if (name == "running") return backend.Stats().running;
  if (name == "waiting") return backend.Stats().waiting;
  return -1;
}

}  // namespace

}  // namespace bowhead::capi

int bowhead_load(const char* name_or_path, const bowhead_options* options, bowhead_model** model,
                 bowhead_error** error) {
  namespace capi = bowhead::capi;
  return capi::Guarded(error, [&] {
    const bowhead_options defaults;
    return capi::Load(capi::TextOf(name_or_path), options == nullptr ? defaults : *options, model);
  });
}

void bowhead_model_free(bowhead_model* model) {
  delete model;
}

const char* bowhead_model_get_string(const bowhead_model* model, const char* name) {
  return bowhead::capi::GetString(*model->loaded, bowhead::capi::TextOf(name));
}

int64_t bowhead_model_get_int(const bowhead_model* model, const char* name) {
  return bowhead::capi::GetInt(*model->loaded, bowhead::capi::TextOf(name));
}
