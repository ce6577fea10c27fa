#include "model/format/string_array.h"

#include <gtest/gtest.h>

namespace bowhead::model {
namespace {

TEST(StringArray, KeepsStringsApart) {
  StringArray strings;
  EXPECT_TRUE(strings.empty());
  strings.Add("");
  strings.Add("one");
  strings.Add(std::string_view("\0\xFF", 2));
  strings.Add("");
  ASSERT_EQ(strings.size(), 4U);
  EXPECT_EQ(strings[0], "");
  EXPECT_EQ(strings[1], "one");
  EXPECT_EQ(strings[2], std::string_view("\0\xFF", 2));
  EXPECT_EQ(strings[3], "");
  EXPECT_EQ(StringArray(strings.ToVector()), strings);
}

TEST(StringArray, IsNotEqualByItsBytesAlone) {
  EXPECT_NE((StringArray{"ab", "c"}), (StringArray{"a", "bc"}));
}

}  // namespace
}  // namespace bowhead::model
