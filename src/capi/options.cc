#include "capi/options.h"

#include <array>
#include <limits>
#include <new>
#include <string>
#include <string_view>

#include "kernels/kv_format.h"

namespace bowhead::capi {

namespace {

/// Requests of this process wait as long as they like: there is nobody else to protect from them.
constexpr int kMaxWaiting = 1 << 16;

struct IntOption {
  std::string_view name;
  std::int64_t low;
  std::int64_t high;
  void (*set)(engine::EngineOptions& engine, std::int64_t value);
};

constexpr std::array kIntOptions = {
    IntOption{"threads", 0, 1024, [](engine::EngineOptions& e, std::int64_t v) { e.threads = static_cast<int>(v); }},
    IntOption{"context_length", 0, 1 << 24,
              [](engine::EngineOptions& e, std::int64_t v) { e.context_length = static_cast<int>(v); }},
    IntOption{"kv_bytes", 0, std::numeric_limits<std::int64_t>::max(),
              [](engine::EngineOptions& e, std::int64_t v) { e.kv_bytes = static_cast<std::uint64_t>(v); }},
    IntOption{"max_running", 1, 4096,
              [](engine::EngineOptions& e, std::int64_t v) { e.max_running = static_cast<int>(v); }},
};

Outcome SetInt(bowhead_options& options, std::string_view name, std::int64_t value) {
  for (const IntOption& option : kIntOptions) {
    if (option.name != name) continue;
    if (value < option.low || value > option.high) {
      return BadParam(std::string(name), "'" + std::string(name) + "' must be from " + std::to_string(option.low) +
                                             " to " + std::to_string(option.high) + ", not " + std::to_string(value));
    }
    option.set(options.load.engine, value);
    return base::OkStatus();
  }
  return BadParam(std::string(name), "there is no number called '" + std::string(name) + "' among a model's options");
}

Outcome SetString(bowhead_options& options, std::string_view name, std::string_view value) {
  const auto must_be = [name](std::string_view what) {
    return BadParam(std::string(name), "'" + std::string(name) + "' must be " + std::string(what));
  };
  engine::EngineOptions& engine = options.load.engine;
  if (name == "device") {
    if (value != "cpu") return must_be("'cpu': this build runs on the processor only");
  } else if (name == "kv_type") {
    const auto type = kernels::ParseKvType(value);
    if (!type) return must_be("'f16', 'bf16' or 'q8'");
    engine.kv_type = *type;
  } else if (name == "isa") {
    engine.isa = value;
  } else if (name == "packed_cache") {
    if (value.empty()) return must_be("'auto', 'off' or a folder");
    engine.packed_cache = assistant::ToPackedCache(std::string(value));
  } else if (name == "chat_template") {
    options.load.chat_template = value;
  } else if (name == "draft_model") {
    engine.speculation.draft_model = value;
  } else if (name == "speculate") {
    if (value != "auto" && value != "lookup" && value != "draft" && value != "off") {
      return must_be("'auto', 'lookup', 'draft' or 'off'");
    }
    options.lookup = value == "auto" || value == "lookup";
    options.draft = value == "auto" || value == "draft";
  } else {
    return BadParam(std::string(name), "there is no text called '" + std::string(name) + "' among a model's options");
  }
  return base::OkStatus();
}

}  // namespace

base::Result<assistant::LoadOptions> ToLoadOptions(const bowhead_options& options) {
  assistant::LoadOptions load = options.load;
  engine::SpeculationOptions& speculation = load.engine.speculation;
  speculation.lookup = options.lookup;
  if (!options.lookup && !options.draft) speculation.most_draft = 0;
  if (!options.draft && !speculation.draft_model.empty()) {
    return base::InvalidArgument("'draft_model' has no use with this 'speculate'");
  }
  if (!options.lookup && options.draft && speculation.draft_model.empty()) {
    return base::InvalidArgument("'speculate' is 'draft', which needs 'draft_model'");
  }
  if (options.progress != nullptr) {
    load.engine.progress = [progress = options.progress, user_data = options.user_data](double fraction) {
      return progress(fraction, user_data) == 0;
    };
  }
  return load;
}

}  // namespace bowhead::capi

bowhead_options::bowhead_options() {
  load.engine.max_queue = bowhead::capi::kMaxWaiting;
  load.engine.max_wait_s = 0;
  load.engine.packed_cache = bowhead::assistant::ToPackedCache("auto");
}

bowhead_options* bowhead_options_new(void) {
  try {
    return new bowhead_options;
  } catch (const std::exception&) {
    return nullptr;
  }
}

void bowhead_options_free(bowhead_options* options) {
  delete options;
}

int bowhead_options_set_int(bowhead_options* options, const char* name, int64_t value, bowhead_error** error) {
  namespace capi = bowhead::capi;
  return capi::Guarded(error, [&] { return capi::SetInt(*options, capi::TextOf(name), value); });
}

int bowhead_options_set_string(bowhead_options* options, const char* name, const char* value, bowhead_error** error) {
  namespace capi = bowhead::capi;
  return capi::Guarded(error, [&] { return capi::SetString(*options, capi::TextOf(name), capi::TextOf(value)); });
}

void bowhead_options_set_progress(bowhead_options* options, bowhead_progress progress, void* user_data) {
  options->progress = progress;
  options->user_data = user_data;
}
