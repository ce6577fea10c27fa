// Which file a model's name means.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"

namespace bowhead::assistant {

/// The folder in which model files are looked for by name: `models` in $BOWHEAD_CACHE, else in ~/.cache/bowhead. Empty
/// if neither variable is set.
std::filesystem::path ModelFolder();

/// The model file that is meant. What has a '/' or is there is a path; any other text is a name in `folder`:
/// "default" (the model that `make run` fetches), a file's name with or without ".gguf", or its part before the
/// quantization if only one file has it ("SmolLM2-135M-Instruct" for SmolLM2-135M-Instruct.Q4_1.gguf). Errors:
/// kNotFound with what is there, kInvalidArgument (several files fit).
base::Result<std::string> FindModelFile(const std::string& name_or_path,
                                        const std::filesystem::path& folder = ModelFolder());

}  // namespace bowhead::assistant
