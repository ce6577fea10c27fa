#include "net/sse.h"

#include <gtest/gtest.h>

namespace bowhead::net {
namespace {

TEST(SseTest, Events) {
  EXPECT_EQ(SseData("{\"a\":1}"), "data: {\"a\":1}\n\n");
  EXPECT_EQ(SseData(""), "data: \n\n");
  EXPECT_EQ(SseData("a\nb\rc\r\nd\n"), "data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
  EXPECT_EQ(SseEvent("er\nror", "x"), "event: error\ndata: x\n\n");
  EXPECT_EQ(SseComment("ping"), ": ping\n\n");
  EXPECT_EQ(SseComment("a\ndata: forged"), ": a\n: data: forged\n\n");
}

}  // namespace
}  // namespace bowhead::net
