#include "mcp/json_rpc.h"

#include <nlohmann/json.hpp>

namespace bowhead::mcp {

namespace {

using Json = nlohmann::json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool IsId(const Json& id) {
  return id.is_string() || id.is_number_integer() || id.is_null();
}

base::Result<RpcMessage> ReadError(const Json& error, RpcMessage message) {
  if (!error.is_object() || !error.contains("code") || !error["code"].is_number_integer() ||
      !error.contains("message") || !error["message"].is_string()) {
    return base::InvalidArgument("an error without code and message");
  }
  message.kind = RpcMessage::Kind::kError;
  const auto code = error["code"].get<std::int64_t>();
  message.code = code < INT32_MIN || code > INT32_MAX ? 0 : static_cast<int>(code);
  message.text = error["message"].get<std::string>().substr(0, 1000);
  if (error.contains("data")) message.body = Dump(error["data"]);
  return message;
}

}  // namespace

bool DepthIsBounded(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

base::Result<RpcMessage> ParseRpc(std::string_view text) {
  if (!DepthIsBounded(text)) return base::InvalidArgument("JSON nested too deep");
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return base::InvalidArgument("no JSON");
  if (!json.is_object()) return base::InvalidArgument("no JSON object");
  const auto version = json.find("jsonrpc");
  if (version == json.end() || *version != "2.0") return base::InvalidArgument("no message of JSON-RPC 2.0");
  RpcMessage message;
  const auto id = json.find("id");
  if (id != json.end()) {
    if (!IsId(*id)) return base::InvalidArgument("an id that is neither a string nor an integer");
    message.id = Dump(*id);
  }
  if (const auto method = json.find("method"); method != json.end()) {
    if (!method->is_string()) return base::InvalidArgument("a method that is no string");
    message.kind = message.id.empty() ? RpcMessage::Kind::kNotification : RpcMessage::Kind::kRequest;
    message.method = method->get<std::string>();
    if (const auto params = json.find("params"); params != json.end()) message.body = Dump(*params);
    return message;
  }
  if (message.id.empty()) return base::InvalidArgument("an answer without id");
  const auto error = json.find("error");
  const auto result = json.find("result");
  if ((error == json.end()) == (result == json.end())) {
    return base::InvalidArgument("an answer must have either a result or an error");
  }
  if (error != json.end()) return ReadError(*error, std::move(message));
  message.kind = RpcMessage::Kind::kResult;
  message.body = Dump(*result);
  return message;
}

std::string WriteRequest(std::int64_t id, std::string_view method, std::string_view params) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":)" + Dump(method) + R"(,"params":)" +
         std::string(params) + "}";
}

std::string WriteNotification(std::string_view method, std::string_view params) {
  std::string text = R"({"jsonrpc":"2.0","method":)" + Dump(method);
  if (!params.empty()) text += R"(,"params":)" + std::string(params);
  return text + "}";
}

std::string WriteResult(std::string_view id, std::string_view result) {
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":)" + std::string(result) + "}";
}

std::string WriteError(std::string_view id, int code, std::string_view message) {
  const Json error = {{"code", code}, {"message", message}};
  return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"error":)" + Dump(error) + "}";
}

}  // namespace bowhead::mcp
