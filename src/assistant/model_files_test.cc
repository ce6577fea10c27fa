#include "assistant/model_files.h"

#include <gtest/gtest.h>

#include <fstream>

namespace bowhead::assistant {
namespace {

namespace fs = std::filesystem;

class ModelFilesTest : public testing::Test {
 protected:
  ModelFilesTest() : folder_(fs::path(testing::TempDir()) / "bowhead_model_files_test") {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~ModelFilesTest() override { fs::remove_all(folder_); }

  std::string Make(const std::string& name) {
    std::ofstream(folder_ / name) << "x";
    return (folder_ / name).string();
  }
  std::string Found(const std::string& name) {
    const base::Result<std::string> found = FindModelFile(name, folder_);
    return found.ok() ? *found : found.status().ToString();
  }

  fs::path folder_;
};

TEST_F(ModelFilesTest, APathMeansItsFile) {
  const std::string path = Make("some file");
  EXPECT_EQ(Found(path), path);
  EXPECT_EQ(Found("no/such.gguf"), "no/such.gguf");  // opening it will say what is wrong
}

TEST_F(ModelFilesTest, ANameMeansAFileOfTheFolder) {
  const std::string path = Make("Qwen.Q8_0.gguf");
  Make("Qwen.Q8_0.gguf.packed");
  for (const char* name : {"Qwen.Q8_0.gguf", "Qwen.Q8_0", "Qwen"}) EXPECT_EQ(Found(name), path);
}

TEST_F(ModelFilesTest, DefaultIsTheModelOfMakeRun) {
  EXPECT_NE(Found("default").find("tools/fetch.py default-model"), std::string::npos) << Found("default");
  const std::string path = Make("SmolLM2-135M-Instruct.Q4_1.gguf");
  EXPECT_EQ(Found("default"), path);
}

TEST_F(ModelFilesTest, WhatFitsTwiceOrNotAtAllIsAnErrorThatNamesWhatIsThere) {
  Make("Qwen.Q4_0.gguf");
  Make("Qwen.Q8_0.gguf");
  EXPECT_EQ(Found("Qwen"), "INVALID_ARGUMENT: several models fit the name 'Qwen': Qwen.Q4_0.gguf, Qwen.Q8_0.gguf");
  const base::Status status = FindModelFile("Llama", folder_).status();
  EXPECT_EQ(status.code(), base::StatusCode::kNotFound);
  EXPECT_NE(status.message().find("Qwen.Q4_0.gguf, Qwen.Q8_0.gguf"), std::string::npos) << status.message();
  EXPECT_EQ(FindModelFile("", folder_).status().code(), base::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bowhead::assistant
