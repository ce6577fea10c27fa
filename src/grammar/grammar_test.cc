// What is refused, and how it is said; and that nothing hostile takes long.
#include "grammar/grammar.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace bowhead::grammar {
namespace {

using base::StatusCode;

void ExpectRefused(std::string_view schema, StatusCode code, std::string_view part) {
  const auto grammar = CompileJsonSchema(schema, {});
  ASSERT_FALSE(grammar.ok()) << schema;
  EXPECT_EQ(grammar.status().code(), code) << grammar.status().ToString();
  EXPECT_NE(grammar.status().message().find(part), std::string::npos) << grammar.status().message();
}

TEST(JsonSchema, NamesTheKeywordAndThePlace) {
  ExpectRefused(R"({"properties":{"a/b":{"items":{"contains":{}}}}})", StatusCode::kUnimplemented,
                "'contains' at #/properties/a~1b/items");
  ExpectRefused(R"({"type":"array","uniqueItems":true})", StatusCode::kUnimplemented, "'uniqueItems' at #");
  ExpectRefused(R"({"anyOf":[true,{"not":{}}]})", StatusCode::kUnimplemented, "'not' at #/anyOf/1");
  ExpectRefused(R"({"pattern":"(a)\\1"})", StatusCode::kUnimplemented, "backreferences");
  ExpectRefused(R"({"format":"idn-email"})", StatusCode::kUnimplemented, "idn-email");
  ExpectRefused(R"({"multipleOf":0.01})", StatusCode::kUnimplemented, "'multipleOf'");
  ExpectRefused(R"({"minLenght":3})", StatusCode::kUnimplemented, "'minLenght'");
  ExpectRefused(R"({"$ref":"http://example.org/x"})", StatusCode::kUnimplemented, "'$ref'");
  ExpectRefused(R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", StatusCode::kUnimplemented,
                "branch 0 and branch 1");
}

TEST(JsonSchema, MalformedSchemas) {
  ExpectRefused("", StatusCode::kInvalidArgument, "JSON");
  ExpectRefused("3", StatusCode::kInvalidArgument, "object or a boolean");
  ExpectRefused(R"({"type":"text"})", StatusCode::kInvalidArgument, "'type' at #");
  ExpectRefused(R"({"items":[{}]})", StatusCode::kInvalidArgument, "prefixItems");
  ExpectRefused(R"({"exclusiveMinimum":true})", StatusCode::kInvalidArgument, "draft 4");
  ExpectRefused(R"({"minLength":-1})", StatusCode::kInvalidArgument, "'minLength'");
  ExpectRefused(R"({"required":"a"})", StatusCode::kInvalidArgument, "'required'");
  ExpectRefused(R"({"enum":[]})", StatusCode::kInvalidArgument, "'enum'");
  ExpectRefused(R"({"$ref":"#/nowhere"})", StatusCode::kInvalidArgument, "leads nowhere");
  ExpectRefused(R"({"$ref":"#"})", StatusCode::kInvalidArgument, "back to itself");
}

TEST(JsonSchema, UnsatisfiableSchemas) {
  for (const char* schema :
       {"false", R"({"type":"string","minLength":3,"maxLength":2})", R"({"allOf":[{"type":"string"},{"type":"null"}]})",
        R"({"type":"integer","minimum":3,"exclusiveMaximum":3})", R"({"enum":[1,2],"type":"string"})",
        R"({"type":"object","required":["a"],"additionalProperties":false})",
        R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})",
        R"({"type":"string","pattern":"^a$","minLength":2})",
        R"({"type":"object","minProperties":1,"additionalProperties":false})"}) {
    ExpectRefused(schema, StatusCode::kInvalidArgument, "nothing of finite");
  }
}

TEST(Ebnf, Errors) {
  const auto expect = [](std::string_view grammar, std::string_view part) {
    const auto result = CompileEbnf(grammar, {});
    ASSERT_FALSE(result.ok()) << grammar;
    EXPECT_NE(result.status().message().find(part), std::string::npos) << result.status().message();
  };
  expect("root ::= root \"a\" | \"b\"", "left recursion in rule 'root'");
  expect("root ::= x \"a\" | \"b\"\nx ::= \"c\"? root", "left recursion");
  expect("root ::= x", "'x' is used, but not defined");
  expect("a ::= \"x\"", "no rule 'root'");
  expect("root ::= \"a\"\nroot ::= \"b\"", "twice");
  expect("root ::= (\"a\"", "does not end");
  expect("root ::= \"a\n", "line 1");
  expect("start: a\n%import common.WS\na: \"x\"", "directives");
  expect("root ::= \"a\" root", "nothing of finite");
  expect("", "no rule 'root'");
}

TEST(Grammar, HostileInputEndsSoon) {
  const auto begin = std::chrono::steady_clock::now();
  std::string nested;
  for (int i = 0; i < 20'000; ++i) nested += R"({"items":)";
  EXPECT_FALSE(CompileJsonSchema(nested, {}).ok());
  EXPECT_FALSE(CompileJsonSchema(std::string(2 << 20, ' '), {}).ok());
  EXPECT_FALSE(CompileRegex("((((((a+)+)+)+)+)+){900}{900}", {}).ok());
  EXPECT_FALSE(CompileRegex("(.{1,99}x){1,99}y(.{1,99}x){1,99}", {}).ok());
  std::string many = R"({"anyOf":[)";
  for (int i = 0; i < 300; ++i) many += R"({"type":"integer","minimum":)" + std::to_string(i) + "},";
  many += "true]}";
  const std::string product = R"({"allOf":[)" + many + "," + many + "," + many + "]}";
  EXPECT_FALSE(CompileJsonSchema(product, {}).ok());
  std::string wide = R"({"type":"object","properties":{)";
  for (int i = 0; i < 2000; ++i) {
    wide += (i == 0 ? "\"p" : ",\"p") + std::to_string(i) + R"(":{"type":"string","pattern":"^[a-z]{1,)" +
            std::to_string(i) + "}$\"}";
  }
  EXPECT_FALSE(CompileJsonSchema(wide + "}}", {}).ok());
  std::string rules = "root ::= r0\n";
  for (int i = 0; i < 5000; ++i)
    rules += "r" + std::to_string(i) + " ::= (r" + std::to_string(i + 1) + "){9} | \"x\"\n";
  rules += "r5000 ::= \"y\"\n";
  (void)CompileEbnf(rules, {});
  EXPECT_FALSE(CompileEbnf("root ::= \"a\"" + std::string(500'000, '?'), {}).ok());
  std::string object = "{";
  for (int i = 0; i < 40'000; ++i) object += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  object += "}";
  (void)CompileJsonSchema(R"({"allOf":[{"const":)" + object + R"(},{"const":)" + object + "}]}", {});
  std::string values = R"({"enum":[)";
  for (int i = 0; i < 4000; ++i) values += (i == 0 ? "\"v" : ",\"v") + std::to_string(i) + "\"";
  EXPECT_TRUE(CompileJsonSchema(values + "]}", {}).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace bowhead::grammar
