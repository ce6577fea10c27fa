// From a file to a drafter.
#pragma once

#include <memory>

#include "base/status.h"
#include "engine/engine.h"
#include "engine/speculation/drafter.h"
#include "model/format/model_file.h"

namespace bowhead::engine {

/// Loads options.speculation.draft_model to draft for `target`, with the same threads and instruction set and a KV
/// cache for contexts of `context_length` tokens: as many as run at once, or what a sixteenth of the available memory
/// holds, but at least one. Errors: those of Transformer::Load, and kInvalidArgument (other vocabularies), all of them
/// naming the draft model.
base::Result<std::unique_ptr<Drafter>> LoadDraftModel(const model::ModelFile& target, const EngineOptions& options,
                                                      int context_length);

}  // namespace bowhead::engine
