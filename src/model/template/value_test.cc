#include "model/template/value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace bowhead::model {
namespace {

TEST(Value, NumbersAreEqualAcrossKindsAsInPython) {
  EXPECT_TRUE(ValuesEqual(Value::Int(1), Value::Double(1.0)));
  EXPECT_TRUE(ValuesEqual(Value::Bool(true), Value::Int(1)));
  EXPECT_FALSE(ValuesEqual(Value::Int(1), Value::String("1")));
  EXPECT_FALSE(ValuesEqual(Value::None(), Value::Bool(false)));
  // 2^53 + 1 has no double: a comparison through doubles would call these equal.
  EXPECT_FALSE(ValuesEqual(Value::Int((std::int64_t{1} << 53) + 1), Value::Double(0x1p53)));
  EXPECT_FALSE(ValuesEqual(Value::Int(INT64_MAX), Value::Double(0x1p63)));
  EXPECT_FALSE(ValuesEqual(Value::Double(std::nan("")), Value::Double(std::nan(""))));
}

TEST(Value, ListsAndTuplesDiffer) {
  const Value list = Value::FromList({Value::Int(1)});
  EXPECT_TRUE(ValuesEqual(list, Value::FromList({Value::Double(1)})));
  EXPECT_FALSE(ValuesEqual(list, Value::Tuple({Value::Int(1)})));
  EXPECT_FALSE(ValuesEqual(list, Value::FromList({})));
}

TEST(Value, DictsKeepTheirOrderAndReplace) {
  Dict dict;
  dict.Set("b", Value::Int(1));
  dict.Set("a", Value::Int(2));
  dict.Set("b", Value::Int(3));
  ASSERT_EQ(dict.size(), 2U);
  EXPECT_EQ(dict.entries()[0].first.string_value(), "b");
  EXPECT_EQ(dict.entries()[0].second.int_value(), 3);
  EXPECT_EQ(dict.Find("c"), nullptr);
}

TEST(Value, DictKeysOfOtherTypes) {
  Dict dict;
  dict.Set(Value::Int(1), Value::String("one"));
  dict.Set(Value::Bool(true), Value::String("true"));  // the same key in Python
  dict.Set("1", Value::String("text"));
  EXPECT_EQ(dict.size(), 2U);
  EXPECT_EQ(dict.Find(Value::Double(1.0))->string_value(), "true");
  EXPECT_EQ(dict.Find("1")->string_value(), "text");
}

TEST(Value, LargeDictsFindEveryKey) {
  Dict dict;
  for (int i = 0; i < 1000; ++i) dict.Set(std::to_string(i), Value::Int(i));
  dict.Set("500", Value::Int(-500));
  const Dict copy = dict;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_NE(copy.Find(std::to_string(i)), nullptr);
    EXPECT_EQ(copy.Find(std::to_string(i))->int_value(), i == 500 ? -500 : i);
  }
  EXPECT_EQ(copy.Find("1000"), nullptr);
  EXPECT_EQ(copy.size(), 1000U);
}

TEST(Value, DepthAndWeightCountSharedParts) {
  Value value = Value::Int(1);
  for (int i = 0; i < 100; ++i) value = Value::FromList({value, value});
  EXPECT_EQ(value.depth(), 100U);
  EXPECT_GE(value.weight(), std::size_t{1} << 59);  // 2^100, and no overflow
  EXPECT_EQ(Value::Int(1).depth(), 0U);
  Dict dict;
  dict.Set("k", Value::FromList({}));
  EXPECT_EQ(Value::FromDict(dict).depth(), 2U);
}

TEST(Value, UndefinedSaysWhy) {
  EXPECT_EQ(Value::Undefined("'x' is undefined").undefined_reason(), "'x' is undefined");
  EXPECT_EQ(Value::Undefined().undefined_reason(), "");
  EXPECT_TRUE(ValuesEqual(Value::Undefined("a"), Value::Undefined()));
}

}  // namespace
}  // namespace bowhead::model
