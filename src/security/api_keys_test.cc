#include "security/api_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace bowhead::security {
namespace {

constexpr const char* kKey = "sk-0123456789abcdef0123";

std::string WriteFile(const std::string& text, mode_t mode) {
  const std::string path = ::testing::TempDir() + "/bowhead_keys_" + std::to_string(::getpid());
  std::ofstream(path, std::ios::trunc) << text;
  ::chmod(path.c_str(), mode);
  return path;
}

TEST(ApiKeysTest, ReadsKeysNamesAndComments) {
  const auto keys = ApiKeys::Parse("# people\r\n\n  sk-0123456789abcdef0123  ada.l@x \r\nsecond-key-0123456789", "f");
  ASSERT_TRUE(keys.ok()) << keys.status().ToString();
  EXPECT_EQ(keys->size(), 2U);
  EXPECT_EQ(keys->Check(kKey), "ada.l@x");
  EXPECT_EQ(keys->Check("second-key-0123456789"), "key-2");
  EXPECT_EQ(keys->Check("second-key-012345678"), std::nullopt);
  EXPECT_EQ(keys->Check(""), std::nullopt);
  EXPECT_EQ(keys->Check(std::string(100'000, 'x')), std::nullopt);
  EXPECT_EQ(ApiKeys().Check(kKey), std::nullopt);
}

TEST(ApiKeysTest, RefusesBadFilesWithoutShowingKeys) {
  const std::string key = kKey;
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "has no key"},
      {"# only a comment\n", "has no key"},
      {"short-secret\n", "line 1: the key is shorter than 16"},
      {key + "\n" + std::string(513, 'k'), "line 2: the key is longer"},
      {key + "\n" + key + " again\n", "the same key twice"},
      {"clé-secret-0123456789\n", "printable ASCII"},
      {key + " two words\n", "a name may have"},
      {key + std::string("\0", 1) + "x", "printable ASCII"},
  };
  for (const auto& [text, message] : cases) {
    const auto keys = ApiKeys::Parse(text, "keys.txt");
    ASSERT_FALSE(keys.ok()) << text;
    EXPECT_EQ(keys.status().code(), base::StatusCode::kInvalidArgument);
    EXPECT_NE(keys.status().message().find(message), std::string::npos) << keys.status().message();
    EXPECT_EQ(keys.status().message().find("secret"), std::string::npos);
    EXPECT_EQ(keys.status().message().find(key), std::string::npos);
  }
}

TEST(ApiKeysTest, WarnsOfAFileThatOthersCanRead) {
  std::vector<std::string> warnings;
  const std::string path = WriteFile(std::string(kKey) + "\n", 0644);
  ASSERT_TRUE(ApiKeys::Load(path, &warnings).ok());
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("chmod 600"), std::string::npos);
  ::chmod(path.c_str(), 0600);
  ASSERT_TRUE(ApiKeys::Load(path, &warnings).ok());
  EXPECT_EQ(warnings.size(), 1U);
  ::unlink(path.c_str());
}

TEST(ApiKeysTest, FileErrors) {
  EXPECT_EQ(ApiKeys::Load("/nonexistent/keys").status().code(), base::StatusCode::kNotFound);
  EXPECT_EQ(ApiKeys::Load("/").status().code(), base::StatusCode::kInvalidArgument);
  const std::string path = WriteFile(kKey, 0000);
  if (::geteuid() != 0) {
    EXPECT_EQ(ApiKeys::Load(path).status().code(), base::StatusCode::kPermissionDenied);
  }
  ::unlink(path.c_str());
}

TEST(ApiKeysTest, TakesTheKeyOutOfTheHeader) {
  EXPECT_EQ(ApiKeys::FromAuthorization("Bearer abc"), "abc");
  EXPECT_EQ(ApiKeys::FromAuthorization(" bEARER  abc "), "abc");
  EXPECT_EQ(ApiKeys::FromAuthorization("Basic abc"), std::nullopt);
  EXPECT_EQ(ApiKeys::FromAuthorization("Bearer"), std::nullopt);
  EXPECT_EQ(ApiKeys::FromAuthorization(""), std::nullopt);
}

}  // namespace
}  // namespace bowhead::security
