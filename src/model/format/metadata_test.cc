#include "model/format/metadata.h"

#include <gtest/gtest.h>

#include <limits>

namespace bowhead::model {
namespace {

Metadata Sample() {
  return Metadata(Metadata::Map{
      {"u", std::uint64_t{7}},
      {"huge", std::numeric_limits<std::uint64_t>::max()},
      {"i", std::int64_t{-3}},
      {"f", 2.5},
      {"b", true},
      {"s", std::string("text")},
      {"us", std::vector<std::uint64_t>{1, 2}},
      {"huges", std::vector<std::uint64_t>{1, std::numeric_limits<std::uint64_t>::max()}},
      {"is", std::vector<std::int64_t>{-1, 2}},
      {"fs", std::vector<double>{0.5, -1}},
      {"bs", std::vector<bool>{true, false}},
      {"ss", StringArray{"a", "b"}},
  });
}

TEST(Metadata, ConvertsNumbersThatFit) {
  const Metadata m = Sample();
  EXPECT_EQ(m.GetUint("u"), 7U);
  EXPECT_EQ(m.GetInt("u"), 7);
  EXPECT_EQ(m.GetFloat("u"), 7.0);
  EXPECT_EQ(m.GetInt("i"), -3);
  EXPECT_EQ(m.GetFloat("i"), -3.0);
  EXPECT_EQ(m.GetFloat("f"), 2.5);
  EXPECT_EQ(m.GetBool("b"), true);
  EXPECT_EQ(m.GetUint("huge"), std::numeric_limits<std::uint64_t>::max());
}

TEST(Metadata, RefusesNumbersThatDoNotFit) {
  const Metadata m = Sample();
  EXPECT_EQ(m.GetUint("i"), std::nullopt);
  EXPECT_EQ(m.GetInt("huge"), std::nullopt);
  EXPECT_EQ(m.GetInts("huges"), std::nullopt);
}

TEST(Metadata, RefusesOtherKinds) {
  const Metadata m = Sample();
  for (const char* key : {"f", "b", "s", "us", "ss", "absent"}) {
    EXPECT_EQ(m.GetUint(key), std::nullopt) << key;
    EXPECT_EQ(m.GetInt(key), std::nullopt) << key;
    EXPECT_EQ(m.GetStrings("us"), nullptr);
  }
  EXPECT_EQ(m.GetFloat("s"), std::nullopt);
  EXPECT_EQ(m.GetBool("u"), std::nullopt);
  EXPECT_EQ(m.GetString("u"), nullptr);
  EXPECT_EQ(m.GetStrings("s"), nullptr);
  EXPECT_EQ(m.GetInts("fs"), std::nullopt);
  EXPECT_EQ(m.GetInts("u"), std::nullopt);
  EXPECT_EQ(m.GetFloats("ss"), std::nullopt);
  EXPECT_EQ(m.GetBools("us"), std::nullopt);
}

TEST(Metadata, CopiesArrays) {
  const Metadata m = Sample();
  EXPECT_EQ(m.GetInts("us"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(m.GetInts("is"), (std::vector<std::int64_t>{-1, 2}));
  EXPECT_EQ(m.GetFloats("fs"), (std::vector<double>{0.5, -1}));
  EXPECT_EQ(m.GetFloats("is"), (std::vector<double>{-1, 2}));
  EXPECT_EQ(m.GetFloats("us"), (std::vector<double>{1, 2}));
  EXPECT_EQ(m.GetBools("bs"), (std::vector<bool>{true, false}));
  ASSERT_NE(m.GetStrings("ss"), nullptr);
  EXPECT_EQ(*m.GetStrings("ss"), (StringArray{"a", "b"}));
  EXPECT_TRUE(m.Has("ss"));
  EXPECT_FALSE(m.Has("absent"));
}

}  // namespace
}  // namespace bowhead::model
