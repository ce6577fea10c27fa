// Every publicly known weakness of GGUF readers, as a file that our reader has to refuse. Each case tells its story:
// what was found, what the reader of the time did, what ours says. The sanitizer builds run them too.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "model/format/gguf_builder_for_test.h"
#include "model/format/model_file.h"

namespace bowhead::model {
namespace {

using base::StatusCode;

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kQ8 = 8;
constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

void ExpectRefused(const GgufBuilder& builder, StatusCode code, const std::string& part) {
  const std::vector<std::byte> bytes = builder.Build();
  for (const bool header_only : {false, true}) {
    const base::Status status = ModelFile::Parse(bytes, {.header_only = header_only}).status();
    EXPECT_EQ(status.code(), code) << status.ToString();
    EXPECT_NE(status.message().find(part), std::string::npos) << status.message();
  }
}

// CVE-2024-21802 (TALOS-2024-1914), llama.cpp: the number of dimensions came from the file,
// and that many values were read into an array of four: a heap overflow with chosen bytes.
// We refuse anything but 1 to 4 dimensions before reading the first of them.
TEST(GgufAdvisories, DimensionsPastTheArray) {
  ExpectRefused(GgufBuilder().Tensor("a", std::vector<std::uint64_t>(64, 1), kF32, 4), StatusCode::kDataLoss,
                "64 dimensions");
}

// CVE-2024-21825 (TALOS-2024-1912), llama.cpp: the byte size of an array of strings or numbers was
// length x element size without a check, wrapped around, and the elements overflowed the buffer.
// We hold the length against the bytes that are left before anything is allocated.
TEST(GgufAdvisories, ArrayLengthTimesElementSizeWraps) {
  for (const std::uint32_t type : {8U, 4U, 10U}) {
    for (const std::uint64_t count : {(std::uint64_t{1} << 60U) + 1, (std::uint64_t{1} << 61U) + 1, kMax}) {
      ExpectRefused(GgufBuilder().Array<std::uint64_t>("tokenizer.ggml.tokens", type, count, {1, 0x41}),
                    StatusCode::kDataLoss, "claims");
    }
  }
}

// CVE-2024-21836 (TALOS-2024-1915), llama.cpp: tensor count x entry size wrapped around,
// so that the table of a huge count got a small buffer.
// We hold the count against the bytes that are left; an entry takes at least 33.
TEST(GgufAdvisories, TensorCountTimesEntrySizeWraps) {
  for (const std::uint64_t count : {std::uint64_t{0x0222222222222223}, std::uint64_t{1} << 59U, kMax}) {
    ExpectRefused(GgufBuilder().ClaimTensors(count).Tensor("a", {8}, kF32, 32), StatusCode::kDataLoss, "claims");
  }
}

// CVE-2024-23496 (TALOS-2024-1913), llama.cpp: a string got length + 1 bytes; a length of 2^64 - 1 got none,
// and reading the string wrote past it.
// We compare lengths with what is left of the file and never add to them.
TEST(GgufAdvisories, StringLengthPlusOneWraps) {
  std::vector<std::byte> raw(24, std::byte{0x41});
  const std::uint32_t string_type = 8;
  std::memcpy(raw.data(), &string_type, sizeof(string_type));
  std::memcpy(raw.data() + 4, &kMax, sizeof(kMax));
  ExpectRefused(GgufBuilder().RawPair("general.name", raw), StatusCode::kDataLoss, "general.name");
}

// CVE-2024-23605 (TALOS-2024-1916), llama.cpp: key count x pair size wrapped around as the tensor count did.
// The table of pairs was written past a small buffer.
// We hold the count against the bytes that are left; a pair takes at least 14.
TEST(GgufAdvisories, KeyCountTimesPairSizeWraps) {
  for (const std::uint64_t count : {std::uint64_t{0x0555555555555556}, std::uint64_t{1} << 58U, kMax}) {
    ExpectRefused(GgufBuilder().ClaimPairs(count).U32("a", 1), StatusCode::kDataLoss, "claims");
  }
}

// CVE-2024-39720, Ollama: a file of nothing but the four magic bytes made the server read past its end and die.
// Two requests were enough.
// We say where the file ends.
TEST(GgufAdvisories, MagicAndNothingElse) {
  const std::vector<std::byte> bytes = GgufBuilder().Build();
  for (std::size_t size = 4; size < 24; ++size) {
    const std::vector<std::byte> start(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const base::Status status = ModelFile::Parse(start).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_NE(status.message().find("ends at byte " + std::to_string(size)), std::string::npos) << status.message();
  }
}

// CVE-2025-0315, Ollama: a small file that claims long strings or arrays made the server allocate
// all memory of the machine. llama.cpp had the same (issue 19003), its Python reader too (pull request 27188).
// No allocation of ours is larger than what the file itself justifies.
TEST(GgufAdvisories, SmallFileLargeAllocation) {
  ExpectRefused(GgufBuilder().Array<std::uint8_t>("a", 0, std::uint64_t{1} << 40U, {1}), StatusCode::kDataLoss,
                "claims 1099511627776 elements");
  ExpectRefused(GgufBuilder().ClaimTensors(std::uint64_t{1} << 36U), StatusCode::kDataLoss, "claims");
  ExpectRefused(GgufBuilder().ClaimPairs(std::uint64_t{1} << 36U), StatusCode::kDataLoss, "claims");
}

// CVE-2025-0317, Ollama: an alignment of 0 was divided by. llama.cpp's reader took any power of two without
// a bound (pull request 24997) and asserted when the key had another type (pull request 26318).
// We allow powers of two from 8 to 2^20, of any integer type.
TEST(GgufAdvisories, HostileAlignment) {
  for (const std::uint32_t alignment : {0U, 3U, 0x80000000U}) {
    ExpectRefused(GgufBuilder().U32("general.alignment", alignment).Tensor("a", {8}, kF32, 32), StatusCode::kDataLoss,
                  "general.alignment is " + std::to_string(alignment));
  }
  ExpectRefused(GgufBuilder().Number("general.alignment", GgufValueType::kInt32, -32), StatusCode::kDataLoss,
                "general.alignment");
  ExpectRefused(GgufBuilder().Texts("general.alignment", {"32"}), StatusCode::kDataLoss, "general.alignment");
}

// CVE-2025-53630 (GHSA-vgg9-87g3-85w8), llama.cpp: the sum of all tensor sizes wrapped around, the data got a
// small buffer, and the tensors pointed past it.
// We never sum sizes: each tensor is held against the file and against its neighbour by itself.
TEST(GgufAdvisories, SumOfTensorSizesWraps) {
  GgufBuilder builder;
  const std::uint64_t elements = std::uint64_t{1} << 60U;  // 2^62 bytes; four of them wrap to 0
  for (std::uint64_t i = 0; i < 4; ++i) builder.Entry("t" + std::to_string(i), {elements}, kF32, i << 62U);
  ExpectRefused(builder.DataBytes(64), StatusCode::kDataLoss, "63 bits");
}

// CVE-2026-27940 (GHSA-3p4r-fq3f-q74v), llama.cpp: after the fix above, the sum of table and data sizes
// could still wrap, and the file was read into a buffer that was too small. Issue 15711 is its count-only form.
// A mapped file needs no such sum; sizes that only fit together by wrapping are refused.
TEST(GgufAdvisories, SumOfTableAndDataWraps) {
  ExpectRefused(GgufBuilder().Entry("a", {kMax / 4 - 64}, kF32, 0).DataBytes(64), StatusCode::kDataLoss, "63 bits");
  ExpectRefused(GgufBuilder().Entry("a", {8}, kF32, kMax - 31).DataBytes(64), StatusCode::kDataLoss, "63 bits");
}

// CVE-2026-33298 (GHSA-96jg-mvhq-q7q7), llama.cpp: the byte size of one tensor wrapped around, so that exabytes
// of elements got a few megabytes. Issues 26978 (padding the size wraps) and 27203 (the product of the dimensions
// turns negative) are the same by other ways. We check the product, then the bytes, in 63 bits, before use.
TEST(GgufAdvisories, SizeOfOneTensorWraps) {
  ExpectRefused(GgufBuilder().Tensor("a", {1024, (std::uint64_t{1} << 52U) + 1}, kF32, 64), StatusCode::kDataLoss,
                "63 bits");
  ExpectRefused(GgufBuilder().Tensor("a", {1152, (std::uint64_t{1} << 60U) + 1}, kQ8, 64), StatusCode::kDataLoss,
                "63 bits");
  ExpectRefused(GgufBuilder().Tensor("a", {4, 1073741823, 1073741825}, kF32, 64), StatusCode::kDataLoss, "63 bits");
  ExpectRefused(GgufBuilder().Tensor("a", {std::uint64_t{1} << 63U, 2}, kF32, 64), StatusCode::kDataLoss, "63 bits");
  ExpectRefused(GgufBuilder().Tensor("a", {kMax, 2}, kF32, 64), StatusCode::kDataLoss, "63 bits");
  ExpectRefused(GgufBuilder().Tensor("a", {kMax / 4}, kF32, 64), StatusCode::kDataLoss, "63 bits");
}

// llama.cpp pull request 19856: a tensor type of 2^31 and more turned negative and indexed before the table of types.
// Types that exist no more (4, 5) and types that the table skips had no size.
// We look the code up and refuse by number what is not there.
TEST(GgufAdvisories, TypeOutsideTheTable) {
  for (const std::uint32_t type : {4U, 5U, 31U, 1000U, 0x80000000U, 0xFFFFFFFFU}) {
    ExpectRefused(GgufBuilder().Tensor("a", {256}, type, 64), StatusCode::kUnimplemented,
                  "type " + std::to_string(type));
  }
}

// CVE-2026-7482, Ollama ("Bleeding Llama"): shape and offset of a tensor reached past the end of the file;
// quantizing it read the heap behind the buffer, and the leaked memory could be fetched as a model.
// A tensor whose bytes are not wholly in the file is refused, with the number of bytes that are missing.
TEST(GgufAdvisories, TensorReachesPastTheFile) {
  const std::vector<std::byte> bytes = GgufBuilder().Tensor("a", {1024}, kF32, 64).Build();
  const base::Status status = ModelFile::Parse(bytes).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(status.message().find("4032 bytes further"), std::string::npos) << status.message();
}

// CVE-2025-49847, llama.cpp: the length of a token's text was cast to 32 bits with a sign, became negative, passed the
// check against the buffer, and the text was copied over the heap.
// Lengths stay 64 bits wide here; a text has to be in the file, and one of 70,000 bytes comes back whole.
TEST(GgufAdvisories, TokenTextLongerThan31Bits) {
  for (const std::uint64_t size : {std::uint64_t{1} << 31U, (std::uint64_t{1} << 32U) - 1, std::uint64_t{1} << 63U}) {
    ExpectRefused(GgufBuilder().Array<std::uint64_t>("tokenizer.ggml.tokens", 8, 1, {size, 0x4141}),
                  StatusCode::kDataLoss, "tokenizer.ggml.tokens");
  }
  const std::string text(70000, 't');
  const std::vector<std::byte> bytes = GgufBuilder().Texts("tokenizer.ggml.tokens", {text}).Build();
  const auto file = ModelFile::Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(*(*file)->metadata().GetStrings("tokenizer.ggml.tokens"), StringArray{text});
}

// Arrays in arrays: readers that descend by recursion run out of stack on a file of 12 bytes per level.
// No model needs them.
// We refuse the first level.
TEST(GgufAdvisories, ArraysInArrays) {
  std::vector<std::uint32_t> levels;
  for (int i = 0; i < 100000; ++i) levels.insert(levels.end(), {9, 1, 0});
  ExpectRefused(GgufBuilder().Array<std::uint32_t>("a", 9, 1, levels), StatusCode::kUnimplemented, "in an array");
}

// Two entries of one name, or two tensors of the same bytes: readers disagree about which one counts, so that a
// scanner can see another model than the server runs.
// We refuse both.
TEST(GgufAdvisories, AmbiguousFiles) {
  ExpectRefused(GgufBuilder().U32("a", 1).Text("a", "b"), StatusCode::kDataLoss, "twice");
  ExpectRefused(GgufBuilder().Entry("a", {8}, kF32, 0).Entry("a", {8}, kF32, 32).DataBytes(64), StatusCode::kDataLoss,
                "twice");
  ExpectRefused(GgufBuilder().Entry("a", {8}, kF32, 0).Entry("b", {8}, kF32, 0).DataBytes(64), StatusCode::kDataLoss,
                "overlaps");
}

// The files of tests/regressions/gguf: finds of the fuzzer and of others. README.md there tells their stories.
TEST(GgufAdvisories, CollectedFiles) {
  const char* regressions = std::getenv("BOWHEAD_REGRESSIONS");  // set by ctest
  const std::filesystem::path folder =
      (regressions != nullptr ? std::filesystem::path(regressions) : std::filesystem::path(__FILE__).parent_path()) /
      "gguf";
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".bin") continue;
    ++count;
    EXPECT_FALSE(ModelFile::Open(entry.path()).ok()) << entry.path();
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    EXPECT_FALSE(ModelFile::Parse(std::as_bytes(std::span(text))).ok()) << entry.path();
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace bowhead::model
