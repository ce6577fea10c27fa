// What a KV block on disk depends on besides its tokens.
#pragma once

#include "base/content_hash.h"
#include "base/status.h"
#include "model/arch/transformer.h"
#include "model/format/model_file.h"

namespace bowhead::engine {

/// The hash of the model's content, of this program (another build may round differently), of the instruction set and
/// of the layout of KV blocks. Reads the whole model file once, at memory speed if the system has it cached. Errors:
/// those of reading files.
base::Result<base::ContentHash> StoreKey(const model::ModelFile& file, const model::Transformer& transformer);

}  // namespace bowhead::engine
