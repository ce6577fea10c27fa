// The items of a conversation: what clients add, and what responses add.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/json.h"
#include "api/params.h"
#include "api/responses/kept_store.h"
#include "assistant/message.h"

namespace bowhead::api {

/// ConversationRequest, ConversationUpdate, ConversationItemsRequest, ItemsQuery.
std::span<const ParamTable> ConversationTables();

inline constexpr std::size_t kMaxItemsAtOnce = 20;

/// Makes an id with the given prefix ("msg_").
using IdMaker = std::function<std::string(std::string_view prefix)>;

/// An item as a conversation keeps it: with an id of the server's own (`keep_id`: with its own, if it has one), its
/// type, and text in parts. The item has been checked (ReadItems).
StoredItem ToStoredItem(const JsonValue& item, const IdMaker& make_id, bool keep_id);

/// The conversation object of the API.
std::string ConversationJson(std::string_view id, const StoredConversation& conversation);

/// The messages that the items are.
std::vector<assistant::Message> ToMessages(const StoredConversation& conversation);

}  // namespace bowhead::api
