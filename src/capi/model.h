// A loaded model behind the C ABI.
#pragma once

#include <bowhead/bowhead.h>

#include <memory>
#include <string>

#include "serving/model_service.h"

namespace bowhead::capi {

/// Shared by its handle and its queues; never by what the engine's threads hold, as the last one to let go of it waits
/// for those threads.
struct LoadedModel {
  serving::ModelService service;
  std::shared_ptr<const serving::ServedModel> served;
  std::string tokenizer;  // texts that bowhead_model_get_string hands out
};

}  // namespace bowhead::capi

struct bowhead_model {
  std::shared_ptr<bowhead::capi::LoadedModel> loaded;
};
