#include "kernels/tensor_type.h"

#include <algorithm>

#include "base/text.h"

namespace bowhead::kernels {

std::optional<TensorType> ParseTensorType(std::string_view name) {
  const auto* it = std::find_if(kTensorTypes.begin(), kTensorTypes.end(), [name](const TensorTypeInfo& info) {
    return base::EqualsIgnoringCase(name, info.name);
  });
  if (it == kTensorTypes.end()) return std::nullopt;
  return it->type;
}

}  // namespace bowhead::kernels
