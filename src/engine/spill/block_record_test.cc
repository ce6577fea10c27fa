#include "engine/spill/block_record.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bowhead::engine {
namespace {

TEST(BlockRecord, ReadsWhatWasWritten) {
  std::vector<std::byte> payload(1000);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(i * 7);
  BlockRecord record{{1, 2}, {3, 0xFFFFFFFFFFFFFFFF}, {}, payload};
  for (std::size_t i = 0; i < record.tokens.size(); ++i) record.tokens[i] = static_cast<int>(i * 100'000);
  const auto bytes = WriteRecord(record);
  ASSERT_EQ(bytes.size(), kRecordOverhead + payload.size());
  const auto read = ParseRecord(bytes);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->maker, record.maker);
  EXPECT_EQ(read->chain, record.chain);
  EXPECT_EQ(read->tokens, record.tokens);
  EXPECT_TRUE(std::ranges::equal(read->payload, payload));
}

TEST(BlockRecord, EveryChangedByteAndEveryCutIsFound) {
  const std::vector<std::byte> payload(40, std::byte{9});
  const auto bytes = WriteRecord({{1, 2}, {3, 4}, {}, payload});
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] ^= std::byte{16};
    EXPECT_EQ(ParseRecord(damaged).status().code(), base::StatusCode::kDataLoss) << i;
    EXPECT_FALSE(ParseRecord(std::span(bytes).first(i)).ok()) << i;
  }
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(ParseRecord(longer).ok());
}

}  // namespace
}  // namespace bowhead::engine
