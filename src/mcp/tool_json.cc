#include "mcp/tool_json.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace bowhead::mcp {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxDescription = 8 << 10;
constexpr std::size_t kMaxSchema = 64 << 10;
constexpr std::size_t kMaxCursor = 4 << 10;

Json Parse(std::string_view text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// A member that is a string, or "".
std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool HasTools(const Json& result) {
  const auto capabilities = result.find("capabilities");
  return capabilities != result.end() && capabilities->is_object() && capabilities->contains("tools");
}

std::vector<std::string> Strings(const Json& json) {
  std::vector<std::string> texts;
  if (!json.is_array()) return texts;
  for (const Json& item : json) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

bool IsToolName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' || c == '/';
  });
}

/// Whether some argument would have to be repeated in a header, which this client does not do.
bool WantsHeaders(const Json& schema) {
  const auto properties = schema.find("properties");
  if (properties == schema.end() || !properties->is_object()) return false;
  return std::any_of(properties->begin(), properties->end(),
                     [](const Json& property) { return property.is_object() && property.contains("x-mcp-header"); });
}

/// Why a tool cannot be used, or "".
std::string ReadTool(const Json& json, bool modern, ListedTool* tool) {
  if (!json.is_object()) return "a tool that is no object";
  tool->name = TextOf(json, "name");
  if (!IsToolName(tool->name)) return "a tool without a usable name (letters, digits and _ - . / up to 128)";
  tool->description = TextOf(json, "description");
  if (tool->description.size() > kMaxDescription) return "its description is larger than 8 KiB";
  const auto schema = json.find("inputSchema");
  if (schema == json.end() || !schema->is_object() || TextOf(*schema, "type") != "object") {
    return "its inputSchema is not a schema of an object";
  }
  if (modern && WantsHeaders(*schema)) return "it wants arguments in headers (x-mcp-header), which is not supported";
  tool->schema = Dump(*schema);
  if (tool->schema.size() > kMaxSchema) return "its inputSchema is larger than 64 KiB";
  return {};
}

/// A part of a result as text; what is no text is named, since the model cannot see it.
std::string PartText(const Json& part) {
  if (!part.is_object()) return {};
  const std::string type = TextOf(part, "type");
  if (type == "text") return TextOf(part, "text");
  if (type == "resource_link") return "[link: " + TextOf(part, "uri") + "]";
  if (type == "resource") {
    const auto resource = part.find("resource");
    if (resource == part.end() || !resource->is_object()) return {};
    const std::string text = TextOf(*resource, "text");
    return text.empty() ? "[a resource that is no text: " + TextOf(*resource, "uri") + "]" : text;
  }
  return "[" + (type.empty() ? "something" : type.substr(0, 20)) + " that is no text]";
}

std::string ClientInfo(std::string_view version) {
  return Dump({{"name", "bowhead"}, {"version", version}});
}

}  // namespace

bool Discovery::Speaks(std::string_view revision) const {
  return std::find(revisions.begin(), revisions.end(), revision) != revisions.end();
}

base::Result<Discovery> ReadDiscovery(std::string_view result) {
  const Json json = Parse(result);
  if (!json.is_object() || !json.contains("supportedVersions")) return base::DataLoss("no answer to server/discover");
  return Discovery{Strings(json["supportedVersions"]), HasTools(json)};
}

std::vector<std::string> ReadSupported(std::string_view data) {
  const Json json = Parse(data);
  return json.is_object() && json.contains("supported") ? Strings(json["supported"]) : std::vector<std::string>();
}

base::Result<Hello> ReadHello(std::string_view result) {
  const Json json = Parse(result);
  if (!json.is_object()) return base::DataLoss("the answer to initialize is no object");
  Hello hello{TextOf(json, "protocolVersion"), HasTools(json)};
  if (hello.revision.empty()) return base::DataLoss("the answer to initialize has no protocolVersion");
  return hello;
}

base::Result<std::string> ReadToolPage(std::string_view result, std::size_t max_tools, bool modern, ToolList* list) {
  const Json json = Parse(result);
  if (!json.is_object() || !json.contains("tools") || !json["tools"].is_array()) {
    return base::DataLoss("the answer to tools/list has no list of tools");
  }
  for (const Json& item : json["tools"]) {
    ListedTool tool;
    std::string problem = ReadTool(item, modern, &tool);
    const auto same = [&](const ListedTool& other) { return other.name == tool.name; };
    if (problem.empty() && std::any_of(list->tools.begin(), list->tools.end(), same)) problem = "its name comes twice";
    if (problem.empty() && list->tools.size() >= max_tools) {
      list->problems.push_back("only the first " + std::to_string(max_tools) + " tools are taken");
      return std::string();
    }
    if (problem.empty()) {
      list->tools.push_back(std::move(tool));
    } else if (list->problems.size() < 16) {
      list->problems.push_back((IsToolName(tool.name) ? tool.name + ": " : "") + problem);
    }
  }
  std::string cursor = TextOf(json, "nextCursor");
  if (cursor.size() > kMaxCursor) return base::DataLoss("the cursor of tools/list is larger than 4 KiB");
  return cursor;
}

base::Result<CallResult> ReadCallResult(std::string_view result, std::size_t max_bytes) {
  const Json json = Parse(result);
  if (!json.is_object()) return base::DataLoss("the result of the tool is no object");
  if (TextOf(json, "resultType") == "input_required") {
    return base::Unimplemented("the tool wants to ask a person something, which this server cannot do");
  }
  CallResult call;
  const auto content = json.find("content");
  if (content != json.end() && !content->is_array()) return base::DataLoss("the result's content is no list");
  if (content != json.end()) {
    for (const Json& part : *content) {
      const std::string text = PartText(part);
      if (text.empty()) continue;
      if (!call.text.empty()) call.text += '\n';
      call.text += text;
      if (call.text.size() > max_bytes) break;
    }
  }
  const auto structured = json.find("structuredContent");
  if (call.text.empty() && structured != json.end()) call.text = Dump(*structured);
  if (content == json.end() && structured == json.end()) return base::DataLoss("the result has no content");
  if (call.text.size() > max_bytes) {
    return base::ResourceExhausted("the result is larger than " + std::to_string(max_bytes) +
                                   " bytes; ask for less of it");
  }
  const auto error = json.find("isError");
  call.is_error = error != json.end() && error->is_boolean() && error->get<bool>();
  return call;
}

std::string InitializeParams(std::string_view revision, std::string_view version) {
  return R"("protocolVersion":)" + Dump(revision) + R"(,"capabilities":{},"clientInfo":)" + ClientInfo(version);
}

std::string ModernMeta(std::string_view revision, std::string_view version) {
  return R"("_meta":{"io.modelcontextprotocol/protocolVersion":)" + Dump(revision) +
         R"(,"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":)" +
         ClientInfo(version) + "}";
}

std::string CursorParams(std::string_view cursor) {
  return cursor.empty() ? std::string() : R"("cursor":)" + Dump(cursor);
}

std::string CallParams(std::string_view name, std::string_view arguments) {
  return R"("name":)" + Dump(name) + R"(,"arguments":)" + std::string(arguments);
}

}  // namespace bowhead::mcp
