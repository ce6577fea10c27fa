// Ollama's /api/chat, /api/generate, /api/tags, /api/show and /api/version over the served model.
#include <array>
#include <cmath>
#include <cstdio>
#include <utility>
#include <variant>

#include "api/api_server.h"
#include "api/ollama/ollama_answer.h"
#include "api/ollama/ollama_request.h"

namespace bowhead::api {

namespace {

/// "135M", "7.6B".
std::string ParameterSize(std::uint64_t parameters) {
  const auto count = static_cast<double>(parameters);
  const bool billions = count >= 1e9;
  char text[32];
  std::snprintf(text, sizeof(text), billions ? "%.1fB" : "%.0fM", count / (billions ? 1e9 : 1e6));
  return text;
}

void WriteDetails(JsonWriter& json, const engine::ModelInfo& info) {
  json.Key("details").BeginObject().Field("parent_model", "").Field("format", "gguf");
  json.Field("family", info.architecture).Key("families").BeginArray().String(info.architecture).EndArray();
  json.Field("parameter_size", ParameterSize(info.parameters)).Field("quantization_level", info.quantization);
  json.EndObject();
}

}  // namespace

void ApiServer::OllamaAnswer(const CallPtr& call, bool chat) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  auto read = chat ? ReadOllamaChat(body) : ReadOllamaGenerate(body);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  ChatRequest& request = std::get<ChatRequest>(read);
  const ModelPtr model = FindModel(call, request.params.model);
  if (model == nullptr) return;
  const std::string name = *FindKey(*body.AsObject(), "model")->AsString();
  StartChat(call, *model, request, [&](const assistant::Prompt&) {
    return MakeOllamaSink(call, {name, chat}, request.params.stream);
  });
}

void ApiServer::OllamaChat(const CallPtr& call) {
  OllamaAnswer(call, /*chat=*/true);
}

void ApiServer::OllamaGenerate(const CallPtr& call) {
  OllamaAnswer(call, /*chat=*/false);
}

void ApiServer::OllamaTags(const CallPtr& call) {
  const ModelPtr model = FindModel(call, {});
  if (model == nullptr) return;
  const engine::ModelInfo& info = model->backend->info();
  JsonWriter json;
  json.BeginObject().Key("models").BeginArray();
  for (std::size_t i = 0; i < model->num_listed && i < model->names.size(); ++i) {
    json.BeginObject().Field("name", model->names[i]).Field("model", model->names[i]);
    json.Field("modified_at", Timestamp(model->created)).Field("size", info.file_bytes).Field("digest", "");
    WriteDetails(json, info);
    json.EndObject();
  }
  call->SendJson(200, json.EndArray().EndObject().Take());
}

void ApiServer::OllamaShow(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  ParamReader reader(*body.AsObject(), OllamaShowParams());
  const std::string* name = reader.String("model");
  const std::string* other = reader.String("name");
  if (name == nullptr) name = other;
  if (name == nullptr) reader.Fail("model", "'model' is missing");
  if (reader.error()) {
    call->Fail(*reader.error());
    return;
  }
  const ModelPtr model = FindModel(call, WithoutTag(*name));
  if (model == nullptr) return;
  const engine::ModelInfo& info = model->backend->info();
  const model::Dialect& dialect = model->chat_template->dialect();
  JsonWriter json;
  json.BeginObject().Field("modified_at", Timestamp(model->created));
  WriteDetails(json, info);
  json.Key("model_info").BeginObject().Field("general.architecture", info.architecture);
  json.Field("general.parameter_count", info.parameters);
  json.Field(info.architecture + ".context_length", info.context_length);
  json.Field(info.architecture + ".embedding_length", info.embedding_length).EndObject();
  json.Key("capabilities").BeginArray().String("completion");
  if (dialect.has_tools()) json.String("tools");
  if (dialect.has_reasoning()) json.String("thinking");
  call->SendJson(200, json.EndArray().EndObject().Take());
}

void ApiServer::OllamaVersion(const CallPtr& call) {
  JsonWriter json;
  call->SendJson(200, json.BeginObject().Field("version", options_.version).EndObject().Take());
}

}  // namespace bowhead::api
