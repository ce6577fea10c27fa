// Fuzzes the model file reader: any bytes give a model or an error, and a model's tensors lie within the bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "model/format/model_file.h"

namespace {

// Reads every byte that a caller could reach, so that AddressSanitizer sees a span that leaves its file.
std::uint64_t Touch(const bowhead::model::ModelFile& file) {
  std::uint64_t sum = file.metadata().values().size();
  for (const bowhead::model::Tensor& tensor : file.tensors()) {
    if (file.FindTensor(tensor.name) != &tensor) std::abort();
    if (!tensor.data.empty() && tensor.data.size() != tensor.num_bytes()) std::abort();
    for (const std::byte byte : tensor.data) sum += std::to_integer<std::uint64_t>(byte);
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of exactly that size in fresh memory: aligned, and with red zones around it.
  const std::vector<std::uint8_t> bytes(data, data + size);
  volatile std::uint64_t sink = 0;
  for (const bool header_only : {false, true}) {
    const auto file = bowhead::model::ModelFile::Parse(std::as_bytes(std::span(bytes)), {.header_only = header_only});
    if (file.ok()) sink = sink + Touch(**file);
  }
  return 0;
}
