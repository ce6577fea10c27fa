#include "kernels/code_block_reader.h"

namespace bowhead::kernels {

CodeBlock ReadCodeBlock(TensorType type, const std::byte* row, std::size_t index) {
  CodeBlock block;
  WithQuantizedType(type, [&]<TensorType kType>() { block = ReadCodeBlockOf<kType>(row, index); });
  return block;
}

}  // namespace bowhead::kernels
