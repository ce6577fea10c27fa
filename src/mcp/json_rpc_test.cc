#include "mcp/json_rpc.h"

#include <gtest/gtest.h>

namespace bowhead::mcp {
namespace {

using Kind = RpcMessage::Kind;

TEST(JsonRpc, ReadsEachKind) {
  const auto request = ParseRpc(R"({"jsonrpc":"2.0","id":"a","method":"ping"})");
  EXPECT_EQ(request->kind, Kind::kRequest);
  EXPECT_EQ(request->id, "\"a\"");
  const auto note = ParseRpc(R"({"jsonrpc":"2.0","method":"n","params":{"x":1}})");
  EXPECT_EQ(note->kind, Kind::kNotification);
  EXPECT_EQ(note->body, R"({"x":1})");
  const auto result = ParseRpc(R"({"jsonrpc":"2.0","id":7,"result":{}})");
  EXPECT_EQ(result->kind, Kind::kResult);
  EXPECT_EQ(result->id, "7");
  const auto error = ParseRpc(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no","data":[1]}})");
  EXPECT_EQ(error->kind, Kind::kError);
  EXPECT_EQ(error->code, kMethodNotFound);
  EXPECT_EQ(error->body, "[1]");
}

TEST(JsonRpc, RefusesWhatIsNone) {
  for (const std::string& text : std::vector<std::string>{
           "", "x", "[]", "7", R"({"id":1,"result":{}})", R"({"jsonrpc":"1.0","id":1,"result":{}})",
           R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","result":{}})",
           R"({"jsonrpc":"2.0","id":1.5,"result":{}})", R"({"jsonrpc":"2.0","id":{},"result":{}})",
           R"({"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"x"}})",
           R"({"jsonrpc":"2.0","id":1,"error":"x"})", R"({"jsonrpc":"2.0","method":5})",
           R"([{"jsonrpc":"2.0","id":1,"result":{}}])",
           R"({"jsonrpc":"2.0","id":1,"result":)" + std::string(100, '[') + std::string(100, ']') + "}"}) {
    EXPECT_FALSE(ParseRpc(text).ok()) << text;
  }
}

TEST(JsonRpc, BracketsInStringsAreNoDepth) {
  EXPECT_TRUE(DepthIsBounded("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\""));
  EXPECT_FALSE(DepthIsBounded(std::string(65, '[')));
}

TEST(JsonRpc, WhatIsWrittenIsRead) {
  EXPECT_EQ(ParseRpc(WriteRequest(3, "a\"b", "{}"))->method, "a\"b");
  EXPECT_EQ(ParseRpc(WriteNotification("n", {}))->kind, Kind::kNotification);
  EXPECT_EQ(ParseRpc(WriteResult("\"q\"", "{}"))->id, "\"q\"");
  EXPECT_EQ(ParseRpc(WriteError("1", -1, "w\n"))->text, "w\n");
}

}  // namespace
}  // namespace bowhead::mcp
