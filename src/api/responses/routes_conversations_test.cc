// Conversations over a scripted model: their objects, their items, and responses that go on from them.
#include <gtest/gtest.h>

#include <string>

#include "api/api_fixture_for_test.h"

namespace bowhead::api {
namespace {

class ConversationRoutesTest : public ApiServerTest {
 protected:
  std::string Create(const std::string& body) {
    const net::HttpResponse response = Ask("POST", "/v1/conversations", body);
    EXPECT_EQ(response.status, 200) << response.body;
    return Text(Parse(response.body), "id");
  }
  JsonValue Items(const std::string& id, const std::string& query = {}) {
    return Parse(Ask("GET", "/v1/conversations/" + id + "/items", "", {}, query).body);
  }
};

constexpr const char* kTwo =
    R"({"items":[{"role":"user","content":"one"},{"role":"assistant","content":"two"}],"metadata":{"a":"b"}})";

TEST_F(ConversationRoutesTest, AreMadeReadChangedAndForgotten) {
  const std::string id = Create(kTwo);
  EXPECT_TRUE(id.starts_with("conv_"));
  const std::string path = "/v1/conversations/" + id;
  EXPECT_EQ(Text(Parse(Ask("GET", path).body), "metadata.a"), "b");
  EXPECT_EQ(Text(Parse(Ask("POST", path, R"({"metadata":{"c":"d"}})").body), "metadata.c"), "d");
  EXPECT_EQ(Ask("POST", path, "{}").status, 400);
  EXPECT_EQ(Text(Parse(Ask("DELETE", path).body), "object"), "conversation.deleted");
  EXPECT_EQ(Ask("GET", path).status, 404);
  EXPECT_EQ(Ask("DELETE", path).status, 404);
  EXPECT_TRUE(Create("").starts_with("conv_"));
}

TEST_F(ConversationRoutesTest, ItemsAreListedAddedAndRemoved) {
  const std::string id = Create(kTwo);
  const JsonValue newest_first = Items(id);
  EXPECT_EQ(Text(newest_first, "data.0.content.0.text"), "two");
  EXPECT_EQ(Text(newest_first, "data.0.content.0.type"), "output_text");
  EXPECT_EQ(Text(newest_first, "data.1.content.0.type"), "input_text");
  const JsonValue page = Items(id, "order=asc&limit=1");
  EXPECT_EQ(Text(page, "data.0.content.0.text"), "one");
  EXPECT_TRUE(*At(page, "has_more").AsBool());
  const std::string first = Text(page, "last_id");
  EXPECT_EQ(Text(Items(id, "order=asc&after=" + first), "data.0.content.0.text"), "two");
  const std::string items = "/v1/conversations/" + id + "/items";
  EXPECT_EQ(Text(Parse(Ask("GET", items + "/" + first).body), "content.0.text"), "one");
  EXPECT_EQ(Text(Parse(Ask("DELETE", items + "/" + first).body), "object"), "conversation");
  EXPECT_EQ(Ask("GET", items + "/" + first).status, 404);
  const net::HttpResponse added = Ask("POST", items, R"({"items":[{"role":"user","content":"three"}]})");
  EXPECT_EQ(Text(Parse(added.body), "data.0.role"), "user");
  EXPECT_EQ(At(Items(id), "data").AsArray()->size(), 2U);
}

TEST_F(ConversationRoutesTest, MistakesAreNamed) {
  const std::string id = Create(kTwo);
  const std::string items = "/v1/conversations/" + id + "/items";
  EXPECT_EQ(Text(Parse(Ask("POST", items, R"({"items":[{"role":"user"}]})").body), "error.param"), "items[0].content");
  for (const char* query : {"limit=0", "limit=101", "limit=x", "order=up", "after=none", "color=red"}) {
    EXPECT_EQ(Ask("GET", items, "", {}, query).status, 400) << query;
  }
  EXPECT_EQ(Ask("POST", "/v1/conversations/none/items", R"({"items":[]})").status, 404);
  EXPECT_EQ(Ask("POST", "/v1/responses", R"({"input":"x","conversation":"none"})").status, 404);
  EXPECT_EQ(
      Ask("POST", "/v1/responses", R"({"input":"x","conversation":")" + id + R"(","previous_response_id":"y"})").status,
      400);
}

TEST_F(ConversationRoutesTest, AResponseGoesOnFromItAndAddsToIt) {
  const std::string id = Create(kTwo);
  backend_->script = "four";
  const net::HttpResponse response =
      Ask("POST", "/v1/responses", R"({"input":"three","conversation":{"id":")" + id + R"("}})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(Text(Parse(response.body), "conversation.id"), id);
  const std::string prompt = ByteTokenizer().Decode(backend_->requests().back().prompt, true);
  EXPECT_NE(prompt.find("one"), std::string::npos);
  EXPECT_LT(prompt.find("two"), prompt.find("three"));
  const JsonValue items = Items(id, "order=asc");
  ASSERT_EQ(At(items, "data").AsArray()->size(), 4U);
  EXPECT_EQ(Text(items, "data.2.content.0.text"), "three");
  EXPECT_EQ(Text(items, "data.3.content.0.text"), "four");
  EXPECT_EQ(Text(items, "data.3.id"), Text(Parse(response.body), "output.0.id"));
  backend_->script = "six";
  EXPECT_EQ(Ask("POST", "/v1/responses", R"({"input":"five","conversation":")" + id + R"("})").status, 200);
  EXPECT_NE(ByteTokenizer().Decode(backend_->requests().back().prompt, true).find("four"), std::string::npos);
}

}  // namespace
}  // namespace bowhead::api
