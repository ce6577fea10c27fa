// dump_logits MODEL IDS OUT [--isa X] [--kv-type T] [--threads N] [--chunk N]: runs the model on int32 token ids and
// writes the float32 logits of every position, [n, vocab_size]. For the parity tests.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

#include "model/arch/transformer.h"
#include "model/format/model_file.h"

namespace {

using bowhead::model::ModelFile;
using bowhead::model::SequenceStep;
using bowhead::model::StepOutput;
using bowhead::model::Transformer;
using bowhead::model::TransformerOptions;

int Fail(const std::string& message) {
  std::cerr << "dump_logits: " << message << '\n';
  return 1;
}

std::vector<std::int32_t> ReadIds(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::vector<std::int32_t> ids(bytes.size() / 4);
  std::copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(ids.size() * 4),
            reinterpret_cast<char*>(ids.data()));
  return ids;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return Fail("usage: dump_logits MODEL IDS OUT [--isa X] [--kv-type T] [--threads N] [--chunk N]");
  TransformerOptions options;
  std::size_t chunk = 64;
  for (int i = 4; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--isa") options.isa = argv[i + 1];
    if (flag == "--kv-type") {
      const auto type = bowhead::kernels::ParseKvType(argv[i + 1]);
      if (!type) return Fail("--kv-type is f16, bf16 or q8");
      options.kv_type = *type;
    }
    if (flag == "--threads") options.threads = std::atoi(argv[i + 1]);
    if (flag == "--chunk") chunk = static_cast<std::size_t>(std::atoi(argv[i + 1]));
  }
  const std::vector<std::int32_t> ids = ReadIds(argv[2]);
  if (ids.empty() || chunk == 0) return Fail("no token ids, or a chunk of 0");
  options.max_batch_tokens = static_cast<int>(chunk);
  options.kv_blocks = static_cast<std::int64_t>(ids.size() / bowhead::model::kBlockTokens + 1);
  auto file = ModelFile::Open(argv[1]);
  if (!file.ok()) return Fail(file.status().ToString());
  auto model = Transformer::Load(*file, options);
  if (!model.ok()) return Fail(model.status().ToString());
  std::vector<std::int32_t> blocks(static_cast<std::size_t>(options.kv_blocks));
  std::iota(blocks.rbegin(), blocks.rend(), 0);  // in reverse: a block table that is not the identity
  std::ofstream out(argv[3], std::ios::binary);
  for (std::size_t at = 0; at < ids.size(); at += chunk) {
    const std::size_t n = std::min(chunk, ids.size() - at);
    const SequenceStep step{std::span(ids).subspan(at, n), static_cast<std::int32_t>(at), blocks,
                            StepOutput::kAllLogits};
    const auto result = (*model)->Forward(std::span(&step, 1));
    if (!result.ok()) return Fail(result.status().ToString());
    out.write(reinterpret_cast<const char*>(result->logits.data()),
              static_cast<std::streamsize>(result->logits.size_bytes()));
  }
  return out.good() ? 0 : Fail("cannot write the output");
}
