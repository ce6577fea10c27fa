#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace bowhead::base {
namespace {

class MappedFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("mapped_file_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  std::filesystem::path folder_;
};

std::string Text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(MappedFileTest, HoldsTheBytesOfTheFile) {
  Result<MappedFile> file = MappedFile::Open(Write("a", "seven b"));
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(Text(*file), "seven b");
}

TEST_F(MappedFileTest, MovesOwnership) {
  Result<MappedFile> first = MappedFile::Open(Write("a", "first"));
  Result<MappedFile> second = MappedFile::Open(Write("b", "second"));
  ASSERT_TRUE(first.ok() && second.ok());
  *first = std::move(*second);
  EXPECT_EQ(Text(*first), "second");
  EXPECT_TRUE(second->bytes().empty());
  const MappedFile third(std::move(*first));
  EXPECT_EQ(Text(third), "second");
}

TEST_F(MappedFileTest, StaysReadableWhenTheNameIsGone) {
  const std::string path = Write("a", "still here");
  Result<MappedFile> file = MappedFile::Open(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(Text(*file), "still here");
}

TEST_F(MappedFileTest, AdviceKeepsTheBytes) {
  const std::string text(100000, 'x');
  Result<MappedFile> file = MappedFile::Open(Write("a", text));
  ASSERT_TRUE(file.ok());
  const auto bytes = file->bytes();
  file->WillNeed(bytes);
  file->DontNeed(bytes);
  file->DontNeed(bytes.subspan(1, 5000));
  file->DontNeed(bytes.subspan(99999));
  file->DontNeed({});
  EXPECT_EQ(Text(*file), text);
}

// DONTNEED would zero pages of ordinary memory: a range that is not of the mapping must be left alone.
TEST_F(MappedFileTest, AdviceSparesOtherMemory) {
  Result<MappedFile> file = MappedFile::Open(Write("a", "text"));
  ASSERT_TRUE(file.ok());
  const std::string memory(100000, 'm');
  file->DontNeed(std::as_bytes(std::span(memory)));
  EXPECT_EQ(memory, std::string(100000, 'm'));
}

TEST_F(MappedFileTest, NamesWhatIsWrong) {
  EXPECT_EQ(MappedFile::Open("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(MappedFile::Open(folder_ / "missing").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(MappedFile::Open(Write("file", "x") + "/inner").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(MappedFile::Open(std::string(10000, 'n')).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(MappedFile::Open(std::string("a\0b", 3)).status().code(), StatusCode::kInvalidArgument);

  const Status folder = MappedFile::Open(folder_).status();
  EXPECT_EQ(folder.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(folder.message().find("directory"), std::string::npos);
  const Status empty = MappedFile::Open(Write("empty", "")).status();
  EXPECT_EQ(empty.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(empty.message().find("empty"), std::string::npos);
}

TEST_F(MappedFileTest, RefusesAPipeWithoutWaitingForIt) {
  const std::string path = folder_ / "pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(MappedFile::Open(path).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(MappedFileTest, RefusesWhatTheUserMayNotRead) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const std::string path = Write("secret", "x");
  std::filesystem::permissions(path, std::filesystem::perms::none);
  EXPECT_EQ(MappedFile::Open(path).status().code(), StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace bowhead::base
