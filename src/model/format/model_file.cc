#include "model/format/model_file.h"

#include <unordered_map>
#include <utility>

#include "base/mapped_file.h"
#include "model/format/gguf_parser.h"
#include "model/format/gguf_value.h"
#include "model/format/split_files.h"

namespace bowhead::model {
namespace {

class GgufModelFile final : public ModelFile {
 public:
  GgufModelFile(std::string path, std::uint64_t file_bytes, GgufContents contents, std::vector<base::MappedFile> parts)
      : path_(std::move(path)), file_bytes_(file_bytes), contents_(std::move(contents)), parts_(std::move(parts)) {
    by_name_.reserve(contents_.tensors.size());
    for (const Tensor& tensor : contents_.tensors) by_name_.emplace(tensor.name, &tensor);
  }

  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::uint32_t version() const override { return contents_.version; }
  [[nodiscard]] std::uint64_t file_bytes() const override { return file_bytes_; }
  [[nodiscard]] std::optional<base::ContentHash> identity() const override {
    if (parts_.empty()) return std::nullopt;
    base::ContentHasher hasher;
    for (const base::MappedFile& part : parts_) {
      const base::FileIdentity& id = part.identity();
      for (const std::uint64_t number :
           {id.size, id.inode, static_cast<std::uint64_t>(id.modified_ns), static_cast<std::uint64_t>(id.changed_ns)}) {
        hasher.Add(number);
      }
    }
    return hasher.Finish();
  }
  [[nodiscard]] const Metadata& metadata() const override { return contents_.metadata; }
  [[nodiscard]] const std::vector<Tensor>& tensors() const override { return contents_.tensors; }
  [[nodiscard]] const Tensor* FindTensor(std::string_view name) const override {
    const auto it = by_name_.find(name);
    return it == by_name_.end() ? nullptr : it->second;
  }
  void WillNeed(std::span<const std::byte> data) const override {
    for (const base::MappedFile& part : parts_) part.WillNeed(data);
  }
  void DontNeed(std::span<const std::byte> data) const override {
    for (const base::MappedFile& part : parts_) part.DontNeed(data);
  }

 private:
  std::string path_;
  std::uint64_t file_bytes_;
  GgufContents contents_;
  std::vector<base::MappedFile> parts_;
  std::unordered_map<std::string_view, const Tensor*> by_name_;  // keys point into contents_
};

struct Part {
  std::string path;
  base::MappedFile file;
  GgufContents contents;
  SplitKeys keys;
};

base::Result<Part> OpenPart(const std::string& path, const ModelFileOptions& options) {
  base::Result<base::MappedFile> file = base::MappedFile::Open(path);
  if (!file.ok()) return file.status();
  base::Result<GgufContents> contents = ParseGguf(file->bytes(), options);
  if (!contents.ok()) return contents.status().WithContext(path);
  base::Result<SplitKeys> keys = ReadSplitKeys(contents->metadata);
  if (!keys.ok()) return keys.status().WithContext(path);
  file->DontNeed(file->bytes());  // what was read of it is copied, and the weights may come from elsewhere
  return Part{path, std::move(*file), std::move(*contents), *keys};
}

// Every part repeats the split keys; the rest of the metadata stands in the first one.
base::Status CheckPart(const Part& part, const Part& first, std::uint32_t index) {
  if (part.keys.index != index || part.keys.count != first.keys.count ||
      part.keys.num_tensors != first.keys.num_tensors) {
    return base::DataLoss(part.path + " does not belong to " + first.path + ": it says that it is part " +
                          std::to_string(part.keys.index + 1) + " of " + std::to_string(part.keys.count) + " with " +
                          std::to_string(part.keys.num_tensors.value_or(0)) + " tensors in all; fetch all parts again");
  }
  return base::OkStatus();
}

// Keys that may differ between parts: the part's number and how its own data is laid out.
bool IsOfPart(std::string_view key) {
  return key == "split.no" || key == "general.alignment";
}

base::Result<GgufContents> MergeParts(std::vector<Part>& parts) {
  Metadata::Map values = parts[0].contents.metadata.values();
  GgufContents merged;
  merged.version = parts[0].contents.version;
  std::unordered_map<std::string, const Part*> owners;
  for (Part& part : parts) {
    for (const auto& [key, value] : part.contents.metadata.values()) {
      const auto [it, added] = values.emplace(key, value);
      if (!added && it->second != value && !IsOfPart(key)) {
        return base::DataLoss(part.path + " and " + parts[0].path + " disagree about " + Quoted(key) +
                              "; they are not of one model");
      }
    }
    for (Tensor& tensor : part.contents.tensors) {
      const auto [it, added] = owners.emplace(tensor.name, &part);
      if (!added) {
        return base::DataLoss("tensor " + Quoted(tensor.name) + " appears in " + it->second->path + " and in " +
                              part.path);
      }
      merged.tensors.push_back(std::move(tensor));
    }
  }
  const std::uint64_t expected = parts[0].keys.num_tensors.value_or(merged.tensors.size());
  if (merged.tensors.size() != expected) {
    return base::DataLoss("the parts hold " + std::to_string(merged.tensors.size()) + " tensors, but " + parts[0].path +
                          " speaks of " + std::to_string(expected));
  }
  merged.metadata = Metadata(std::move(values));
  return merged;
}

base::Result<std::vector<Part>> OpenParts(Part named, const ModelFileOptions& options) {
  const std::uint32_t count = named.keys.count;
  const std::optional<SplitName> name = ParseSplitName(named.path);
  if (!name || name->count != count || name->number != named.keys.index + 1) {
    const SplitName expected{"NAME", named.keys.index + 1, count};
    return base::InvalidArgument(named.path + " is part " + std::to_string(expected.number) + " of " +
                                 std::to_string(count) + "; name the files " + expected.PathOf(expected.number) +
                                 " and so on, so that the others can be found");
  }
  std::vector<Part> parts(count);
  parts[name->number - 1] = std::move(named);
  for (std::uint32_t index = 0; index < count; ++index) {
    if (index + 1 == name->number) continue;
    base::Result<Part> part = OpenPart(name->PathOf(index + 1), options);
    if (!part.ok()) return part.status().WithContext("part of a split model");
    parts[index] = std::move(*part);
  }
  for (std::uint32_t index = 0; index < count; ++index) {
    if (base::Status status = CheckPart(parts[index], parts[0], index); !status.ok()) return status;
  }
  return parts;
}

}  // namespace

base::Result<std::shared_ptr<const ModelFile>> ModelFile::Open(const std::string& path,
                                                               const ModelFileOptions& options) {
  base::Result<Part> named = OpenPart(path, options);
  if (!named.ok()) return named.status();
  std::vector<Part> parts;
  if (named->keys.count > 1) {
    base::Result<std::vector<Part>> opened = OpenParts(std::move(*named), options);
    if (!opened.ok()) return opened.status();
    parts = std::move(*opened);
  } else {
    parts.push_back(std::move(*named));
  }
  GgufContents contents;
  if (parts.size() == 1) {
    contents = std::move(parts[0].contents);
  } else {
    base::Result<GgufContents> merged = MergeParts(parts);
    if (!merged.ok()) return merged.status();
    contents = std::move(*merged);
  }
  std::uint64_t file_bytes = 0;
  std::vector<base::MappedFile> files;
  files.reserve(parts.size());
  for (Part& part : parts) {
    file_bytes += part.file.bytes().size();
    files.push_back(std::move(part.file));
  }
  return std::shared_ptr<const ModelFile>(
      std::make_shared<GgufModelFile>(path, file_bytes, std::move(contents), std::move(files)));
}

base::Result<std::shared_ptr<const ModelFile>> ModelFile::Parse(std::span<const std::byte> bytes,
                                                                const ModelFileOptions& options) {
  base::Result<GgufContents> contents = ParseGguf(bytes, options);
  if (!contents.ok()) return contents.status();
  base::Result<SplitKeys> keys = ReadSplitKeys(contents->metadata);
  if (!keys.ok()) return keys.status();
  if (keys->count > 1) return base::InvalidArgument("bytes in memory cannot be a part of a split model");
  return std::shared_ptr<const ModelFile>(std::make_shared<GgufModelFile>(
      std::string(), bytes.size(), std::move(*contents), std::vector<base::MappedFile>()));
}

}  // namespace bowhead::model
