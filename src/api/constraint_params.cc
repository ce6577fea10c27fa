#include "api/constraint_params.h"

#include <array>
#include <string>
#include <utility>

namespace bowhead::api {

namespace {

using Kind = serving::ConstraintSpec::Kind;

constexpr std::size_t kMaxChoiceTexts = 10'000;

constexpr std::string_view kTypeSchema = R"({"enum":["text","json_object","json_schema"]})";
constexpr std::string_view kSchemaSchema = R"({"type":["object","boolean","string"]})";

constexpr std::array kFormatParams = {
    Honoured("type", kTypeSchema),
    Honoured("json_schema", schema::kAny, "a JsonSchemaFormat, if the type is json_schema"),
};
constexpr std::array kJsonSchemaParams = {
    Harmless("name", schema::kAny),
    Honoured("schema", kSchemaSchema, "kept exactly, or refused"),
    Harmless("strict", schema::kAny, "either way: a schema is kept exactly, or refused"),
    Harmless("description", schema::kAny),
};
constexpr auto kFlatParams = JoinParams(std::array{Honoured("type", kTypeSchema)}, kJsonSchemaParams);
constexpr std::array kStructuredParams = {
    Honoured("json", kSchemaSchema),
    Honoured("regex", schema::kString),
    Honoured("choice", R"({"type":"array","maxItems":10000,"items":{"type":"string"}})"),
    Honoured("grammar", schema::kString, "GBNF or Lark"),
};
constexpr std::array kTables = {
    ParamTable{"ResponseFormat", kFormatParams, "type"},
    ParamTable{"JsonSchemaFormat", kJsonSchemaParams, "schema"},
    ParamTable{"FlatFormat", kFlatParams, "type"},
    ParamTable{"StructuredOutputs", kStructuredParams},
};

/// A schema is an object or a boolean; some clients send it as text.
void TakeSchema(ParamReader& reader, std::string_view name, std::string_view param, ChatRequest& request) {
  const JsonValue* wanted = reader.Get(name);
  if (wanted == nullptr) {
    reader.Fail(name, "'" + std::string(param) + "' needs '" + std::string(name) + "', a JSON schema");
  } else if (const std::string* text = wanted->AsString()) {
    SetConstraint(request, param, {Kind::kJsonSchema, *text, {}});
  } else if (wanted->AsObject() != nullptr || wanted->AsBool() != nullptr) {
    SetConstraint(request, param, {Kind::kJsonSchema, ToJsonText(*wanted), {}});
  } else {
    reader.Fail(name, "a JSON schema must be an object or a boolean, not " + std::string(wanted->KindName()));
  }
}

/// "text", "json_object" or "json_schema"; "" after a mistake.
std::string ReadType(ParamReader& reader, std::string_view param) {
  const std::string* type = reader.String("type");
  if (type != nullptr && (*type == "text" || *type == "json_object" || *type == "json_schema")) return *type;
  reader.Fail("type", "'" + std::string(param) + ".type' must be 'text', 'json_object' or 'json_schema'");
  return {};
}

/// A schema beside a type that has no use for it is not ignored.
void RefuseUnused(ParamReader& reader, std::string_view type, std::string_view name) {
  if (type != "json_schema" && reader.Get(name) != nullptr) {
    reader.Fail(name, "'" + std::string(name) + "' belongs to the type 'json_schema' only");
  }
}

}  // namespace

std::span<const ParamTable> ConstraintTables() {
  return kTables;
}

void SetConstraint(ChatRequest& request, std::string_view param, serving::ConstraintSpec spec) {
  request.constraint = std::move(spec);
  request.constraint_param = param;
}

void ReadConstraint(ParamReader& reader, std::string_view name, ChatRequest& request) {
  const JsonObject* format = reader.Object(name);
  if (format == nullptr) return;
  ParamReader inner(*format, kFormatParams, std::string(name) + ".");
  const std::string type = ReadType(inner, name);
  RefuseUnused(inner, type, "json_schema");
  if (type == "json_object") SetConstraint(request, name, {Kind::kJsonObject, {}, {}});
  if (type == "json_schema") {
    const JsonObject* wrapper = inner.Object("json_schema");
    if (wrapper == nullptr) {
      inner.Fail("json_schema", "'" + std::string(name) + ".json_schema' is missing");
    } else {
      ParamReader reads(*wrapper, kJsonSchemaParams, std::string(name) + ".json_schema.");
      TakeSchema(reads, "schema", name, request);
      if (reads.error()) inner.Fail(*reads.error());
    }
  }
  if (inner.error()) reader.Fail(*inner.error());
}

void ReadFlatFormat(ParamReader& reader, std::string_view name, std::string_view param, ChatRequest& request) {
  const JsonObject* format = reader.Object(name);
  if (format == nullptr) return;
  ParamReader inner(*format, kFlatParams, std::string(param) + ".");
  const std::string type = ReadType(inner, param);
  RefuseUnused(inner, type, "schema");
  if (type == "json_object") SetConstraint(request, param, {Kind::kJsonObject, {}, {}});
  if (type == "json_schema") TakeSchema(inner, "schema", param, request);
  if (inner.error()) reader.Fail(*inner.error());
}

void ReadStructuredOutputs(ParamReader& reader, ChatRequest& request) {
  constexpr std::string_view kName = "structured_outputs";
  const JsonObject* outputs = reader.Object(kName);
  if (outputs == nullptr) return;
  ParamReader inner(*outputs, kStructuredParams, std::string(kName) + ".");
  int given = request.constraint ? 1 : 0;
  if (inner.Get("json") != nullptr) {
    TakeSchema(inner, "json", kName, request);
    ++given;
  }
  if (const std::string* regex = inner.String("regex")) {
    SetConstraint(request, kName, {Kind::kRegex, *regex, {}});
    ++given;
  }
  if (const std::string* grammar = inner.String("grammar")) {
    SetConstraint(request, kName, {Kind::kGrammar, *grammar, {}});
    ++given;
  }
  if (const JsonArray* choice = inner.Array("choice")) {
    serving::ConstraintSpec spec{Kind::kChoice, {}, {}};
    for (const JsonValue& item : *choice) {
      if (item.AsString() == nullptr || spec.choices.size() == kMaxChoiceTexts) {
        inner.Fail("choice", "'structured_outputs.choice' must be a list of at most " +
                                 std::to_string(kMaxChoiceTexts) + " strings");
        break;
      }
      spec.choices.push_back(*item.AsString());
    }
    SetConstraint(request, kName, std::move(spec));
    ++given;
  }
  if (given != 1) {
    inner.Fail({.message = "give one of 'json', 'regex', 'choice' and 'grammar' in 'structured_outputs', and not "
                           "'response_format' besides",
                .param = std::string(kName)});
  }
  if (inner.error()) reader.Fail(*inner.error());
}

}  // namespace bowhead::api
