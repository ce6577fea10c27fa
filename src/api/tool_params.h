// Tools in chat requests: their definitions, and what the model may or must do with them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/params.h"
#include "model/template/value.h"

namespace bowhead::api {

/// What `tool_choice` may be in OpenAI's APIs.
inline constexpr std::string_view kToolChoiceSchema =
    R"({"anyOf":[{"enum":["auto","none","required"]},{"type":"object","required":["type"],
       "properties":{"type":{"enum":["function","allowed_tools"]}}}]})";

/// The objects inside of requests: Tool and ToolFunction.
std::span<const ParamTable> ToolTables();

/// A tool that the model may call.
struct CallableTool {
  std::string name;
  std::string schema;  // of its arguments, JSON text; always of an object
  bool strict = false;
  std::string place;  // of the schema in the request: "tools[0].function.parameters"
};

/// The tools of a request.
struct ToolParams {
  model::Value definitions;         // for the template: a list of dicts in chat's shape, or None
  std::vector<CallableTool> tools;  // empty: no calls
  bool call_required = false;
  bool single_call = false;
  bool only_these = false;  // `definitions` has more
};

/// What a request says about the choice among its tools.
struct ToolChoice {
  enum class Mode : std::uint8_t { kAuto, kNone, kRequired };
  Mode mode = Mode::kAuto;
  std::optional<std::vector<std::string>> only;  // the names that may be called; absent: all
  std::string place = "tool_choice";             // of the names, for mistakes
};

/// The fields of one tool, wherever an API has them.
struct ToolFields {
  std::string place;  // of the object that has the name: "tools[0].function"
  std::string schema_key = "parameters";
  const std::string* name = nullptr;
  const JsonValue* description = nullptr;
  const JsonValue* schema = nullptr;  // absent: no arguments
  bool strict = false;
};

/// Gathers the tools of one request. Mistakes go to the reader, with their place.
class ToolList {
 public:
  explicit ToolList(ParamReader& reader) : reader_(reader) {}

  void Add(const ToolFields& fields);
  /// What is left of the tools after the choice.
  ToolParams Finish(const ToolChoice& choice, bool single_call);

 private:
  ParamReader& reader_;
  JsonArray definitions_;
  ToolParams tools_;
};

/// Reads chat's `tools`, `tool_choice` and `parallel_tool_calls`.
ToolParams ReadTools(ParamReader& reader);

/// Reads OpenAI's `tool_choice`: a word, a named function, or allowed tools. `flat`: as the Responses API writes them,
/// without an object inside.
ToolChoice ReadToolChoice(ParamReader& reader, bool flat);

/// A JSON tree as a template's value; all strings (keys too) are marked as not to be trusted.
model::Value ToTemplateValue(const JsonValue& json);

}  // namespace bowhead::api
