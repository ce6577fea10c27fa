#include "model/arch/packed_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/replacing_file.h"
#include "model/arch/tiny_model_for_test.h"
#include "model/arch/transformer.h"

namespace bowhead::model {
namespace {

using Bytes = std::vector<char>;

class PackedCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "bowhead-packed-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    tiny_.feed_forward = 4096;  // more than one chunk
    tiny_.embd = 128;
    WriteModel();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string ModelPath() const { return folder_ + "/tiny.gguf"; }

  void WriteModel() {
    ASSERT_TRUE(tiny_.Build().ok());
    Write(ModelPath(), Bytes(reinterpret_cast<const char*>(tiny_.bytes.data()),
                             reinterpret_cast<const char*>(tiny_.bytes.data() + tiny_.bytes.size())));
  }

  static void Write(const std::string& path, const Bytes& bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  static Bytes Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  PackedCacheOptions Options() {
    return {PackedCacheOptions::Mode::kFolder, folder_ + "/cache", [this](const std::string& w) { warnings_ += w; }};
  }

  std::string CachePath() {
    const auto file = ModelFile::Open(ModelPath());
    return file.ok() ? PackedCachePaths(**file, Options()).front() : std::string();
  }

  /// Logits after some tokens; empty if loading failed.
  std::vector<float> Logits(const PackedCacheOptions& cache) {
    warnings_.clear();
    const auto file = ModelFile::Open(ModelPath());
    if (!file.ok()) return {};
    TransformerOptions options;
    options.threads = 2;
    options.kv_blocks = 2;
    options.packed_cache = cache;
    auto model = Transformer::Load(*file, options);
    if (!model.ok()) return {};
    const std::vector<TokenId> tokens = {1, 5, 9, 2};
    const std::vector<std::int32_t> table = {0, 1};
    const SequenceStep step{.tokens = tokens, .position = 0, .block_table = table, .output = StepOutput::kLastLogits};
    const auto result = (*model)->Forward(std::span(&step, 1));
    if (!result.ok()) return {};
    return {result->logits.begin(), result->logits.end()};
  }

  std::string folder_;
  std::string warnings_;
  TinyModel tiny_;
};

TEST_F(PackedCacheTest, AnswersAreTheSameWithAndWithoutIt) {
  const std::vector<float> without = Logits({});
  ASSERT_FALSE(without.empty());
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/cache"));
  EXPECT_EQ(Logits(Options()), without);  // writes it
  ASSERT_TRUE(std::filesystem::exists(CachePath()));
  const auto written = std::filesystem::last_write_time(CachePath());
  EXPECT_EQ(Logits(Options()), without);  // maps it
  EXPECT_EQ(std::filesystem::last_write_time(CachePath()), written);
  EXPECT_EQ(warnings_, "");
}

TEST_F(PackedCacheTest, DamageIsFoundAndRebuilt) {
  const std::vector<float> right = Logits(Options());
  ASSERT_FALSE(right.empty());
  const std::string path = CachePath();
  const Bytes whole = Read(path);
  // One bit in the header, its table, the arena's first, middle and last bytes.
  for (const std::size_t at :
       {std::size_t{9}, std::size_t{20}, std::size_t{60}, std::size_t{85}, std::size_t{100}, std::size_t{2} << 20,
        (whole.size() + (std::size_t{2} << 20)) / 2, whole.size() - 4097}) {
    Bytes damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    std::filesystem::remove(path);
    Write(path, damaged);
    EXPECT_EQ(Logits(Options()), right) << at;
    EXPECT_EQ(Read(path), whole) << at;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{95}, std::size_t{4096}, whole.size() - 1}) {
    std::filesystem::remove(path);
    Write(path, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_EQ(Logits(Options()), right) << size;
    EXPECT_EQ(Read(path), whole) << size;
  }
}

TEST_F(PackedCacheTest, AnotherModelOfTheSameNameAndShapeIsSeen) {
  const std::vector<float> first = Logits(Options());
  Bytes model = Read(ModelPath());
  // The second highest bit of the fractions of some floats of the last matrix.
  const std::size_t from = (model.size() - 40'000) / 4 * 4;
  for (std::size_t at = from + 2; at < from + 4000; at += 4) model[at] = static_cast<char>(model[at] ^ 0x40);
  Write(ModelPath(), model);  // the same inode and size
  const std::vector<float> without = Logits({});
  ASSERT_FALSE(without.empty());
  EXPECT_EQ(Logits(Options()), without);
  EXPECT_NE(without, first);
}

TEST_F(PackedCacheTest, ATouchedModelKeepsItsCache) {
  const std::vector<float> right = Logits(Options());
  const std::string path = CachePath();
  std::filesystem::last_write_time(ModelPath(), std::filesystem::file_time_type::clock::now());
  EXPECT_EQ(Logits(Options()), right);
  EXPECT_EQ(warnings_, "");
  const auto file = ModelFile::Open(ModelPath());
  ASSERT_TRUE(file.ok());
  const auto map = base::MappedFile::Open(path);
  ASSERT_TRUE(map.ok());
  const auto head = ParsePackedCacheHead(map->bytes());
  ASSERT_TRUE(head.ok()) << head.status().message();
  EXPECT_EQ(head->identity, *(*file)->identity());  // stamped anew
}

TEST_F(PackedCacheTest, WhatCannotBeWrittenIsToldAndServedAllTheSame) {
  const std::vector<float> right = Logits({});
  PackedCacheOptions options = Options();
  options.folder = ModelPath();  // a file, not a folder
  EXPECT_EQ(Logits(options), right);
  EXPECT_NE(warnings_.find("not kept"), std::string::npos) << warnings_;
}

TEST_F(PackedCacheTest, OneProcessWritesAtATime) {
  const std::vector<float> right = Logits({});
  std::filesystem::create_directories(folder_ + "/cache");
  const auto other = base::ReplacingFile::Create(CachePath(), 100);
  ASSERT_TRUE(other.ok()) << other.status().message();
  EXPECT_EQ(Logits(Options()), right);
  EXPECT_NE(warnings_.find("another process"), std::string::npos) << warnings_;
}

TEST_F(PackedCacheTest, NoRoomIsSaidBeforeAnythingIsWritten) {
  const auto file = base::ReplacingFile::Create(folder_ + "/huge", std::uint64_t{1} << 60);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().code(), base::StatusCode::kResourceExhausted) << file.status().message();
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/huge.tmp"));
}

TEST_F(PackedCacheTest, AutomaticLeavesSmallModelsAlone) {
  PackedCacheOptions options = Options();
  options.mode = PackedCacheOptions::Mode::kAuto;
  ASSERT_FALSE(Logits(options).empty());
  EXPECT_FALSE(std::filesystem::exists(ModelPath() + ".packed"));
}

}  // namespace
}  // namespace bowhead::model
