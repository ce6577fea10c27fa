#include "engine/spill/prefix_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <future>

namespace bowhead::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBytes = 1000;

base::ContentHash Chain(std::uint64_t number) {
  return {number * 77, number};
}

class PrefixStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bowhead_store_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    options_.dir = (folder_ / "cache").string();
    options_.max_bytes = 1 << 20;
    options_.maker = {1, 2};
    options_.block_bytes = kBytes;
    options_.warn = [this](const std::string& text) { warnings_.push_back(text); };
  }
  void TearDown() override {
    store_.reset();
    fs::remove_all(folder_);
  }
  void Open() {
    store_.reset();
    auto store = PrefixStore::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(store).value();
  }
  void Put(std::uint64_t number) {
    store_->Put(Chain(number), BlockTokens{static_cast<int>(number)},
                [&](std::span<std::byte> out) { std::ranges::fill(out, static_cast<std::byte>(number)); });
    store_->Flush();
  }
  /// How many of these blocks can be read, one after the other; each is what was written.
  std::size_t Get(const std::vector<std::uint64_t>& numbers) {
    std::vector<PrefixStore::Wanted> wanted;
    for (const std::uint64_t number : numbers) wanted.push_back({Chain(number), {static_cast<int>(number)}});
    std::promise<std::vector<PrefixStore::Loaded>> promise;
    store_->Get(wanted, [&](std::vector<PrefixStore::Loaded> loaded) { promise.set_value(std::move(loaded)); });
    const auto loaded = promise.get_future().get();
    for (std::size_t i = 0; i < loaded.size(); ++i) {
      EXPECT_EQ(loaded[i].payload.size(), kBytes);
      EXPECT_EQ(loaded[i].payload[kBytes / 2], static_cast<std::byte>(numbers[i]));
    }
    return loaded.size();
  }
  fs::path PathOf(std::uint64_t number) {
    return fs::path(options_.dir) / base::ToHex(options_.maker) / (base::ToHex(Chain(number)) + ".kv");
  }

  fs::path folder_;
  PrefixStoreOptions options_;
  std::unique_ptr<PrefixStore> store_;
  std::vector<std::string> warnings_;
};

TEST_F(PrefixStoreTest, SurvivesARestart) {
  Open();
  const std::uint64_t salt = store_->salt();
  for (std::uint64_t i = 1; i <= 5; ++i) Put(i);
  EXPECT_EQ(Get({1, 2, 3}), 3U);
  Open();
  EXPECT_EQ(store_->salt(), salt);
  EXPECT_TRUE(store_->Contains(Chain(5)));
  EXPECT_FALSE(store_->Contains(Chain(6)));
  EXPECT_EQ(Get({4, 5, 6, 1}), 2U) << "up to the first that is not there";
  EXPECT_EQ(fs::status(options_.dir).permissions() & fs::perms::all, fs::perms::owner_all);
}

TEST_F(PrefixStoreTest, AnotherModelFindsNothing) {
  Open();
  Put(1);
  options_.maker = {1, 3};
  Open();
  EXPECT_FALSE(store_->Contains(Chain(1)));
  EXPECT_GT(store_->bytes(), kBytes) << "but it takes room";
}

TEST_F(PrefixStoreTest, DamagedRecordsAreFoundAndRemoved) {
  Open();
  for (std::uint64_t i = 1; i <= 4; ++i) Put(i);
  {
    std::fstream file(PathOf(1), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(500);
    file.put('x');
  }
  fs::resize_file(PathOf(2), 300);
  fs::copy_file(PathOf(4), PathOf(3), fs::copy_options::overwrite_existing);  // a good record of something else
  for (const std::uint64_t number : {1, 2, 3}) {
    EXPECT_EQ(Get({number}), 0U) << number;
    EXPECT_FALSE(store_->Contains(Chain(number)));
    EXPECT_FALSE(fs::exists(PathOf(number)));
  }
  EXPECT_EQ(Get({4}), 1U);
  EXPECT_TRUE(store_->writing());
  Put(1);
  EXPECT_EQ(Get({1}), 1U);
}

TEST_F(PrefixStoreTest, TheOldestGoFirst) {
  options_.max_bytes = 4 * (kBytes + kRecordOverhead);
  Open();
  for (std::uint64_t i = 1; i <= 4; ++i) Put(i);
  EXPECT_EQ(Get({1}), 1U);  // young again
  Put(5);
  EXPECT_FALSE(store_->Contains(Chain(2)));
  EXPECT_FALSE(fs::exists(PathOf(2)));
  for (const std::uint64_t number : {1, 3, 4, 5}) EXPECT_TRUE(store_->Contains(Chain(number))) << number;
  EXPECT_LE(store_->bytes(), options_.max_bytes);
  options_.max_bytes = 2 * (kBytes + kRecordOverhead);
  Open();
  EXPECT_LE(store_->bytes(), options_.max_bytes) << "a lower bound holds from the start";
}

TEST_F(PrefixStoreTest, OtherModelsMakeRoomFirst) {
  Open();
  Put(1);
  Put(2);
  options_.maker = {9, 9};
  options_.max_bytes = 3 * (kBytes + kRecordOverhead);
  Open();
  for (std::uint64_t i = 3; i <= 5; ++i) Put(i);
  for (std::uint64_t i = 3; i <= 5; ++i) EXPECT_TRUE(store_->Contains(Chain(i)));
}

TEST_F(PrefixStoreTest, AWriteThatFailsTurnsWritingOffWithOneWarning) {
  Open();
  Put(1);
  // A folder in the record's place: as with a full disk, the write fails.
  fs::create_directories(PathOf(2) / "x");
  Put(2);
  EXPECT_FALSE(store_->writing());
  Put(3);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find(options_.dir), std::string::npos);
  EXPECT_FALSE(store_->Contains(Chain(3)));
  EXPECT_EQ(Get({1}), 1U) << "what is there is still read";
}

TEST_F(PrefixStoreTest, AFolderThatCannotBeMadeIsAnErrorAtOnce) {
  options_.dir = "/proc/no/such";
  EXPECT_EQ(PrefixStore::Open(options_).status().code(), base::StatusCode::kPermissionDenied);
  std::ofstream(folder_ / "file") << "x";
  options_.dir = (folder_ / "file").string();
  EXPECT_FALSE(PrefixStore::Open(options_).ok());
}

TEST_F(PrefixStoreTest, AFullQueueDropsRatherThanWaits) {
  options_.queue_bytes = kBytes;
  Open();
  int copied = 0;
  for (std::uint64_t i = 1; i <= 50; ++i) {
    store_->Put(Chain(i), {}, [&](std::span<std::byte>) { ++copied; });
  }
  store_->Flush();
  EXPECT_LE(copied, 50);
  EXPECT_GE(copied, 1);
  for (std::uint64_t i = 100; i <= 120; ++i)
    store_->Put(
        Chain(i), {}, [](std::span<std::byte>) {}, /*wait=*/true);
  store_->Flush();
  for (std::uint64_t i = 100; i <= 120; ++i) EXPECT_TRUE(store_->Contains(Chain(i)));
}

}  // namespace
}  // namespace bowhead::engine
