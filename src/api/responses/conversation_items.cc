#include "api/responses/conversation_items.h"

#include <array>
#include <utility>

#include "api/responses/response_request.h"

namespace bowhead::api {

namespace {

constexpr std::string_view kItems =
    R"({"type":"array","maxItems":20,"items":{"$ref":"#/components/schemas/InputItem"}})";

constexpr std::array kCreateParams = {Honoured("items", kItems), Honoured("metadata", schema::kObject)};
constexpr std::array kUpdateParams = {Honoured("metadata", schema::kObject)};
constexpr std::array kAddParams = {Honoured("items", kItems)};
constexpr std::array kQueryParams = {
    Honoured("limit", R"({"type":"integer","minimum":1,"maximum":100})", "20 where it is left out"),
    Honoured("order", R"({"enum":["asc","desc"]})", "desc where it is left out"),
    Honoured("after", schema::kString, "an item's id"),
    Harmless("include", schema::kAny, "items are whole anyway"),
};
constexpr std::array kTables = {
    ParamTable{"ConversationRequest", kCreateParams},
    ParamTable{"ConversationUpdate", kUpdateParams, "metadata"},
    ParamTable{"ConversationItemsRequest", kAddParams, "items"},
    ParamTable{"ItemsQuery", kQueryParams},
};

std::string_view PrefixOf(std::string_view type) {
  if (type == "message") return "msg_";
  if (type == "function_call") return "fc_";
  return type == "reasoning" ? "rs_" : "fco_";
}

/// The text of a message as a list of parts.
JsonValue InParts(const JsonValue& content, bool assistant) {
  if (content.AsString() == nullptr) return content;
  JsonObject part{{"type", JsonValue(std::string(assistant ? "output_text" : "input_text"))}, {"text", content}};
  return JsonValue(JsonArray{JsonValue(std::move(part))});
}

std::string TextOf(const JsonObject& object, std::string_view key, std::string_view fallback) {
  const JsonValue* value = FindKey(object, key);
  return value == nullptr || value->AsString() == nullptr ? std::string(fallback) : *value->AsString();
}

}  // namespace

std::span<const ParamTable> ConversationTables() {
  return kTables;
}

StoredItem ToStoredItem(const JsonValue& item, const IdMaker& make_id, bool keep_id) {
  const JsonObject& object = *item.AsObject();
  const std::string type = TextOf(object, "type", "message");
  std::string id = keep_id ? TextOf(object, "id", "") : std::string();
  if (id.empty()) id = make_id(PrefixOf(type));
  JsonObject kept{
      {"id", JsonValue(id)}, {"type", JsonValue(type)}, {"status", JsonValue(TextOf(object, "status", "completed"))}};
  const bool assistant = TextOf(object, "role", "") == "assistant";
  for (const auto& [key, value] : object) {
    if (key == "id" || key == "type" || key == "status") continue;
    kept.emplace_back(key, type == "message" && key == "content" ? InParts(value, assistant) : value);
  }
  return {std::move(id), ToJsonText(JsonValue(std::move(kept)))};
}

std::string ConversationJson(std::string_view id, const StoredConversation& conversation) {
  JsonWriter json;
  json.BeginObject().Field("id", id).Field("object", "conversation").Field("created_at", conversation.created);
  return json.Key("metadata").Raw(conversation.metadata).EndObject().Take();
}

std::vector<assistant::Message> ToMessages(const StoredConversation& conversation) {
  JsonArray items;
  for (const StoredItem& item : conversation.items) {
    base::Result<JsonValue> parsed = ParseJson(item.json);
    if (parsed.ok()) items.push_back(std::move(*parsed));
  }
  std::vector<assistant::Message> messages;
  static_cast<void>(ReadItems(items, "items", &messages));  // they were checked when they came
  return messages;
}

}  // namespace bowhead::api
