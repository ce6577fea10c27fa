#include "assistant/model_files.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

namespace bowhead::assistant {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kDefaultModel = "SmolLM2-135M-Instruct.Q4_1.gguf";
constexpr std::string_view kEnding = ".gguf";
constexpr std::size_t kMaxListed = 20;

/// The names of the model files in the folder, sorted.
std::vector<std::string> FilesIn(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name.ends_with(kEnding)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxListed); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > kMaxListed ? text + ", ..." : text;
}

base::Status NotThere(const std::string& name, const fs::path& folder, const std::vector<std::string>& names) {
  std::string message = "there is no model file '" + name.substr(0, 500) + "'";
  if (folder.empty()) return base::NotFound(message + ", and no folder to look for its name in (HOME is not set)");
  message += ", and no model of that name in " + folder.string();
  message += names.empty() ? ", which holds none" : ", which holds " + Listed(names);
  if (name == "default") message += "; 'tools/fetch.py default-model' of Bowhead's sources fetches it";
  return base::NotFound(message);
}

}  // namespace

fs::path ModelFolder() {
  const char* cache = std::getenv("BOWHEAD_CACHE");
  if (cache != nullptr && cache[0] != '\0') return fs::path(cache) / "models";
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] != '\0' ? fs::path(home) / ".cache" / "bowhead" / "models" : fs::path();
}

base::Result<std::string> FindModelFile(const std::string& name_or_path, const fs::path& folder) {
  if (name_or_path.empty()) return base::InvalidArgument("the model needs a name or a path");
  std::error_code error;
  // What is wrong with a path is said by the one who opens it.
  if (name_or_path.find('/') != std::string::npos || fs::exists(name_or_path, error)) return name_or_path;
  const std::vector<std::string> names = FilesIn(folder);
  const std::string wanted = name_or_path == "default" ? std::string(kDefaultModel) : name_or_path;
  std::vector<std::string> fitting;
  for (const std::string& name : names) {
    if (name == wanted || name == wanted + std::string(kEnding)) return (folder / name).string();
    if (name.starts_with(wanted + ".")) fitting.push_back(name);
  }
  if (fitting.empty()) return NotThere(name_or_path, folder, names);
  if (fitting.size() > 1) {
    return base::InvalidArgument("several models fit the name '" + name_or_path + "': " + Listed(fitting));
  }
  return (folder / fitting.front()).string();
}

}  // namespace bowhead::assistant
