// The document lists what the server has, no more and no less, and holds together.
#include "api/openapi/document.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "api/api_fixture_for_test.h"
#include "api/openapi/operations.h"
#include "api/request_tables.h"

namespace bowhead::api {
namespace {

const JsonValue& Document() {
  static const JsonValue kDocument = Parse(OpenApiDocument("test"));
  return kDocument;
}

const JsonObject& Members(const JsonValue& value) {
  static const JsonObject kNone;
  return value.AsObject() == nullptr ? kNone : *value.AsObject();
}

const JsonValue& Member(const JsonValue& value, std::string_view key) {
  static const JsonValue kNothing;
  const JsonValue* found = FindKey(Members(value), key);
  return found == nullptr ? kNothing : *found;
}

/// Whether a route's path ("/v1/models/*") covers a documented one ("/v1/models/{model}").
bool Covers(std::string_view route, std::string_view path) {
  std::string pattern(path);
  for (std::size_t open = pattern.find('{'); open != std::string::npos; open = pattern.find('{')) {
    pattern.replace(open, pattern.find('}') - open + 1, "*");
  }
  return route == pattern;
}

TEST(OpenApiDocumentTest, ListsEveryRouteAndMethod) {
  for (const auto& [path, methods] : ApiServer::Paths()) {
    for (const std::string method : {"get", "post", "delete"}) {
      std::string upper = method;
      std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
      if (methods.find(upper) == std::string_view::npos) continue;
      EXPECT_TRUE(
          std::any_of(Operations().begin(), Operations().end(),
                      [&, route = path](const Operation& o) { return o.method == method && Covers(route, o.path); }))
          << method << " " << path;
    }
  }
}

TEST(OpenApiDocumentTest, ListsNothingElse) {
  const auto paths = ApiServer::Paths();
  std::set<std::string_view> ids;
  for (const Operation& operation : Operations()) {
    EXPECT_TRUE(ids.insert(operation.id).second) << operation.id;
    if (operation.path == "/") continue;  // the page
    std::string method(operation.method);
    std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) { return std::toupper(c); });
    EXPECT_TRUE(std::any_of(paths.begin(), paths.end(), [&](const auto& route) {
      return Covers(route.first, operation.path) && route.second.find(method) != std::string_view::npos;
    })) << operation.id;
  }
}

TEST(OpenApiDocumentTest, SaysOfEveryParameterWhatBecomesOfIt) {
  const JsonValue& schemas = At(Document(), "components.schemas");
  for (const ParamTable& table : RequestTables()) {
    const JsonValue& properties = Member(Member(schemas, table.name), "properties");
    EXPECT_EQ(Members(properties).size(), table.rows.size()) << table.name;
    for (const ParamSpec& row : table.rows) {
      const JsonValue& property = Member(properties, row.name);
      const std::string use = Text(property, "x-bowhead");
      EXPECT_EQ(use, row.use == ParamUse::kRefused    ? "refused"
                     : row.use == ParamUse::kHarmless ? "accepted-no-effect"
                                                      : "honoured");
      EXPECT_FALSE(row.schema.empty()) << table.name << "." << row.name;
      EXPECT_TRUE(row.use != ParamUse::kRefused || !row.why.empty()) << row.name;
    }
  }
}

void CheckReferences(const JsonValue& value) {
  if (const JsonArray* list = value.AsArray()) {
    for (const JsonValue& item : *list) CheckReferences(item);
  }
  for (const auto& [key, inner] : Members(value)) {
    if (key == "$ref") {
      const std::string name = *inner.AsString();
      ASSERT_TRUE(name.starts_with("#/components/")) << name;
      std::string path = name.substr(2);
      std::replace(path.begin(), path.end(), '/', '.');
      EXPECT_FALSE(At(Document(), path).IsNull()) << name;
    }
    CheckReferences(inner);
  }
}

TEST(OpenApiDocumentTest, EveryReferenceLeadsSomewhere) {
  CheckReferences(Document());
}

TEST(OpenApiDocumentTest, RequiredNamesAreRows) {
  for (const ParamTable& table : RequestTables()) {
    const JsonValue& required = Member(Member(At(Document(), "components.schemas"), table.name), "required");
    const auto commas = std::count(table.required.begin(), table.required.end(), ',');
    const std::size_t wanted = table.required.empty() ? 0 : static_cast<std::size_t>(commas) + 1;
    EXPECT_EQ(required.AsArray() == nullptr ? 0 : required.AsArray()->size(), wanted) << table.name;
  }
}

class OpenApiRouteTest : public ApiServerTest {};

TEST_F(OpenApiRouteTest, ServesTheDocument) {
  const net::HttpResponse response = Ask("GET", "/openapi.json");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Text(Parse(response.body), "openapi"), "3.1.0");
  EXPECT_EQ(response.body, OpenApiDocument("test"));
}

}  // namespace
}  // namespace bowhead::api
