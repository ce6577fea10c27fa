// /v1/conversations: OpenAI's conversations, which responses may go on from and add to.
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "api/api_server.h"
#include "api/responses/conversation_items.h"
#include "api/responses/response_request.h"
#include "net/uri.h"

namespace bowhead::api {

namespace {

constexpr std::size_t kDefaultLimit = 20;

ApiError NoConversation(std::string_view id) {
  return {.status = 404,
          .message = "there is no conversation '" + std::string(id.substr(0, 80)) +
                     "' here; conversations are kept in memory until newer ones need their place"};
}

ApiError NoItem(std::string_view id) {
  return {.status = 404, .message = "the conversation has no item '" + std::string(id.substr(0, 80)) + "'"};
}

/// The items of a request, checked; mistakes go to the reader.
JsonArray ReadNewItems(ParamReader& reader, bool required) {
  const JsonArray* items = reader.Array("items");
  if (items == nullptr) {
    if (required) reader.Fail("items", "'items' is missing; give a list of items");
    return {};
  }
  if (items->size() > kMaxItemsAtOnce) {
    reader.Fail("items", "'items' may have at most " + std::to_string(kMaxItemsAtOnce) + " items at once");
    return {};
  }
  std::vector<assistant::Message> messages;
  if (auto error = ReadItems(*items, "items", &messages)) reader.Fail(*error);
  return *items;
}

std::string ReadMetadata(ParamReader& reader) {
  const JsonObject* metadata = reader.Object("metadata");
  return metadata == nullptr ? "{}" : ToJsonText(JsonValue(*metadata));
}

std::span<const ParamSpec> Rows(std::string_view name) {
  for (const ParamTable& table : ConversationTables()) {
    if (table.name == name) return table.rows;
  }
  return {};
}

struct ItemsQuery {
  std::size_t limit = kDefaultLimit;
  bool ascending = false;
  std::string after;
};

std::optional<ApiError> ReadItemsQuery(const std::string& query, ItemsQuery& out) {
  const base::Result<net::Parameters> fields = net::ParseQuery(query);
  if (!fields.ok()) return FromStatus(fields.status().WithContext("the query"));
  for (const auto& [name, value] : *fields) {
    if (name == "limit") {
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), out.limit);
      if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size() || out.limit < 1 || out.limit > 100) {
        return BadParameter("limit", "'limit' must be from 1 to 100");
      }
    } else if (name == "order") {
      if (value != "asc" && value != "desc") return BadParameter("order", "'order' must be 'asc' or 'desc'");
      out.ascending = value == "asc";
    } else if (name == "after") {
      out.after = value;
    } else if (name != "include" && name != "include[]") {
      ApiError error = BadParameter(name.substr(0, 100), "unknown parameter '" + name.substr(0, 100) + "'");
      error.code = "unknown_parameter";
      return error;
    }
  }
  return std::nullopt;
}

/// A list object; `from` and `to` are places in items, in the order that they are shown.
std::string ListJson(const std::vector<const StoredItem*>& items, bool has_more) {
  JsonWriter json;
  json.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (const StoredItem* item : items) json.Raw(item->json);
  json.EndArray();
  for (const bool first : {true, false}) {
    json.Key(first ? "first_id" : "last_id");
    if (items.empty()) {
      json.Null();
    } else {
      json.String(first ? items.front()->id : items.back()->id);
    }
  }
  return json.Field("has_more", has_more).EndObject().Take();
}

}  // namespace

bool ApiServer::UpdateConversation(const CallPtr& call, std::string_view id,
                                   const std::function<void(StoredConversation&)>& change) {
  switch (kept_->Update(call->tenant(), id, change)) {
    case KeptStore::Updated::kDone:
      return true;
    case KeptStore::Updated::kMissing:
      call->Fail(NoConversation(id));
      return false;
    case KeptStore::Updated::kTooLarge:
      call->Fail({.message = "the conversation is too large to be kept"});
      return false;
  }
  return false;
}

void ApiServer::CreateConversation(const CallPtr& call) {
  JsonValue body{JsonValue::Data(JsonObject())};
  if (!call->body().empty() && !ParseBody(call, body)) return;
  ParamReader reader(*body.AsObject(), Rows("ConversationRequest"));
  StoredConversation conversation{UnixSeconds(), ReadMetadata(reader), {}};
  const JsonArray items = ReadNewItems(reader, /*required=*/false);
  if (reader.error()) {
    call->Fail(*reader.error());
    return;
  }
  const IdMaker make_id = [this](std::string_view prefix) { return RandomId(prefix); };
  for (const JsonValue& item : items) conversation.items.push_back(ToStoredItem(item, make_id, /*keep_id=*/false));
  const std::string id = RandomId("conv_");
  std::string json = ConversationJson(id, conversation);
  if (!kept_->Put(call->tenant(), id, std::move(conversation))) {
    call->Fail({.message = "the conversation is too large to be kept"});
    return;
  }
  call->SendJson(200, std::move(json));
}

void ApiServer::OneConversation(const CallPtr& call) {
  const std::string& id = call->path_argument();
  if (call->request().method == "DELETE") {
    if (!kept_->EraseConversation(call->tenant(), id)) {
      call->Fail(NoConversation(id));
      return;
    }
    JsonWriter json;
    json.BeginObject().Field("id", id).Field("object", "conversation.deleted").Field("deleted", true);
    call->SendJson(200, json.EndObject().Take());
    return;
  }
  if (call->request().method == "POST") {
    JsonValue body;
    if (!ParseBody(call, body)) return;
    ParamReader reader(*body.AsObject(), Rows("ConversationUpdate"));
    if (reader.Object("metadata") == nullptr) reader.Fail("metadata", "'metadata' is missing; give an object");
    if (reader.error()) {
      call->Fail(*reader.error());
      return;
    }
    const std::string metadata = ReadMetadata(reader);
    if (!UpdateConversation(call, id, [&](StoredConversation& found) { found.metadata = metadata; })) return;
  }
  const auto found = kept_->FindConversation(call->tenant(), id);
  if (found == nullptr) {
    call->Fail(NoConversation(id));
    return;
  }
  call->SendJson(200, ConversationJson(id, *found));
}

void ApiServer::AddConversationItems(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  ParamReader reader(*body.AsObject(), Rows("ConversationItemsRequest"));
  const JsonArray items = ReadNewItems(reader, /*required=*/true);
  if (reader.error()) {
    call->Fail(*reader.error());
    return;
  }
  const IdMaker make_id = [this](std::string_view prefix) { return RandomId(prefix); };
  std::vector<StoredItem> added;
  for (const JsonValue& item : items) added.push_back(ToStoredItem(item, make_id, /*keep_id=*/false));
  if (!UpdateConversation(call, call->path_argument(), [&](StoredConversation& found) {
        found.items.insert(found.items.end(), added.begin(), added.end());
      })) {
    return;
  }
  std::vector<const StoredItem*> shown;
  for (const StoredItem& item : added) shown.push_back(&item);
  call->SendJson(200, ListJson(shown, /*has_more=*/false));
}

void ApiServer::ConversationItems(const CallPtr& call) {
  if (call->request().method == "POST") {
    AddConversationItems(call);
    return;
  }
  ItemsQuery query;
  if (const auto error = ReadItemsQuery(call->request().query, query)) {
    call->Fail(*error);
    return;
  }
  const auto found = kept_->FindConversation(call->tenant(), call->path_argument());
  if (found == nullptr) {
    call->Fail(NoConversation(call->path_argument()));
    return;
  }
  std::vector<const StoredItem*> shown;
  for (const StoredItem& item : found->items) shown.push_back(&item);
  if (!query.ascending) std::reverse(shown.begin(), shown.end());
  if (!query.after.empty()) {
    const auto at = std::find_if(shown.begin(), shown.end(), [&](const StoredItem* i) { return i->id == query.after; });
    if (at == shown.end()) {
      call->Fail(BadParameter("after", "'after' must be the id of an item of the conversation"));
      return;
    }
    shown.erase(shown.begin(), at + 1);
  }
  const bool more = shown.size() > query.limit;
  if (more) shown.resize(query.limit);
  call->SendJson(200, ListJson(shown, more));
}

void ApiServer::OneConversationItem(const CallPtr& call) {
  const std::string& id = call->path_argument();
  const std::string& item_id = call->path_argument(1);
  const auto is_it = [&](const StoredItem& item) { return item.id == item_id; };
  const auto found = kept_->FindConversation(call->tenant(), id);
  if (found == nullptr) {
    call->Fail(NoConversation(id));
    return;
  }
  const auto item = std::find_if(found->items.begin(), found->items.end(), is_it);
  if (item == found->items.end()) {
    call->Fail(NoItem(item_id));
    return;
  }
  if (call->request().method != "DELETE") {
    call->SendJson(200, item->json);
    return;
  }
  if (UpdateConversation(call, id, [&](StoredConversation& kept) { std::erase_if(kept.items, is_it); })) {
    call->SendJson(200, ConversationJson(id, *found));
  }
}

}  // namespace bowhead::api
