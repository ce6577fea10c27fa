// How a model is loaded, as the setters of bowhead_options collect it.
#pragma once

#include <bowhead/bowhead.h>

#include "assistant/load_model.h"
#include "capi/error.h"

struct bowhead_options {
  bowhead_options();

  bowhead::assistant::LoadOptions load;
  bool lookup = true;  // "speculate"
  bool draft = true;
  bowhead_progress progress = nullptr;
  void* user_data = nullptr;
};

namespace bowhead::capi {

/// What the loader takes. Errors: options that contradict each other.
base::Result<assistant::LoadOptions> ToLoadOptions(const bowhead_options& options);

}  // namespace bowhead::capi
