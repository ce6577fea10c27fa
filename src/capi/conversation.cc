#include "capi/conversation.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <utility>

#include "grammar/json_value.h"

namespace bowhead::capi {

namespace {

using grammar::JsonValue;
using Kind = grammar::JsonValue::Kind;

constexpr int kMaxNesting = 64;
constexpr std::size_t kMaxTools = 128;
constexpr std::size_t kMaxToolName = 64;

std::string Quoted(std::string_view text) {
  return "'" + std::string(text.substr(0, 100)) + "'";
}

Outcome MustBe(const std::string& place, std::string_view what) {
  return BadParam(place, Quoted(place) + " must be " + std::string(what));
}

/// Numbers that fit are whole numbers for a template, all others are doubles.
model::Value NumberValue(const std::string& text) {
  std::int64_t integer = 0;
  const char* end = text.data() + text.size();
  if (const auto [stop, code] = std::from_chars(text.data(), end, integer); code == std::errc() && stop == end) {
    return model::Value::Int(integer);
  }
  double real = 0.0;
  std::from_chars(text.data(), end, real);
  return model::Value::Double(real);
}

/// JSON as a template's value; every string comes from the conversation, so it is not to be trusted.
model::Value ToTemplateValue(const JsonValue& json) {
  switch (json.kind()) {
    case Kind::kNull:
      return model::Value::None();
    case Kind::kBool:
      return model::Value::Bool(json.boolean());
    case Kind::kNumber:
      return NumberValue(json.text());
    case Kind::kString:
      return model::Value::String(json.text(), /*untrusted=*/true);
    case Kind::kArray: {
      std::vector<model::Value> items;
      items.reserve(json.items().size());
      for (const JsonValue& item : json.items()) items.push_back(ToTemplateValue(item));
      return model::Value::FromList(std::move(items));
    }
    case Kind::kObject: {
      model::Dict dict;
      for (const auto& [key, value] : json.members()) {
        dict.Set(model::Value::String(key, /*untrusted=*/true), ToTemplateValue(value));
      }
      return model::Value::FromDict(std::move(dict));
    }
  }
  return model::Value::None();
}

/// The members of an object, none of which may be left unread.
class Members {
 public:
  Members(const JsonValue& object, std::string place) : object_(object), place_(std::move(place)) {}

  [[nodiscard]] std::string PlaceOf(std::string_view name) const { return place_ + "." + std::string(name); }

  /// The member of that name; null is as good as none.
  const JsonValue* Get(std::string_view name) {
    known_.emplace_back(name);
    const JsonValue* value = object_.Find(name);
    return value == nullptr || value->is(Kind::kNull) ? nullptr : value;
  }
  Outcome Text(std::string_view name, bool required, std::string& text) {
    const JsonValue* value = Get(name);
    if (value == nullptr && !required) return base::OkStatus();
    if (value == nullptr || !value->is(Kind::kString)) return MustBe(PlaceOf(name), "a string");
    text = value->text();
    return base::OkStatus();
  }
  [[nodiscard]] Outcome NothingElse() const {
    for (const auto& [name, value] : object_.members()) {
      if (!value.is(Kind::kNull) && std::ranges::find(known_, name) == known_.end()) {
        return BadParam(PlaceOf(name), Quoted(PlaceOf(name)) + " is not supported");
      }
    }
    return base::OkStatus();
  }

 private:
  const JsonValue& object_;
  const std::string place_;
  std::vector<std::string> known_;
};

Outcome ReadArray(std::string_view json, const std::string& name, JsonValue& array) {
  base::Result<JsonValue> parsed = JsonValue::Parse(json, kMaxNesting);
  if (!parsed.ok()) return {parsed.status().WithContext("'" + name + "'"), name};
  if (!parsed->is(Kind::kArray)) return MustBe(name, "a JSON array");
  array = std::move(*parsed);
  return base::OkStatus();
}

/// A string, or a list of text parts, which are joined.
Outcome ReadContent(const JsonValue& content, const std::string& place, std::string& text) {
  if (content.is(Kind::kString)) {
    text = content.text();
    return base::OkStatus();
  }
  if (!content.is(Kind::kArray)) return MustBe(place, "a string or a list of text parts");
  for (std::size_t i = 0; i < content.items().size(); ++i) {
    const JsonValue& part = content.items()[i];
    const std::string part_place = place + "[" + std::to_string(i) + "]";
    const JsonValue* type = part.Find("type");
    const JsonValue* piece = part.Find("text");
    if (type == nullptr || type->text() != "text" || piece == nullptr || !piece->is(Kind::kString)) {
      return MustBe(part_place, R"({"type": "text", "text": "..."}: the model takes text only)");
    }
    text += piece->text();
  }
  return base::OkStatus();
}

Outcome ReadCall(const JsonValue& json, const std::string& place, assistant::ToolCall& call) {
  if (!json.is(Kind::kObject)) return MustBe(place, "an object");
  Members members(json, place);
  if (Outcome read = members.Text("id", true, call.id); !read.ok()) return read;
  std::string type;
  if (Outcome read = members.Text("type", false, type); !read.ok()) return read;
  if (!type.empty() && type != "function") return MustBe(place + ".type", "'function'");
  const JsonValue* function = members.Get("function");
  if (function == nullptr || !function->is(Kind::kObject)) return MustBe(place + ".function", "an object");
  Members inner(*function, place + ".function");
  if (Outcome read = inner.Text("name", true, call.name); !read.ok()) return read;
  if (Outcome read = inner.Text("arguments", true, call.arguments); !read.ok()) return read;
  if (Outcome rest = inner.NothingElse(); !rest.ok()) return rest;
  members.Get("index");  // pieces of streams carry it
  const base::Result<JsonValue> arguments = JsonValue::Parse(call.arguments, kMaxNesting);
  if (arguments.ok() && arguments->is(Kind::kObject)) call.parsed_arguments = ToTemplateValue(*arguments);
  return members.NothingElse();
}

Outcome ReadCalls(const JsonValue& json, const std::string& place, std::vector<assistant::ToolCall>& calls) {
  if (!json.is(Kind::kArray)) return MustBe(place, "a list");
  for (std::size_t i = 0; i < json.items().size(); ++i) {
    assistant::ToolCall& call = calls.emplace_back();
    Outcome read = ReadCall(json.items()[i], place + "[" + std::to_string(i) + "]", call);
    if (!read.ok()) return read;
  }
  return base::OkStatus();
}

Outcome ReadMessage(const JsonValue& json, const std::string& place, assistant::Message& message) {
  if (!json.is(Kind::kObject)) return MustBe(place, "an object with 'role' and 'content'");
  Members members(json, place);
  if (Outcome read = members.Text("role", true, message.role); !read.ok()) return read;
  if (message.role == "developer") message.role = "system";  // the newer name; templates know the older one
  if (message.role != "system" && message.role != "user" && message.role != "assistant" && message.role != "tool") {
    return MustBe(place + ".role", "'system', 'developer', 'user', 'assistant' or 'tool'");
  }
  if (Outcome read = members.Text("name", false, message.name); !read.ok()) return read;
  if (Outcome read = members.Text("tool_call_id", false, message.tool_call_id); !read.ok()) return read;
  if (Outcome read = members.Text("reasoning_content", false, message.reasoning_content); !read.ok()) return read;
  if (const JsonValue* calls = members.Get("tool_calls")) {
    if (message.role != "assistant") return BadParam(place, "only messages of the assistant have 'tool_calls'");
    if (Outcome read = ReadCalls(*calls, place + ".tool_calls", message.tool_calls); !read.ok()) return read;
  }
  const JsonValue* content = members.Get("content");
  if (content == nullptr && message.tool_calls.empty()) return MustBe(place + ".content", "a string");
  if (content != nullptr) {
    if (Outcome read = ReadContent(*content, place + ".content", message.content); !read.ok()) return read;
  }
  return members.NothingElse();
}

/// Every result of a tool answers a call of an earlier message.
Outcome CheckResults(const std::vector<assistant::Message>& messages) {
  std::vector<std::string_view> calls;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    for (const assistant::ToolCall& call : messages[i].tool_calls) calls.emplace_back(call.id);
    if (messages[i].role == "tool" && std::ranges::find(calls, messages[i].tool_call_id) == calls.end()) {
      return MustBe("messages[" + std::to_string(i) + "].tool_call_id", "the id of a call in an earlier message");
    }
  }
  return base::OkStatus();
}

Outcome ReadTool(const JsonValue& json, const std::string& place, std::string& name) {
  if (!json.is(Kind::kObject)) return MustBe(place, "an object");
  Members members(json, place);
  std::string type;
  if (Outcome read = members.Text("type", true, type); !read.ok()) return read;
  if (type != "function") return MustBe(place + ".type", "'function'");
  const JsonValue* function = members.Get("function");
  if (function == nullptr || !function->is(Kind::kObject)) return MustBe(place + ".function", "an object");
  Members inner(*function, place + ".function");
  if (Outcome read = inner.Text("name", true, name); !read.ok()) return read;
  const auto allowed = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; };
  if (name.empty() || name.size() > kMaxToolName || !std::ranges::all_of(name, allowed)) {
    return MustBe(place + ".function.name", "1 to 64 letters, digits, '_' or '-'");
  }
  std::string description;
  if (Outcome read = inner.Text("description", false, description); !read.ok()) return read;
  const JsonValue* parameters = inner.Get("parameters");
  if (parameters != nullptr && !parameters->is(Kind::kObject)) {
    return MustBe(place + ".function.parameters", "a JSON schema");
  }
  const JsonValue* strict = inner.Get("strict");
  if (strict != nullptr && (!strict->is(Kind::kBool) || strict->boolean())) {
    return MustBe(place + ".function.strict", "false: arguments are not held to their schema");
  }
  if (Outcome rest = inner.NothingElse(); !rest.ok()) return rest;
  return members.NothingElse();
}

}  // namespace

Outcome ReadMessages(std::string_view json, std::vector<assistant::Message>& messages) {
  JsonValue array;
  if (Outcome read = ReadArray(json, "messages", array); !read.ok()) return read;
  std::vector<assistant::Message> result;
  for (std::size_t i = 0; i < array.items().size(); ++i) {
    assistant::Message& message = result.emplace_back();
    Outcome read = ReadMessage(array.items()[i], "messages[" + std::to_string(i) + "]", message);
    if (!read.ok()) return read;
  }
  if (Outcome checked = CheckResults(result); !checked.ok()) return checked;
  messages = std::move(result);
  return base::OkStatus();
}

Outcome ReadTools(std::string_view json, Tools& tools) {
  JsonValue array;
  if (Outcome read = ReadArray(json, "tools", array); !read.ok()) return read;
  if (array.items().size() > kMaxTools) {
    return MustBe("tools", "a list of at most " + std::to_string(kMaxTools) + " tools");
  }
  Tools result;
  for (std::size_t i = 0; i < array.items().size(); ++i) {
    std::string name;
    const std::string place = "tools[" + std::to_string(i) + "]";
    if (Outcome read = ReadTool(array.items()[i], place, name); !read.ok()) return read;
    if (std::ranges::find(result.names, name) != result.names.end()) {
      return BadParam(place + ".function.name", "two tools are called " + Quoted(name));
    }
    result.names.push_back(std::move(name));
  }
  if (!result.names.empty()) result.definitions = ToTemplateValue(array);
  tools = std::move(result);
  return base::OkStatus();
}

}  // namespace bowhead::capi
