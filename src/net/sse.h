// Server-sent events (WHATWG HTML, "Server-sent events"): the text of one event.
#pragma once

#include <string>
#include <string_view>

#include "net/http_server.h"

namespace bowhead::net {

/// "data: …\n\n". A line break in `data` (LF, CR, CRLF) starts another data line, as the format asks for.
std::string SseData(std::string_view data);

/// "event: NAME\ndata: …\n\n". Line breaks in the name are dropped.
std::string SseEvent(std::string_view event, std::string_view data);

/// ": text\n\n": ignored by clients, keeps proxies from closing a silent connection.
std::string SseComment(std::string_view text);

/// The headers of an event stream: type, no caching, no buffering by proxies.
Headers SseHeaders();

}  // namespace bowhead::net
