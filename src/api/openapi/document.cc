#include "api/openapi/document.h"

#include <algorithm>
#include <array>
#include <vector>

#include "api/json.h"
#include "api/openapi/operations.h"
#include "api/request_tables.h"

namespace bowhead::api {

namespace {

constexpr std::string_view kAbout =
    "Every parameter has `x-bowhead`: `honoured`, `accepted-no-effect` or `refused` (a 400 that names it). A null is "
    "as "
    "good as leaving a parameter out. OPTIONS answers 204 with Allow on every path, and HEAD is there where GET is.";

bool Lists(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t comma = std::min(names.find(','), names.size());
    if (names.substr(0, comma) == name) return true;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return false;
}

std::string_view UseName(ParamUse use) {
  switch (use) {
    case ParamUse::kHonoured:
      return "honoured";
    case ParamUse::kHarmless:
      return "accepted-no-effect";
    case ParamUse::kRefused:
      return "refused";
  }
  return {};
}

void WriteRef(JsonWriter& json, std::string_view kind, std::string_view name) {
  json.BeginObject().Field("$ref", "#/components/" + std::string(kind) + "/" + std::string(name)).EndObject();
}

/// The members of a property's schema, without braces.
void WriteUse(JsonWriter& json, const ParamSpec& row) {
  json.Field("x-bowhead", UseName(row.use));
  if (!row.why.empty()) json.Field("description", row.why);
}

void WriteProperty(JsonWriter& json, const ParamSpec& row, bool required) {
  json.Key(row.name).BeginObject();
  WriteUse(json, row);
  if (row.use == ParamUse::kRefused) {
    json.Field("type", "null");
  } else if (required) {
    json.Key("allOf").BeginArray().Raw(row.schema).EndArray();
  } else if (row.schema != schema::kAny) {
    json.Key("anyOf").BeginArray().Raw(row.schema).BeginObject().Field("type", "null").EndObject().EndArray();
  }
  json.EndObject();
}

void WriteTable(JsonWriter& json, const ParamTable& table) {
  json.Key(table.name).BeginObject().Field("type", "object").Field("additionalProperties", false);
  if (!table.required.empty()) {
    json.Key("required").BeginArray();
    for (const ParamSpec& row : table.rows) {
      if (Lists(table.required, row.name)) json.String(row.name);
    }
    json.EndArray();
  }
  json.Key("properties").BeginObject();
  for (const ParamSpec& row : table.rows) WriteProperty(json, row, Lists(table.required, row.name));
  json.EndObject().EndObject();
}

void WriteSchemas(JsonWriter& json) {
  json.Key("schemas").BeginObject();
  for (const ParamTable& table : RequestTables()) WriteTable(json, table);
  for (const auto& schemas : {OpenAiSchemas(), ResponseSchemas(), AnthropicSchemas(), OllamaSchemas()}) {
    for (const NamedSchema& one : schemas) json.Key(one.name).Raw(one.json);
  }
  json.EndObject();
}

struct Problem {
  int status;
  std::string_view what;
};
constexpr std::array kAlways = {
    Problem{400, "The request is wrong; the message names what"},
    Problem{403, "The Host or Origin header is not allowed"},
    Problem{408, "The request did not arrive in time"},
    Problem{431, "The header is too long"},
    Problem{500, "A mistake of the server"},
};
constexpr std::array kKeyed = {
    Problem{401, "A key is needed, or not known"},
    Problem{404, "No such model or object"},
    Problem{503, "The model loads, or the server drains"},
};
constexpr std::array kBodied = {
    Problem{409, "A request with this Idempotency-Key runs, or its answer was not kept"},
    Problem{413, "The body is too large"},
    Problem{415, "The Content-Encoding is not known"},
    Problem{422, "The Idempotency-Key came with another request"},
    Problem{429, "Too many requests wait"},
};
constexpr std::array kTimed = {Problem{504, "Not finished within the server's --request-timeout"}};

std::string_view ErrorSchema(ApiShape shape) {
  switch (shape) {
    case ApiShape::kAnthropic:
      return "AnthropicError";
    case ApiShape::kOllama:
      return "OllamaError";
    case ApiShape::kOpenAi:
      break;
  }
  return "Error";
}

/// What the server refuses before it knows the route has OpenAI's shape whatever the route.
bool BeforeRouting(int status) {
  return status == 400 || status == 408 || status == 413 || status == 431 || status == 500 || status == 503;
}

void WriteProblem(JsonWriter& json, const Problem& problem, ApiShape shape) {
  json.Key(std::to_string(problem.status)).BeginObject().Field("description", problem.what);
  if (problem.status == 429 || problem.status == 503) {
    json.Key("headers").BeginObject().Key("Retry-After").BeginObject().Field("description", "Seconds");
    json.Key("schema").BeginObject().Field("type", "integer").EndObject().EndObject().EndObject();
  }
  json.Key("content").BeginObject().Key("application/json").BeginObject().Key("schema");
  if (shape != ApiShape::kOpenAi && BeforeRouting(problem.status)) {
    json.BeginObject().Key("anyOf").BeginArray();
    WriteRef(json, "schemas", ErrorSchema(shape));
    WriteRef(json, "schemas", "Error");
    json.EndArray().EndObject();
  } else {
    WriteRef(json, "schemas", ErrorSchema(shape));
  }
  json.EndObject().EndObject().EndObject();
}

void WriteText(JsonWriter& json, std::string_view type) {
  json.Key(type).BeginObject().Key("schema").BeginObject().Field("type", "string").EndObject();
}

/// A stream's schema is that of one event, whose data is a text (OpenAPI 3.2's way to say it); of lines it is the text.
void WriteStream(JsonWriter& json, const Operation& operation) {
  if (operation.shape == ApiShape::kOllama) {
    WriteText(json, "application/x-ndjson");
  } else {
    json.Key("text/event-stream").BeginObject().Key("schema");
    json.Raw(
        R"({"type":"object","required":["data"],"properties":{"event":{"type":"string"},"data":{"type":"string"}}})");
  }
  WriteRef(json.Key("x-bowhead-event"), "schemas", operation.events);
  json.EndObject();
}

void WriteAnswer(JsonWriter& json, const Operation& operation, int status, std::string_view what) {
  json.Key(std::to_string(status)).BeginObject().Field("description", what).Key("content").BeginObject();
  if (operation.answer.empty()) {
    WriteText(json, operation.type);
    json.EndObject();
  } else {
    json.Key(operation.type).BeginObject().Key("schema");
    WriteRef(json, "schemas", operation.answer);
    json.EndObject();
  }
  if (!operation.events.empty()) WriteStream(json, operation);
  json.EndObject().EndObject();
}

void WriteResponses(JsonWriter& json, const Operation& operation) {
  json.Key("responses").BeginObject();
  WriteAnswer(json, operation, 200, operation.summary);
  for (const Problem& problem : kAlways) WriteProblem(json, problem, operation.shape);
  if (operation.id == "ready") WriteAnswer(json, operation, 503, "Not ready; Retry-After is set");
  if (operation.kind != OperationKind::kOpen) {
    for (const Problem& problem : kKeyed) WriteProblem(json, problem, operation.shape);
  }
  if (operation.kind == OperationKind::kCompute || operation.kind == OperationKind::kGenerate) {
    for (const Problem& problem : kBodied) WriteProblem(json, problem, operation.shape);
  }
  if (operation.kind == OperationKind::kGenerate) {
    for (const Problem& problem : kTimed) WriteProblem(json, problem, operation.shape);
  }
  json.EndObject();
}

/// The names in braces of a path, and the rows of a GET's table.
void WriteParameters(JsonWriter& json, const Operation& operation, const ParamTable* table) {
  json.Key("parameters").BeginArray();
  std::string_view path = operation.path;
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{')) {
    const std::size_t close = path.find('}', open);
    json.BeginObject().Field("name", path.substr(open + 1, close - open - 1)).Field("in", "path");
    json.Field("required", true).Key("schema").Raw(schema::kFullString).EndObject();
    path.remove_prefix(close);
  }
  if (table != nullptr && operation.method == "get") {
    for (const ParamSpec& row : table->rows) {
      json.BeginObject().Field("name", row.name).Field("in", "query");
      json.Field("required", Lists(table->required, row.name));
      WriteUse(json, row);
      json.Key("schema").Raw(row.schema).EndObject();
    }
  }
  WriteRef(json, "parameters", "RequestId");
  if (operation.method == "post") WriteRef(json, "parameters", "IdempotencyKey");
  json.EndArray();
}

void WriteOperation(JsonWriter& json, const Operation& operation, const ParamTable* table) {
  json.BeginObject().Field("operationId", operation.id).Field("summary", operation.summary);
  if (operation.kind == OperationKind::kOpen) json.Key("security").BeginArray().EndArray();
  WriteParameters(json, operation, table);
  if (table != nullptr && operation.method != "get") {
    json.Key("requestBody").BeginObject().Field("required", operation.needs_body).Key("content").BeginObject();
    json.Key("application/json").BeginObject().Key("schema");
    WriteRef(json, "schemas", table->name);
    json.EndObject().EndObject().EndObject();
  }
  WriteResponses(json, operation);
  json.EndObject();
}

void WritePaths(JsonWriter& json) {
  const std::vector<ParamTable> tables = RequestTables();
  json.Key("paths").BeginObject();
  std::string_view path;
  for (const Operation& operation : Operations()) {
    if (operation.path != path) {
      if (!path.empty()) json.EndObject();
      path = operation.path;
      json.Key(path).BeginObject();
    }
    const auto table =
        std::find_if(tables.begin(), tables.end(), [&](const ParamTable& t) { return t.name == operation.request; });
    WriteOperation(json.Key(operation.method), operation, table == tables.end() ? nullptr : &*table);
  }
  json.EndObject().EndObject();
}

constexpr std::string_view kParameters = R"({
  "RequestId": {"name": "X-Request-Id", "in": "header", "schema": {"type": "string"},
    "description": "Comes back in the answer if it has 1 to 128 letters, digits and - _ . :; else the server makes one"},
  "IdempotencyKey": {"name": "Idempotency-Key", "in": "header",
    "schema": {"type": "string", "pattern": "^[!-~]{0,255}$"},
    "description": "The same key with the same request gets the same answer again"}
})";
constexpr std::string_view kSecurity = R"({
  "bearer": {"type": "http", "scheme": "bearer", "description": "With --api-key-file"},
  "header": {"type": "apiKey", "in": "header", "name": "X-Api-Key", "description": "With --api-key-file"}
})";

}  // namespace

std::string OpenApiDocument(std::string_view version) {
  JsonWriter json;
  json.BeginObject().Field("openapi", "3.1.0").Key("info").BeginObject();
  json.Field("title", "Bowhead").Field("version", version).Field("description", kAbout);
  json.Key("license").BeginObject().Field("name", "Apache-2.0").Field("identifier", "Apache-2.0").EndObject();
  json.EndObject();
  json.Key("security").Raw(R"([{"bearer":[]},{"header":[]},{}])");
  WritePaths(json);
  json.Key("components").BeginObject().Key("parameters").Raw(kParameters).Key("securitySchemes").Raw(kSecurity);
  WriteSchemas(json);
  return json.EndObject().EndObject().Take();
}

}  // namespace bowhead::api
