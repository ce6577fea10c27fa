#include "engine/spill/store_key.h"

#include <string>

#include "base/mapped_file.h"

namespace bowhead::engine {
namespace {

base::Status AddFile(const std::string& path, base::ContentHasher* hasher) {
  const auto file = base::MappedFile::Open(path);
  if (!file.ok()) return file.status();
  hasher->Add(file->bytes());
  file->DontNeed(file->bytes());
  return base::OkStatus();
}

}  // namespace

base::Result<base::ContentHash> StoreKey(const model::ModelFile& file, const model::Transformer& transformer) {
  base::ContentHasher hasher;
  if (base::Status status = AddFile("/proc/self/exe", &hasher); !status.ok()) return status;
  if (base::Status status = AddFile(file.path(), &hasher); !status.ok()) return status;
  // The other parts of a split file, and what of this one is used.
  for (const model::Tensor& tensor : file.tensors()) hasher.Add(tensor.data);
  hasher.Add(transformer.isa());
  hasher.Add(std::string_view(transformer.KvLayout()));
  hasher.Add(std::uint64_t{transformer.BlockBytes()});
  return hasher.Finish();
}

}  // namespace bowhead::engine
