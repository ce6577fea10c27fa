// Requests of gRPC become the bodies that REST's routes read.
#include "api/grpc/proto_json.h"

#include <bowhead/v1/chat.pb.h>
#include <bowhead/v1/embed.pb.h>
#include <gtest/gtest.h>

#include <string>

namespace bowhead::api {
namespace {

std::string Json(const google::protobuf::Message& message) {
  const auto result = ToJson(message);
  if (const auto* error = std::get_if<ApiError>(&result)) return error->param + ": " + error->message;
  return ToJsonText(std::get<JsonValue>(result));
}

TEST(ProtoJsonTest, PresenceDecides) {
  v1::ChatRequest request;
  EXPECT_EQ(Json(request), "{}");
  request.set_temperature(0);
  request.set_logprobs(false);
  request.add_stop("x");
  (*request.mutable_logit_bias())[7] = -1.5;
  EXPECT_EQ(Json(request), R"({"temperature":0,"logit_bias":{"7":-1.5},"stop":["x"],"logprobs":false})");
}

TEST(ProtoJsonTest, InputsAndChoices) {
  v1::EmbedRequest embed;
  embed.add_input()->set_text("a");
  embed.add_input()->mutable_tokens()->add_ids(5);
  EXPECT_EQ(Json(embed), R"({"input":["a",[5]]})");
  embed.add_input();
  EXPECT_EQ(Json(embed), "input[2]: 'input[2]' has neither text nor tokens");
  v1::ChatRequest chat;
  chat.mutable_tool_choice()->set_mode("auto");
  EXPECT_EQ(Json(chat), R"({"tool_choice":"auto"})");
  chat.mutable_tool_choice()->set_function("f");
  EXPECT_EQ(Json(chat), R"({"tool_choice":{"type":"function","function":{"name":"f"}}})");
}

TEST(ProtoJsonTest, JsonTextKeepsItsOrder) {
  v1::ChatRequest request;
  v1::Tool& tool = *request.add_tools();
  tool.set_type("function");
  tool.mutable_function()->set_name("f");
  tool.mutable_function()->set_parameters_json(R"({"z": 1, "a": 12345678901})");
  EXPECT_EQ(Json(request),
            R"({"tools":[{"type":"function","function":{"name":"f","parameters":{"z":1,"a":12345678901}}}]})");
  tool.mutable_function()->set_parameters_json("{");
  EXPECT_TRUE(Json(request).starts_with("tools[0].function.parameters: 'tools[0].function.parameters' is no JSON"));
}

TEST(ProtoJsonTest, UnknownFieldsAreRefused) {
  v1::ChatRequest request;
  ASSERT_TRUE(request.add_messages()->ParseFromString("\xfa\x3f\x01\x01"));
  EXPECT_EQ(Json(request),
            "messages[0]: field 1023 of bowhead.v1.Message is not known to this server; it is older than the client's "
            "proto files");
}

TEST(ProtoJsonTest, TheNumberOfValuesIsBounded) {
  v1::ChatRequest request;
  for (std::size_t i = 0; i <= JsonLimits().max_values; ++i) request.add_stop("");
  EXPECT_EQ(Json(request), ": the request has too many values");
}

}  // namespace
}  // namespace bowhead::api
