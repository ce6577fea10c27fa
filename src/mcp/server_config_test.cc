#include "mcp/server_config.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace bowhead::mcp {
namespace {

TEST(ServerConfig, SpecsOfTheCommandLine) {
  const auto url = ParseServerSpec("https://user@tools.example:8443/mcp?x=1");
  EXPECT_EQ(url->label, "tools_example_8443");
  EXPECT_EQ(url->url, "https://user@tools.example:8443/mcp?x=1");
  EXPECT_EQ(url->consent, Consent::kNever);
  EXPECT_EQ(ParseServerSpec("mine=http://h/a=b")->label, "mine");
  const auto program = ParseServerSpec(R"(files=stdio:npx -y "a b" 'c"d' e\ f "")");
  EXPECT_EQ(program->label, "files");
  EXPECT_EQ(program->command, (std::vector<std::string>{"npx", "-y", "a b", "c\"d", "e f", ""}));
  EXPECT_EQ(ParseServerSpec("stdio:/usr/bin/my-server --x")->label, "my-server");
  for (const char* bad : {"", "x", "ftp://h", "http://", "stdio:", "stdio:  ", "stdio:a 'b", "a b=http://h"}) {
    EXPECT_EQ(ParseServerSpec(bad).status().code(), base::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(ServerConfig, TheFileOfTheUsualForm) {
  setenv("BOWHEAD_TEST_SECRET", "s3cret", 1);
  const auto servers = ParseConfig(R"({"mcpServers": {
    "web": {"type": "http", "url": "https://h/mcp", "headers": {"Authorization": "Bearer ${BOWHEAD_TEST_SECRET}"},
            "consent": "never", "tools": {"search": "always"}, "timeout_ms": 500},
    "files": {"args": ["-y", "pkg"], "command": "npx", "env": {"A": "b"}},
    "off": {"command": "x", "disabled": true}}})");
  ASSERT_TRUE(servers.ok()) << servers.status().message();
  ASSERT_EQ(servers->size(), 2U);
  const ServerConfig& files = (*servers)[0];
  EXPECT_EQ(files.command, (std::vector<std::string>{"npx", "-y", "pkg"}));
  EXPECT_EQ(files.environment.at("A"), "b");
  EXPECT_EQ(files.ConsentOf("any"), Consent::kNever);
  const ServerConfig& web = (*servers)[1];
  EXPECT_EQ(web.headers[0].second, "Bearer s3cret");
  EXPECT_EQ(web.ConsentOf("search"), Consent::kAlways);
  EXPECT_EQ(web.ConsentOf("delete"), Consent::kNever);
  EXPECT_EQ(web.timeout.count(), 500);
}

TEST(ServerConfig, MistakesInTheFileAreNamed) {
  const auto says = [](const std::string& entry) {
    return ParseConfig(R"({"mcpServers":{"a":)" + entry + "}}").status().message();
  };
  EXPECT_NE(says("{}").find("either 'url' or 'command'"), std::string::npos);
  EXPECT_NE(says(R"({"url":"http://h","command":"x"})").find("either"), std::string::npos);
  EXPECT_NE(says(R"({"url":"http://h","colour":1})").find("colour"), std::string::npos);
  EXPECT_NE(says(R"({"url":"http://h","consent":"yes"})").find("'never' or 'always'"), std::string::npos);
  EXPECT_NE(says(R"({"url":"${BOWHEAD_NOT_THERE}"})").find("BOWHEAD_NOT_THERE"), std::string::npos);
  EXPECT_NE(says(R"({"command":"x","args":"y"})").find("args"), std::string::npos);
  EXPECT_FALSE(ParseConfig("{}").ok());
  EXPECT_FALSE(ParseConfig("[").ok());
  EXPECT_FALSE(ParseConfig(R"({"mcpServers":{"a b":{"url":"http://h"}}})").ok());
}

TEST(ServerConfig, AllowAndLabels) {
  std::vector<ServerConfig> servers = {*ParseServerSpec("a=http://h"), *ParseServerSpec("b=http://h")};
  EXPECT_TRUE(Allow(servers, "a/x").ok());
  EXPECT_EQ(servers[0].ConsentOf("x"), Consent::kAlways);
  EXPECT_EQ(servers[0].ConsentOf("y"), Consent::kNever);
  EXPECT_TRUE(Allow(servers, "b/*").ok());
  EXPECT_EQ(servers[1].ConsentOf("y"), Consent::kAlways);
  for (const char* bad : {"c/x", "a", "a/", ""}) EXPECT_FALSE(Allow(servers, bad).ok()) << bad;
  EXPECT_TRUE(CheckLabels(servers).ok());
  servers.push_back(servers[0]);
  EXPECT_FALSE(CheckLabels(servers).ok());
}

}  // namespace
}  // namespace bowhead::mcp
