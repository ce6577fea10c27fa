#include "model/format/model_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "model/format/gguf_builder_for_test.h"

namespace bowhead::model {
namespace {

using base::StatusCode;
using kernels::TensorType;

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kF16 = 1;
constexpr std::uint32_t kQ4K = 12;

GgufBuilder Small(std::uint32_t version = 3) {
  GgufBuilder builder(version);
  builder.Text("general.architecture", "llama")
      .U32("llama.block_count", 2)
      .Number("llama.eps", GgufValueType::kFloat32, 0.5F)
      .Number("flag", GgufValueType::kBool, std::uint8_t{1})
      .Number("neg", GgufValueType::kInt8, std::int8_t{-5})
      .Array<std::uint16_t>("numbers", 2, 3, {1, 2, 65535})
      .Array<std::uint8_t>("flags", 7, 2, {1, 0})
      .Texts("words", {"a", "", "word"})
      .Tensor("one", {8}, kF32, 32)
      .Tensor("two", {256, 2}, kQ4K, 288)
      .Tensor("three", {3, 5, 2}, kF16, 60);
  return builder;
}

base::Status Error(const GgufBuilder& builder) {
  const std::vector<std::byte> bytes = builder.Build();
  return ModelFile::Parse(bytes).status();
}

void ExpectError(const GgufBuilder& builder, StatusCode code, const std::string& part) {
  const base::Status status = Error(builder);
  EXPECT_EQ(status.code(), code) << status.ToString();
  EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
}

TEST(ModelFile, ReadsBothVersions) {
  for (const std::uint32_t version : {2U, 3U}) {
    const std::vector<std::byte> bytes = Small(version).Build();
    const auto file = ModelFile::Parse(bytes);
    ASSERT_TRUE(file.ok()) << file.status().ToString();
    const ModelFile& model = **file;
    EXPECT_EQ(model.version(), version);
    EXPECT_EQ(model.path(), "");
    EXPECT_EQ(model.file_bytes(), bytes.size());
    EXPECT_EQ(*model.metadata().GetString("general.architecture"), "llama");
    EXPECT_EQ(model.metadata().GetUint("llama.block_count"), 2U);
    EXPECT_EQ(model.metadata().GetFloat("llama.eps"), 0.5);
    EXPECT_EQ(model.metadata().GetBool("flag"), true);
    EXPECT_EQ(model.metadata().GetInt("neg"), -5);
    EXPECT_EQ(model.metadata().GetInts("numbers"), (std::vector<std::int64_t>{1, 2, 65535}));
    EXPECT_EQ(model.metadata().GetBools("flags"), (std::vector<bool>{true, false}));
    EXPECT_EQ(*model.metadata().GetStrings("words"), (StringArray{"a", "", "word"}));
  }
}

TEST(ModelFile, PlacesTensors) {
  std::vector<std::byte> numbers(32);
  const float value = 1.25F;
  std::memcpy(numbers.data() + 28, &value, sizeof(value));
  const std::vector<std::byte> bytes =
      GgufBuilder().Tensor("a", {256, 3}, kQ4K, 432).Tensor("b", {4, 2}, kF32, numbers).Build();
  const auto file = ModelFile::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_EQ((*file)->tensors().size(), 2U);
  const Tensor* a = (*file)->FindTensor("a");
  const Tensor* b = (*file)->FindTensor("b");
  ASSERT_TRUE(a != nullptr && b != nullptr);
  EXPECT_EQ(a->type, TensorType::kQ4_K);
  EXPECT_EQ(a->shape, (std::array<std::uint64_t, 4>{256, 3, 1, 1}));
  EXPECT_EQ(a->rank, 2);
  EXPECT_EQ(a->num_elements(), 768U);
  EXPECT_EQ(a->data.size(), 432U);
  EXPECT_EQ(a->num_bytes(), 432U);
  EXPECT_EQ(a->data.front(), std::byte{0x5A});
  EXPECT_EQ(std::memcmp(b->data.data() + 28, &value, sizeof(value)), 0);
  EXPECT_EQ((*file)->FindTensor("c"), nullptr);
  (*file)->WillNeed(a->data);
  (*file)->DontNeed(a->data);
  EXPECT_EQ(a->data.front(), std::byte{0x5A});
}

TEST(ModelFile, ReadsAFileOfMetadataOnly) {
  const std::vector<std::byte> bytes = GgufBuilder().Text("general.architecture", "llama").Build();
  const auto file = ModelFile::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_TRUE((*file)->tensors().empty());
}

TEST(ModelFile, FollowsTheFilesAlignment) {
  GgufBuilder builder;
  builder.Alignment(128).U32("general.alignment", 128).Tensor("a", {1}, kF32, 4).Tensor("b", {1}, kF32, 4);
  const std::vector<std::byte> bytes = builder.Build();
  const auto file = ModelFile::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->FindTensor("b")->data.data() - (*file)->FindTensor("a")->data.data(), 128);
}

TEST(ModelFile, RefusesOtherAlignments) {
  for (const std::uint32_t alignment : {0U, 1U, 4U, 24U, 33U, 1U << 21U, 1U << 31U}) {
    ExpectError(GgufBuilder().U32("general.alignment", alignment).Tensor("a", {1}, kF32, 4), StatusCode::kDataLoss,
                "general.alignment");
  }
  ExpectError(GgufBuilder().Text("general.alignment", "32"), StatusCode::kDataLoss, "general.alignment");
  ExpectError(GgufBuilder().Entry("a", {1}, kF32, 4).DataBytes(64), StatusCode::kDataLoss, "multiple of 32");
}

TEST(ModelFile, HeaderOnlyNeedsNoTensorBytes) {
  const GgufBuilder builder = Small();
  std::vector<std::byte> bytes = builder.Build();
  bytes.resize(bytes.size() - 400);
  const base::Status damaged = ModelFile::Parse(bytes).status();
  EXPECT_EQ(damaged.code(), StatusCode::kDataLoss);
  EXPECT_NE(damaged.message().find("400 bytes further (to the end of 'three')"), std::string::npos)
      << damaged.message();
  const auto file = ModelFile::Parse(bytes, {.header_only = true});
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->FindTensor("two")->num_bytes(), 288U);
  EXPECT_TRUE((*file)->FindTensor("two")->data.empty());
}

TEST(ModelFile, NamesForeignFiles) {
  const auto error = [](std::string_view text) { return ModelFile::Parse(std::as_bytes(std::span(text))).status(); };
  EXPECT_EQ(error("").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(error("GG").code(), StatusCode::kInvalidArgument);
  alignas(8) static constexpr char kZip[] = "PK\x03\x04 and more";
  EXPECT_NE(error(kZip).message().find("zip"), std::string::npos);
  alignas(8) static constexpr char kOld[] = "tjgg\x03 and more";
  EXPECT_EQ(error(kOld).code(), StatusCode::kUnimplemented);
  alignas(8) static constexpr char kText[] = "{\"a\": 1}";
  EXPECT_NE(error(kText).message().find("no model file"), std::string::npos);
}

TEST(ModelFile, NamesOtherVersionsAndByteOrder) {
  ExpectError(GgufBuilder(1), StatusCode::kUnimplemented, "version 1");
  ExpectError(GgufBuilder(4), StatusCode::kUnimplemented, "version 4");
  ExpectError(GgufBuilder(0), StatusCode::kUnimplemented, "version 0");
  ExpectError(GgufBuilder(3U << 24U), StatusCode::kUnimplemented, "big-endian");
}

TEST(ModelFile, RefusesHostileCounts) {
  for (const std::uint64_t count : {std::uint64_t{12}, std::uint64_t{1} << 32U, std::uint64_t{1} << 61U,
                                    std::numeric_limits<std::uint64_t>::max()}) {
    ExpectError(Small().ClaimTensors(count), StatusCode::kDataLoss, "tensor");
    EXPECT_EQ(Error(Small().ClaimPairs(count)).code(), StatusCode::kDataLoss);
    for (std::uint32_t type = 0; type <= 12; ++type) {
      if (type == 9) continue;
      const std::uint64_t elements = count == 12 ? 40 : count;
      EXPECT_EQ(Error(GgufBuilder().Array<std::uint8_t>("a", type, elements, {1, 1, 1, 1, 1, 1, 1, 1})).code(),
                StatusCode::kDataLoss)
          << type;
    }
  }
}

// Counts that the file could hold, but that no model has: the bound on what we allocate.
TEST(ModelFile, RefusesAbsurdCountsThatTheFileHolds) {
  constexpr std::size_t kMany = (std::size_t{1} << 24U) + 1;
  ExpectError(GgufBuilder().Array<std::uint8_t>("a", 0, kMany, std::vector<std::uint8_t>(kMany)), StatusCode::kDataLoss,
              "at most 16777216");
  GgufBuilder keys;
  for (int i = 0; i < 65537; ++i) keys.U32("k" + std::to_string(i), 1);
  ExpectError(keys, StatusCode::kDataLoss, "at most 65536");
  ExpectError(GgufBuilder().ClaimTensors((1U << 20U) + 1).DataBytes(40U << 20U), StatusCode::kDataLoss,
              "at most 1048576");
}

// A sparse file with `count` texts of `size` bytes each as its metadata.
std::string WriteSparseTexts(std::uint64_t count, std::uint64_t size) {
  const std::string path = std::filesystem::temp_directory_path() / ("sparse_" + std::to_string(getpid()) + ".gguf");
  std::ofstream out(path, std::ios::binary);
  const auto put = [&out](std::span<const std::byte> bytes) {
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  };
  std::vector<std::byte> header = GgufBuilder().ClaimPairs(count).Build();
  put(header);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::vector<std::byte> pair = GgufBuilder().Text("k" + std::to_string(i), "").Build();
    std::memcpy(pair.data() + pair.size() - sizeof(size), &size, sizeof(size));
    put(std::span(pair).subspan(header.size()));
    out.seekp(static_cast<std::streamoff>(size), std::ios::cur);
  }
  out.close();
  std::filesystem::resize_file(path, header.size() + count * (8 + 2 + 4 + 8 + size));
  return path;
}

TEST(ModelFile, RefusesAbsurdMetadata) {
  const std::string one = WriteSparseTexts(1, 65U << 20U);
  const base::Status text = ModelFile::Open(one).status();
  EXPECT_NE(text.message().find("at most 67108864"), std::string::npos) << text.ToString();
  std::vector<std::uint64_t> token(1 + (65U << 17U));
  token[0] = (token.size() - 1) * sizeof(std::uint64_t);
  ExpectError(GgufBuilder().Array<std::uint64_t>("tokens", 8, 1, std::move(token)), StatusCode::kDataLoss,
              "a text of 'tokens' has 68157440 bytes");
  const std::string many = WriteSparseTexts(5, 60U << 20U);
  const base::Status whole = ModelFile::Open(many).status();
  EXPECT_NE(whole.message().find("larger than 268435456 bytes (at key 'k4')"), std::string::npos) << whole.ToString();
  std::filesystem::remove(many);
}

TEST(ModelFile, RefusesBadValues) {
  ExpectError(GgufBuilder().U32("a", 1).U32("a", 1), StatusCode::kDataLoss, "twice");
  ExpectError(GgufBuilder().U32("", 1), StatusCode::kDataLoss, "0 bytes long");
  ExpectError(GgufBuilder().U32(std::string(65536, 'k'), 1), StatusCode::kDataLoss, "65536 bytes long");
  ExpectError(GgufBuilder().U32("a\x1b[2J", 1), StatusCode::kDataLoss, "'a?[2J'");
  ExpectError(GgufBuilder().Number("b", GgufValueType::kBool, std::uint8_t{2}), StatusCode::kDataLoss, "bool");
  ExpectError(GgufBuilder().Array<std::uint8_t>("b", 7, 2, {1, 7}), StatusCode::kDataLoss, "bool");
  ExpectError(GgufBuilder().Array<std::uint8_t>("b", 13, 2, {1, 7}), StatusCode::kDataLoss, "unknown value type 13");
  ExpectError(GgufBuilder().Number("n", GgufValueType{99}, 1), StatusCode::kDataLoss, "unknown value type 99");
  ExpectError(GgufBuilder().Array<std::uint64_t>("n", 9, 1, {9, 1, 9, 1}), StatusCode::kUnimplemented, "in an array");
}

TEST(ModelFile, RefusesBadTensors) {
  ExpectError(GgufBuilder().Tensor("a", {1}, kF32, 4).Tensor("a", {1}, kF32, 4), StatusCode::kDataLoss, "twice");
  ExpectError(GgufBuilder().Tensor("", {1}, kF32, 4), StatusCode::kDataLoss, "name is 0 bytes");
  ExpectError(GgufBuilder().Tensor(std::string(256, 'n'), {1}, kF32, 4), StatusCode::kDataLoss, "name is 256 bytes");
  ExpectError(GgufBuilder().Tensor("a\nb", {1}, kF32, 4), StatusCode::kDataLoss, "'a?b'");
  ExpectError(GgufBuilder().Tensor("a-name-that-is-long", {}, kF32, 4), StatusCode::kDataLoss, "0 dimensions");
  ExpectError(GgufBuilder().Tensor("a", {1, 1, 1, 1, 1}, kF32, 4), StatusCode::kDataLoss, "5 dimensions");
  ExpectError(GgufBuilder().Tensor("a", {4, 0}, kF32, 4), StatusCode::kDataLoss, "dimension of 0");
  ExpectError(GgufBuilder().Tensor("a", {128, 2}, kQ4K, 144), StatusCode::kDataLoss, "whole blocks of 256");
  ExpectError(GgufBuilder().Tensor("a", {32}, 4, 4), StatusCode::kUnimplemented, "type 4");
  ExpectError(GgufBuilder().Tensor("a", {32}, 0xFFFFFFFFU, 4), StatusCode::kUnimplemented, "type 4294967295");
}

TEST(ModelFile, RefusesOverflowingSizes) {
  constexpr std::uint64_t kBig = std::uint64_t{1} << 32U;
  ExpectError(GgufBuilder().Tensor("a", {kBig, kBig}, kF32, 4), StatusCode::kDataLoss, "63 bits");
  ExpectError(GgufBuilder().Tensor("a", {kBig, kBig >> 1U, 2, 2}, kF32, 4), StatusCode::kDataLoss, "63 bits");
  ExpectError(GgufBuilder().Tensor("a", {std::uint64_t{1} << 62U}, kF32, 4), StatusCode::kDataLoss, "63 bits");
  ExpectError(GgufBuilder().Entry("a", {8}, kF32, ~std::uint64_t{31}).DataBytes(64), StatusCode::kDataLoss, "63 bits");
  ExpectError(GgufBuilder().Entry("a", {8}, kF32, std::uint64_t{1} << 62U).DataBytes(64), StatusCode::kDataLoss,
              "cut off");
}

TEST(ModelFile, RefusesTensorsThatOverlapOrLeaveTheFile) {
  ExpectError(GgufBuilder().Entry("a", {16}, kF32, 0).Entry("b", {8}, kF32, 32).DataBytes(64), StatusCode::kDataLoss,
              "overlaps");
  ExpectError(GgufBuilder().Entry("a", {8}, kF32, 32).Entry("b", {8}, kF32, 32).DataBytes(64), StatusCode::kDataLoss,
              "overlaps");
  ExpectError(GgufBuilder().Entry("b", {8}, kF32, 32).Entry("a", {9}, kF32, 0).DataBytes(64), StatusCode::kDataLoss,
              "overlaps");
  ExpectError(GgufBuilder().Entry("a", {8}, kF32, 64).DataBytes(64), StatusCode::kDataLoss, "32 bytes further");
  EXPECT_TRUE(Error(GgufBuilder().Entry("b", {8}, kF32, 32).Entry("a", {8}, kF32, 0).DataBytes(64)).ok());
}

// Every prefix of a file is damaged, except that a header-only reader needs no more than the header.
TEST(ModelFile, RefusesEveryTruncation) {
  const std::vector<std::byte> whole = Small().Build();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of exactly that size, so that AddressSanitizer sees any read past it.
    const std::vector<std::byte> bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(ModelFile::Parse(bytes).ok()) << size;
    (void)ModelFile::Parse(bytes, {.header_only = true});
  }
}

// Nothing that a single byte does makes the reader misbehave (the sanitizers would tell); whatever it accepts is in
// bounds.
TEST(ModelFile, SurvivesEveryMutation) {
  const std::vector<std::byte> whole = Small().Build();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int value : {0, 1, 0x7F, 0x80, 0xFF, -1, -2}) {
      std::vector<std::byte> bytes = whole;
      bytes[at] =
          value >= 0 ? static_cast<std::byte>(value) : bytes[at] ^ static_cast<std::byte>(value == -1 ? 1 : 0x40);
      const auto file = ModelFile::Parse(bytes);
      if (!file.ok()) continue;
      for (const Tensor& tensor : (*file)->tensors()) {
        ASSERT_GE(tensor.data.data(), bytes.data());
        ASSERT_LE(tensor.data.data() + tensor.data.size(), bytes.data() + bytes.size());
        ASSERT_EQ(tensor.data.size(), tensor.num_bytes());
      }
    }
  }
}

TEST(ModelFile, RefusesMisalignedMemory) {
  std::vector<std::byte> bytes = Small().Build();
  bytes.insert(bytes.begin(), std::byte{0});
  EXPECT_EQ(ModelFile::Parse(std::span(bytes).subspan(1)).status().code(), StatusCode::kInvalidArgument);
}

// Real files, where they are at hand.
TEST(ModelFile, OpensRealModels) {
  const char* folder = std::getenv("BOWHEAD_CACHE");
  const char* home = std::getenv("HOME");
  const std::filesystem::path cache =
      folder != nullptr ? folder : std::filesystem::path(home != nullptr ? home : "") / ".cache" / "bowhead";
  const std::string smol = cache / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(smol)) GTEST_SKIP() << "no models in the cache folder; fetch them with tools/fetch.py";
  const auto file = ModelFile::Open(smol);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ((*file)->tensors().size(), 272U);
  EXPECT_EQ((*file)->metadata().GetUint("llama.block_count"), 30U);
  EXPECT_EQ((*file)->FindTensor("token_embd.weight")->shape[1], 49152U);

  const std::string deepseek = cache / "models" / "DeepSeek-R1-Distill-Qwen-7B.Q4_K_M.header.part";
  if (!std::filesystem::exists(deepseek)) return;
  const base::Status cut = ModelFile::Open(deepseek).status();
  EXPECT_EQ(cut.code(), StatusCode::kDataLoss);
  EXPECT_NE(cut.message().find("4583458528 bytes further"), std::string::npos) << cut.message();
  const auto header = ModelFile::Open(deepseek, {.header_only = true});
  ASSERT_TRUE(header.ok()) << header.status().ToString();
  EXPECT_EQ((*header)->tensors().size(), 339U);
}

}  // namespace
}  // namespace bowhead::model
