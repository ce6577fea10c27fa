#include "assistant/load_model.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "assistant/model_files.h"
#include "assistant/prompt.h"
#include "model/format/model_file.h"

namespace bowhead::assistant {

namespace {

constexpr std::uintmax_t kMaxTemplateBytes = 1 << 20;

/// A chat template is a file if there is one of that name, else the name of a built-in template.
base::Result<std::optional<std::string>> ReadTemplateFile(const std::string& name) {
  std::error_code error;
  if (name.empty() || !std::filesystem::is_regular_file(name, error)) return std::optional<std::string>();
  if (std::filesystem::file_size(name, error) > kMaxTemplateBytes) {
    return base::InvalidArgument("the chat template '" + name + "' is larger than 1 MiB");
  }
  std::ifstream file(name, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) return base::PermissionDenied("the chat template '" + name + "' cannot be read");
  return std::optional<std::string>(std::move(text));
}

/// The names that the model answers to: aliases, its file's stem, the name in its metadata.
std::vector<std::string> NamesOf(const std::vector<std::string>& aliases, const std::string& path,
                                 const model::Metadata& metadata) {
  std::vector<std::string> names = aliases;
  const std::string* own = metadata.GetString("general.name");
  for (const std::string& name : {std::filesystem::path(path).stem().string(), own == nullptr ? std::string() : *own}) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  if (names.empty()) names.emplace_back("model");
  return names;
}

}  // namespace

base::Result<serving::ServedModel> LoadServedModel(LoadOptions options) {
  base::Result<std::optional<std::string>> source = ReadTemplateFile(options.chat_template);
  if (!source.ok()) return source.status();
  base::Result<std::string> path = FindModelFile(options.model);
  if (!path.ok()) return path.status();
  base::Result<std::shared_ptr<const model::ModelFile>> file = model::ModelFile::Open(*path);
  if (!file.ok()) return file.status();

  serving::ServedModel served;
  served.names = NamesOf(options.aliases, *path, (*file)->metadata());
  served.id = served.names.front();
  served.num_listed = std::max<std::size_t>(1, options.aliases.size());
  served.max_tokens_cap = options.max_tokens_cap;
  if (options.make_metrics) options.engine.metrics = options.make_metrics(served.id);
  const std::function<void(const std::string&)> warn = options.engine.warn;
  base::Result<std::unique_ptr<engine::Engine>> engine = engine::LoadEngine(*file, options.engine);
  if (!engine.ok()) return engine.status();
  served.backend = std::move(*engine);

  base::Result<TemplateChoice> choice =
      ChooseTemplate((*file)->metadata(), served.backend->tokenizer(), *source,
                     source->has_value() ? std::string_view() : std::string_view(options.chat_template));
  if (!choice.ok()) return choice.status();
  if (options.uses_template && !choice->warning.empty() && warn) warn(choice->warning);
  served.chat_template = choice->chat_template;
  served.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  return served;
}

model::PackedCacheOptions ToPackedCache(const std::string& setting) {
  using Mode = model::PackedCacheOptions::Mode;
  if (setting == "off") return {Mode::kOff, {}, {}};
  if (setting == "auto") return {Mode::kAuto, {}, {}};
  return {Mode::kFolder, setting, {}};
}

}  // namespace bowhead::assistant
