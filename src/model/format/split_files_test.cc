#include "model/format/split_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "model/format/gguf_builder_for_test.h"
#include "model/format/model_file.h"

namespace bowhead::model {
namespace {

using base::StatusCode;

TEST(SplitName, TakesNamesApart) {
  const auto name = ParseSplitName("some/where/big-00002-of-00012.gguf");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->prefix, "some/where/big");
  EXPECT_EQ(name->number, 2U);
  EXPECT_EQ(name->count, 12U);
  EXPECT_EQ(name->PathOf(11), "some/where/big-00011-of-00012.gguf");
}

TEST(SplitName, LeavesOtherNamesAlone) {
  for (const char* path : {"", "model.gguf", "-00001-of-00002.gguf", "m-00000-of-00002.gguf", "m-00003-of-00002.gguf",
                           "m-0001-of-00002.gguf", "m-00001-of-00002.bin", "m-0000a-of-00002.gguf",
                           "m_00001-of-00002.gguf", "m-00001_of-00002.gguf"}) {
    EXPECT_FALSE(ParseSplitName(path).has_value()) << path;
  }
}

class SplitFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("split_files_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string PathOf(std::uint32_t number) const {
    return SplitName{folder_ / "m", number, 3}.PathOf(number);
  }
  void Write(const std::string& path, const GgufBuilder& builder) const {
    const std::vector<std::byte> bytes = builder.Build();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  static GgufBuilder Part(std::uint16_t index, std::uint16_t count = 3, std::uint32_t num_tensors = 3) {
    GgufBuilder builder;
    builder.U16("split.no", index).U16("split.count", count).U32("split.tensors.count", num_tensors);
    return builder;
  }
  static GgufBuilder GoodPart(std::uint16_t index) {
    GgufBuilder builder = Part(index);
    if (index == 0) builder.Text("general.architecture", "llama");
    builder.Tensor("t" + std::to_string(index), {8, index + 1U}, 0, 32 * (index + 1U));
    return builder;
  }
  void WriteGood() const {
    for (std::uint16_t i = 0; i < 3; ++i) Write(PathOf(i + 1U), GoodPart(i));
  }
  void ExpectError(const std::string& path, StatusCode code, const std::string& text) const {
    const base::Status status = ModelFile::Open(path).status();
    EXPECT_EQ(status.code(), code) << status.ToString();
    EXPECT_NE(status.message().find(text), std::string::npos) << status.message();
  }

  std::filesystem::path folder_;
};

TEST_F(SplitFilesTest, AnyPartOpensTheWhole) {
  WriteGood();
  for (std::uint32_t named = 1; named <= 3; ++named) {
    const auto file = ModelFile::Open(PathOf(named));
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    EXPECT_EQ((*file)->path(), PathOf(named));
    EXPECT_EQ(*(*file)->metadata().GetString("general.architecture"), "llama");
    ASSERT_EQ((*file)->tensors().size(), 3U);
    for (std::uint32_t i = 0; i < 3; ++i) {
      const Tensor& tensor = (*file)->tensors()[i];
      EXPECT_EQ(tensor.name, "t" + std::to_string(i));
      EXPECT_EQ(tensor.data.size(), 32U * (i + 1));
      EXPECT_EQ(tensor.data.back(), std::byte{0x5A});
      EXPECT_EQ((*file)->FindTensor(tensor.name), &tensor);
      (*file)->DontNeed(tensor.data);
    }
  }
  std::uint64_t bytes = 0;
  for (std::uint32_t i = 1; i <= 3; ++i) bytes += std::filesystem::file_size(PathOf(i));
  EXPECT_EQ((*ModelFile::Open(PathOf(1)))->file_bytes(), bytes);
}

TEST_F(SplitFilesTest, NamesAMissingPart) {
  WriteGood();
  std::filesystem::remove(PathOf(3));
  ExpectError(PathOf(1), StatusCode::kNotFound, "m-00003-of-00003.gguf");
}

TEST_F(SplitFilesTest, NeedsTheUsualNames) {
  WriteGood();
  const std::string other = folder_ / "other.gguf";
  std::filesystem::rename(PathOf(2), other);
  ExpectError(other, StatusCode::kInvalidArgument, "NAME-00002-of-00003.gguf");
}

TEST_F(SplitFilesTest, RefusesSwappedParts) {
  WriteGood();
  Write(PathOf(2), GoodPart(2));
  Write(PathOf(3), GoodPart(1));
  ExpectError(PathOf(1), StatusCode::kDataLoss, "does not belong");
  ExpectError(PathOf(2), StatusCode::kInvalidArgument, "part 3 of 3");
}

TEST_F(SplitFilesTest, RefusesPartsOfAnotherModel) {
  WriteGood();
  Write(PathOf(2), Part(1, 3, 4).Tensor("t1", {8}, 0, 32));
  ExpectError(PathOf(1), StatusCode::kDataLoss, "does not belong");
  Write(PathOf(2), Part(1).Text("general.architecture", "qwen2").Tensor("t1", {8}, 0, 32));
  ExpectError(PathOf(1), StatusCode::kDataLoss, "general.architecture");
  Write(PathOf(2), Part(1).Tensor("t0", {8}, 0, 32));
  ExpectError(PathOf(1), StatusCode::kDataLoss, "appears in");
  Write(PathOf(2), Part(1));
  ExpectError(PathOf(1), StatusCode::kDataLoss, "hold 2 tensors");
}

TEST_F(SplitFilesTest, NamesTheDamagedPart) {
  WriteGood();
  std::filesystem::resize_file(PathOf(2), std::filesystem::file_size(PathOf(2)) - 5);
  ExpectError(PathOf(1), StatusCode::kDataLoss, "m-00002-of-00003.gguf: the file has");
  ExpectError(PathOf(1), StatusCode::kDataLoss, "5 bytes further");
}

TEST_F(SplitFilesTest, RefusesBadKeys) {
  const std::string path = folder_ / "one.gguf";
  Write(path, GgufBuilder().U16("split.count", 5000).U16("split.no", 1));
  ExpectError(path, StatusCode::kDataLoss, "split.count is 5000");
  Write(path, GgufBuilder().Text("split.count", "x"));
  ExpectError(path, StatusCode::kDataLoss, "split.count");
  Write(path, GgufBuilder().U16("split.count", 2).U16("split.no", 2));
  ExpectError(path, StatusCode::kDataLoss, "split.no is 2");
  Write(path, GgufBuilder().U16("split.count", 2));
  ExpectError(path, StatusCode::kDataLoss, "split.no is missing");
  Write(path, GgufBuilder().U16("split.count", 2).U16("split.no", 0).Text("split.tensors.count", "x"));
  ExpectError(path, StatusCode::kDataLoss, "split.tensors.count");
}

TEST_F(SplitFilesTest, OnePartIsAWholeModel) {
  const std::string path = folder_ / "one.gguf";
  Write(path, Part(0, 1, 1).Tensor("t0", {8}, 0, 32));
  EXPECT_TRUE(ModelFile::Open(path).ok());
}

TEST_F(SplitFilesTest, MemoryCannotBeAPart) {
  const std::vector<std::byte> bytes = GoodPart(0).Build();
  EXPECT_EQ(ModelFile::Parse(bytes).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bowhead::model
