#include "base/text.h"

#include <gtest/gtest.h>

namespace bowhead::base {
namespace {

TEST(TextTest, LowersAsciiAlone) {
  EXPECT_EQ(ToLower("Content-TYPE: \xC3\x84[Z]"), "content-type: \xC3\x84[z]");
}

TEST(TextTest, ComparesWithoutCase) {
  EXPECT_TRUE(EqualsIgnoringCase("GZip", "gzIP"));
  EXPECT_FALSE(EqualsIgnoringCase("gzip", "gzi"));
  EXPECT_FALSE(EqualsIgnoringCase("@", "`"));
}

TEST(TextTest, TrimsWhatItIsToldTo) {
  EXPECT_EQ(Trim(" \tkey = x\t"), "key = x");
  EXPECT_EQ(Trim(" x\r"), "x\r");
  EXPECT_EQ(Trim(" x\r", " \t\r"), "x");
  EXPECT_EQ(Trim(" \t "), "");
  EXPECT_EQ(Trim(""), "");
}

}  // namespace
}  // namespace bowhead::base
