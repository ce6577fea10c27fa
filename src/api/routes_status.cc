// GET /health, /ready, /metrics, /openapi.json, /v1/models and /v1/models/{id}.
#include <algorithm>
#include <string>
#include <utility>

#include "api/api_server.h"
#include "api/openapi/document.h"

namespace bowhead::api {

namespace {

void WriteModel(JsonWriter& json, const serving::ServedModel& model, std::string_view id) {
  const engine::ModelInfo& info = model.backend->info();
  json.BeginObject().Field("id", id).Field("object", "model");
  json.Field("created", model.created).Field("owned_by", "bowhead");
  json.Key("bowhead").BeginObject();
  json.Field("name", info.name).Field("architecture", info.architecture).Field("quantization", info.quantization);
  json.Field("parameters", info.parameters).Field("file_bytes", info.file_bytes);
  json.Field("context_length", info.context_length).Field("vocab_size", info.vocab_size);
  json.Field("embedding_length", info.embedding_length).Field("isa", info.isa).Field("threads", info.threads);
  json.Field("tokenizer", model.backend->tokenizer().kind());
  json.Field("chat_template", model.chat_template == nullptr ? std::string() : model.chat_template->name());
  json.EndObject().EndObject();
}

}  // namespace

void ApiServer::Health(const CallPtr& call) {
  call->SendJson(200, R"({"status":"ok"})");
}

void ApiServer::Ready(const CallPtr& call) {
  const serving::ServiceState state = service_.state();
  JsonWriter json;
  json.BeginObject().Field("status", serving::ServiceStateName(state));
  if (state == serving::ServiceState::kLoading) json.Field("progress", service_.progress());
  if (const ModelPtr model = service_.model()) json.Field("model", model->id);
  json.EndObject();
  const bool ready = state == serving::ServiceState::kReady;
  net::HttpResponse response{.status = ready ? 200 : 503,
                             .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}},
                             .body = json.Take()};
  if (!ready) response.headers.emplace_back("Retry-After", "1");
  call->Send(std::move(response));
}

void ApiServer::Metrics(const CallPtr& call) {
  call->Send({.status = 200,
              .headers = {{"Content-Type", std::string(telemetry::kExpositionContentType)}},
              .body = registry_.Expose()});
}

void ApiServer::OpenApi(const CallPtr& call) {
  call->SendJson(200, OpenApiDocument(options_.version));
}

void ApiServer::ListModels(const CallPtr& call) {
  const ModelPtr model = FindModel(call, {});
  if (model == nullptr) return;
  JsonWriter json;
  json.BeginObject().Field("object", "list").Key("data").BeginArray();
  const std::size_t count = std::min(model->num_listed, model->names.size());
  for (std::size_t i = 0; i < count; ++i) WriteModel(json, *model, model->names[i]);
  json.EndArray().EndObject();
  call->SendJson(200, json.Take());
}

void ApiServer::GetModel(const CallPtr& call) {
  const ModelPtr model = FindModel(call, call->path_argument());
  if (model == nullptr) return;
  JsonWriter json;
  WriteModel(json, *model, call->path_argument());
  call->SendJson(200, json.Take());
}

}  // namespace bowhead::api
