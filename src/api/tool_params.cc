#include "api/tool_params.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <type_traits>
#include <utility>

namespace bowhead::api {

namespace {

constexpr std::size_t kMaxTools = 128;
constexpr std::size_t kMaxNameLength = 64;

constexpr std::array kToolParams = {
    Honoured("type", R"({"const":"function"})"),
    Honoured("function", R"({"$ref":"#/components/schemas/ToolFunction"})"),
};
constexpr std::array kFunctionParams = {
    Honoured("name", R"({"type":"string","pattern":"^[A-Za-z0-9_-]{1,64}$"})"),
    Honoured("description", schema::kString),
    Honoured("parameters", schema::kObject),
    Honoured("strict", schema::kBool, "arguments always validate; what cannot be enforced is refused"),
};
constexpr std::array kTables = {
    ParamTable{"Tool", kToolParams, "type,function"},
    ParamTable{"ToolFunction", kFunctionParams, "name"},
};

bool IsToolName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameLength && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
}

std::string_view StringAt(const JsonObject& object, std::string_view key) {
  const JsonValue* value = FindKey(object, key);
  return value == nullptr || value->AsString() == nullptr ? std::string_view() : std::string_view(*value->AsString());
}

/// The schema of the arguments, which are always an object: a type that says so is added where none is, and taken out
/// of several. Nothing if objects are none of its types.
std::optional<std::string> ObjectSchema(const JsonObject* schema) {
  const JsonValue object_type(std::string("object"));
  if (schema == nullptr)
    return ToJsonText(JsonValue(JsonObject{{"type", object_type}, {"maxProperties", JsonValue(std::int64_t{0})}}));
  JsonObject object = *schema;
  const auto found =
      std::find_if(object.begin(), object.end(), [](const auto& entry) { return entry.first == "type"; });
  if (found == object.end()) {
    object.insert(object.begin(), {"type", object_type});
  } else if (const JsonArray* types = found->second.AsArray()) {
    const auto is_object = [](const JsonValue& type) {
      return type.AsString() != nullptr && *type.AsString() == "object";
    };
    if (std::none_of(types->begin(), types->end(), is_object)) return std::nullopt;
    found->second = object_type;
  } else if (found->second.AsString() == nullptr || *found->second.AsString() != "object") {
    return std::nullopt;
  }
  return ToJsonText(JsonValue(std::move(object)));
}

/// One tool of chat's list.
void ReadTool(ParamReader& reader, const JsonValue& value, const std::string& place, ToolList& tools) {
  const JsonObject* object = value.AsObject();
  if (object == nullptr) {
    reader.Fail(BadParameter(place, "'" + place + "' must be an object"));
    return;
  }
  ParamReader item(*object, kToolParams, place + ".");
  if (StringAt(*object, "type") != "function") {
    item.Fail("type", "'" + place + ".type' must be 'function'; other kinds of tools are not supported");
  }
  const JsonObject* function = item.Object("function");
  if (function == nullptr) item.Fail("function", "'" + place + ".function' is missing");
  if (item.error()) {
    reader.Fail(*item.error());
    return;
  }
  ParamReader inner(*function, kFunctionParams, place + ".function.");
  ToolFields fields;
  fields.place = place + ".function";
  fields.name = inner.String("name");
  fields.description = inner.Get("description");
  fields.schema = inner.Get("parameters");
  fields.strict = inner.Bool("strict").value_or(false);
  if (inner.error()) {
    reader.Fail(*inner.error());
    return;
  }
  tools.Add(fields);
}

/// The name in {"type": "function", "function": {"name"}} or, flat, {"type": "function", "name"}; "" for what is none.
std::string_view NamedFunction(const JsonObject& object, bool flat) {
  if (StringAt(object, "type") != "function") return {};
  if (flat) return StringAt(object, "name");
  const JsonValue* function = FindKey(object, "function");
  return function == nullptr || function->AsObject() == nullptr ? std::string_view()
                                                                : StringAt(*function->AsObject(), "name");
}

/// {"mode", "tools": [functions by name]}; nothing if it is malformed.
std::optional<ToolChoice> AllowedTools(const JsonObject& object, const std::string& place, bool flat) {
  const std::string_view mode = StringAt(object, "mode");
  const JsonValue* list = FindKey(object, "tools");
  if ((mode != "auto" && mode != "required") || list == nullptr || list->AsArray() == nullptr) return std::nullopt;
  ToolChoice choice;
  choice.mode = mode == "auto" ? ToolChoice::Mode::kAuto : ToolChoice::Mode::kRequired;
  choice.place = place + ".tools";
  choice.only.emplace();
  for (const JsonValue& item : *list->AsArray()) {
    const std::string_view name = item.AsObject() == nullptr ? "" : NamedFunction(*item.AsObject(), flat);
    if (name.empty()) return std::nullopt;
    choice.only->emplace_back(name);
  }
  return choice;
}

}  // namespace

std::span<const ParamTable> ToolTables() {
  return kTables;
}

void ToolList::Add(const ToolFields& fields) {
  const std::string& place = fields.place;
  const std::string name_place = place + ".name";
  const std::string schema_place = place + "." + fields.schema_key;
  if (fields.name == nullptr || !IsToolName(*fields.name)) {
    reader_.Fail(BadParameter(name_place, "'" + name_place + "' must have 1 to 64 letters, digits, '_' or '-'"));
    return;
  }
  const auto same = [&](const CallableTool& tool) { return tool.name == *fields.name; };
  if (std::any_of(tools_.tools.begin(), tools_.tools.end(), same)) {
    reader_.Fail(BadParameter(name_place, "'" + name_place + "': two tools are called '" + *fields.name + "'"));
  }
  if (tools_.tools.size() == kMaxTools) {
    reader_.Fail(BadParameter("tools", "at most " + std::to_string(kMaxTools) + " tools are allowed"));
  }
  if (fields.description != nullptr && fields.description->AsString() == nullptr) {
    reader_.Fail(BadParameter(place + ".description", "'" + place + ".description' must be a string"));
  }
  if (fields.schema != nullptr && fields.schema->AsObject() == nullptr) {
    reader_.Fail(BadParameter(
        schema_place, "'" + schema_place + "' must be an object, not " + std::string(fields.schema->KindName())));
    return;
  }
  std::optional<std::string> schema = ObjectSchema(fields.schema == nullptr ? nullptr : fields.schema->AsObject());
  if (!schema && fields.strict) {
    reader_.Fail(BadParameter(schema_place, "'" + schema_place + "' must be the schema of an object"));
  }
  if (!reader_.ok()) return;
  tools_.tools.push_back({*fields.name, schema.value_or(R"({"type":"object"})"), fields.strict, schema_place});
  JsonObject function{{"name", JsonValue(*fields.name)}};
  if (fields.description != nullptr) function.emplace_back("description", *fields.description);
  function.emplace_back("parameters",
                        fields.schema != nullptr ? *fields.schema : *ParseJson(R"({"type":"object","properties":{}})"));
  JsonObject tool{{"type", JsonValue(std::string("function"))}, {"function", JsonValue(std::move(function))}};
  definitions_.emplace_back(std::move(tool));
}

ToolParams ToolList::Finish(const ToolChoice& choice, bool single_call) {
  if (!reader_.ok()) return {};
  if (choice.mode == ToolChoice::Mode::kRequired && tools_.tools.empty()) {
    reader_.Fail(BadParameter(choice.place, "'" + choice.place + "' asks for a call, but there are no 'tools'"));
  }
  for (const std::string& name : choice.only.value_or(std::vector<std::string>())) {
    const auto same = [&](const CallableTool& tool) { return tool.name == name; };
    if (std::any_of(tools_.tools.begin(), tools_.tools.end(), same)) continue;
    reader_.Fail(BadParameter(choice.place, "'" + choice.place + "' names '" + name.substr(0, kMaxNameLength) +
                                                "', which is none of the 'tools'"));
  }
  if (!reader_.ok() || choice.mode == ToolChoice::Mode::kNone) return {};
  const std::size_t offered = tools_.tools.size();
  if (choice.only) {
    std::erase_if(tools_.tools, [&](const CallableTool& tool) {
      return std::find(choice.only->begin(), choice.only->end(), tool.name) == choice.only->end();
    });
    if (tools_.tools.empty()) return {};
  }
  tools_.only_these = tools_.tools.size() < offered;
  tools_.call_required = choice.mode == ToolChoice::Mode::kRequired;
  tools_.single_call = single_call;
  if (!definitions_.empty()) tools_.definitions = ToTemplateValue(JsonValue(std::move(definitions_)));
  return std::move(tools_);
}

ToolChoice ReadToolChoice(ParamReader& reader, bool flat) {
  const JsonValue* value = reader.Get("tool_choice");
  if (value == nullptr) return {};
  if (const std::string* word = value->AsString()) {
    if (*word == "auto") return {};
    if (*word == "none") return {.mode = ToolChoice::Mode::kNone, .only = {}};
    if (*word == "required") return {.mode = ToolChoice::Mode::kRequired, .only = {}};
  } else if (const JsonObject* object = value->AsObject()) {
    const std::string_view name = NamedFunction(*object, flat);
    if (!name.empty()) {
      return {.mode = ToolChoice::Mode::kRequired, .only = std::vector<std::string>{std::string(name)}};
    }
    if (StringAt(*object, "type") == "allowed_tools") {
      const JsonValue* inner = flat ? value : FindKey(*object, "allowed_tools");
      const std::string place = flat ? "tool_choice" : "tool_choice.allowed_tools";
      if (inner != nullptr && inner->AsObject() != nullptr) {
        if (auto allowed = AllowedTools(*inner->AsObject(), place, flat)) return *std::move(allowed);
      }
    }
  }
  reader.Fail("tool_choice", std::string("'tool_choice' must be 'auto', 'none', 'required', a function by name (") +
                                 (flat ? R"({"type": "function", "name": "f"})"
                                       : R"({"type": "function", "function": {"name": "f"}})") +
                                 "), or of type 'allowed_tools' with 'mode' and 'tools'");
  return {};
}

ToolParams ReadTools(ParamReader& reader) {
  const ToolChoice choice = ReadToolChoice(reader, /*flat=*/false);
  const bool parallel = reader.Bool("parallel_tool_calls").value_or(true);
  ToolList tools(reader);
  const JsonArray* list = reader.Array("tools");
  for (std::size_t i = 0; list != nullptr && i < list->size() && reader.ok(); ++i) {
    ReadTool(reader, (*list)[i], "tools[" + std::to_string(i) + "]", tools);
  }
  return tools.Finish(choice, !parallel);
}

model::Value ToTemplateValue(const JsonValue& json) {
  return std::visit(
      [](const auto& value) -> model::Value {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::nullptr_t>) {
          return model::Value::None();
        } else if constexpr (std::is_same_v<T, bool>) {
          return model::Value::Bool(value);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return model::Value::Int(value);
        } else if constexpr (std::is_same_v<T, double>) {
          return model::Value::Double(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return model::Value::String(value, /*untrusted=*/true);
        } else if constexpr (std::is_same_v<T, JsonArray>) {
          std::vector<model::Value> items;
          items.reserve(value.size());
          for (const JsonValue& item : value) items.push_back(ToTemplateValue(item));
          return model::Value::FromList(std::move(items));
        } else {
          model::Dict dict;
          for (const auto& [key, item] : value) {
            dict.Set(model::Value::String(key, /*untrusted=*/true), ToTemplateValue(item));
          }
          return model::Value::FromDict(std::move(dict));
        }
      },
      json.data());
}

}  // namespace bowhead::api
