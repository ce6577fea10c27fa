// What an MCP server may send: events, JSON-RPC messages, and what they say about tools.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mcp/json_rpc.h"
#include "mcp/tool_json.h"
#include "net/sse_reader.h"

namespace {

void ReadAll(std::string_view text) {
  using namespace bowhead::mcp;  // NOLINT(google-build-using-namespace)
  const auto message = ParseRpc(text);
  if (!message.ok()) return;
  static_cast<void>(ReadDiscovery(message->body));
  static_cast<void>(ReadSupported(message->body));
  static_cast<void>(ReadHello(message->body));
  ToolList list;
  static_cast<void>(ReadToolPage(message->body, 4, true, &list));
  const auto result = ReadCallResult(message->body, 64);
  if (result.ok() && result->text.size() > 64) __builtin_trap();
  // What was read can be written and read again.
  if (message->kind == RpcMessage::Kind::kRequest && !ParseRpc(WriteError(message->id, 1, text)).ok()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  ReadAll(text);
  const std::size_t cut = data[0] % 16U + 1U;
  bowhead::net::SseReader reader(256);
  for (std::size_t at = 0; at < text.size(); at += cut) {
    const auto events = reader.Add(text.substr(at, cut));
    if (!events.ok()) break;
    for (const auto& event : *events) {
      if (event.data.size() > 256) __builtin_trap();
      ReadAll(event.data);
    }
  }
  return 0;
}
