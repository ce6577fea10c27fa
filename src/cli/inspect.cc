// bowhead inspect: what a model file holds, and what serving it would take.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "cli/command.h"
#include "cli/load_model.h"
#include "cli/model_report.h"
#include "cli/printable.h"
#include "model/format/model_file.h"

namespace bowhead::cli {
namespace {

constexpr std::size_t kShownBytes = 100;
constexpr std::size_t kShownElements = 8;

struct InspectOptions {
  std::string file;
  std::uint64_t context_length = 0;
  kernels::KvType kv_type = kernels::KvType::kF16;
  bool json = false;
  bool metadata = false;
  bool tensors = false;
  bool full = false;
  bool header_only = false;
};

// --- text ---

template <class T>
std::string ScalarText(const T& value) {
  std::ostringstream out;
  if constexpr (std::is_same_v<T, std::string>) {
    out << '"' << Printable(value, kShownBytes) << '"';
  } else {
    out << std::boolalpha << value;
  }
  return out.str();
}

template <class T>
std::string ArrayText(const std::vector<T>& values) {
  std::string out = "[";
  const std::size_t shown = std::min(values.size(), kShownElements);
  for (std::size_t i = 0; i < shown; ++i) {
    out += (i == 0 ? "" : ", ") + ScalarText<T>(values[i]);
  }
  return out + (shown < values.size() ? ", ...] (" + std::to_string(values.size()) + ")" : "]");
}

std::string ValueText(const model::MetadataValue& value) {
  return std::visit(
      [](const auto& v) {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, model::StringArray>) {
          return ArrayText(v.ToVector());
        } else if constexpr (requires { typename std::decay_t<decltype(v)>::allocator_type; } &&
                             !std::is_same_v<std::decay_t<decltype(v)>, std::string>) {
          return ArrayText(v);
        } else {
          return ScalarText(v);
        }
      },
      value);
}

std::string ShapeText(const model::Tensor& tensor) {
  std::string out;
  for (int i = 0; i < tensor.rank; ++i) {
    out += (i == 0 ? "" : " x ") + std::to_string(tensor.shape[static_cast<std::size_t>(i)]);
  }
  return out;
}

std::string_view TypeName(const model::Tensor& tensor) {
  return kernels::GetTensorTypeInfo(tensor.type).name;
}

void PrintMetadata(const model::ModelFile& file) {
  std::cout << "Metadata (" << file.metadata().values().size() << " keys)\n";
  for (const auto& [key, value] : file.metadata().values()) {
    std::cout << "  " << key << " = " << ValueText(value) << '\n';
  }
}

void PrintTensors(const model::ModelFile& file) {
  std::size_t width = 0;
  for (const model::Tensor& tensor : file.tensors()) width = std::max(width, tensor.name.size());
  std::cout << "Tensors (" << file.tensors().size() << ")\n" << std::left;
  for (const model::Tensor& tensor : file.tensors()) {
    std::cout << "  " << std::setw(static_cast<int>(width)) << tensor.name << "  " << std::setw(6) << TypeName(tensor)
              << "  " << std::setw(16) << ShapeText(tensor) << "  " << HumanBytes(tensor.num_bytes()) << '\n';
  }
}

void PrintSummary(const model::ModelFile& file, const ModelReport& report) {
  std::cout << "Model\n  name: " << Printable(report.name, kShownBytes)
            << "\n  architecture: " << Printable(report.architecture, kShownBytes) << "\n  file: GGUF version "
            << file.version() << ", " << HumanBytes(file.file_bytes())
            << "\n  parameters: " << HumanCount(report.parameters) << "\n  vocabulary: " << report.vocab_size
            << " tokens\n  trained context: " << report.context_length << " tokens\n";
}

void PrintTypes(const ModelReport& report) {
  std::cout << "Size by type\n" << std::left;
  for (const auto& [name, total] : report.types) {
    std::cout << "  " << std::setw(6) << name << "  " << std::setw(5) << total.tensors << " tensors  " << std::setw(8)
              << HumanCount(total.elements) << "  " << HumanBytes(total.bytes) << '\n';
  }
}

void PrintMemory(const ModelReport& report) {
  if (!report.obstacle.empty()) {
    std::cout << "Cannot be served: " << Printable(report.obstacle, 1000) << '\n';
    return;
  }
  std::cout << "Memory to serve one context of " << report.memory.context_length
            << " tokens\n  weights: " << HumanBytes(report.memory.weight_bytes)
            << "\n  KV cache: " << HumanBytes(report.memory.kv_bytes) << " ("
            << kernels::KvTypeName(report.memory.kv_type) << ')'
            << "\n  together: " << HumanBytes(report.memory.total_bytes()) << '\n';
  if (!report.packed_cache) return;
  std::cout << "Packed weights\n  file: " << Printable(report.packed_cache->path, 1000) << ", "
            << HumanBytes(report.packed_cache->bytes) << '\n';
}

// --- JSON ---

template <class T>
nlohmann::ordered_json ArrayJson(const std::vector<T>& values, bool full) {
  if (full || values.size() <= kShownElements) return values;
  const std::vector<T> first(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(kShownElements));
  return {{"length", values.size()}, {"first", first}};
}

nlohmann::ordered_json ValueJson(const model::MetadataValue& value, bool full) {
  return std::visit(
      [full](const auto& v) -> nlohmann::ordered_json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, model::StringArray>) {
          return ArrayJson(v.ToVector(), full);
        } else if constexpr (requires { typename std::decay_t<decltype(v)>::allocator_type; } &&
                             !std::is_same_v<std::decay_t<decltype(v)>, std::string>) {
          return ArrayJson(v, full);
        } else {
          return v;
        }
      },
      value);
}

nlohmann::ordered_json TensorsJson(const model::ModelFile& file) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const model::Tensor& tensor : file.tensors()) {
    const std::vector<std::uint64_t> shape(tensor.shape.begin(), tensor.shape.begin() + tensor.rank);
    out.push_back({{"name", tensor.name}, {"type", TypeName(tensor)}, {"shape", shape}, {"bytes", tensor.num_bytes()}});
  }
  return out;
}

nlohmann::ordered_json ReportJson(const model::ModelFile& file, const ModelReport& report) {
  nlohmann::ordered_json types = nlohmann::ordered_json::object();
  for (const auto& [name, total] : report.types) {
    types[name] = {{"tensors", total.tensors}, {"elements", total.elements}, {"bytes", total.bytes}};
  }
  nlohmann::ordered_json out = {{"name", report.name},
                                {"architecture", report.architecture},
                                {"gguf_version", file.version()},
                                {"file_bytes", file.file_bytes()},
                                {"tensor_bytes", report.tensor_bytes},
                                {"parameters", report.parameters},
                                {"vocab_size", report.vocab_size},
                                {"context_length", report.context_length},
                                {"types", types}};
  if (report.obstacle.empty()) {
    out["memory"] = {{"context_length", report.memory.context_length},
                     {"weight_bytes", report.memory.weight_bytes},
                     {"kv_type", kernels::KvTypeName(report.memory.kv_type)},
                     {"kv_bytes", report.memory.kv_bytes},
                     {"total_bytes", report.memory.total_bytes()}};
    if (report.packed_cache) {
      out["packed_cache"] = {{"path", report.packed_cache->path}, {"bytes", report.packed_cache->bytes}};
    }
  } else {
    out["cannot_be_served"] = report.obstacle;
  }
  return out;
}

void PrintJson(const model::ModelFile& file, const ModelReport& report, const InspectOptions& options) {
  const bool everything = options.metadata == options.tensors;
  nlohmann::ordered_json out = ReportJson(file, report);
  if (everything || options.metadata) {
    nlohmann::ordered_json metadata = nlohmann::ordered_json::object();
    for (const auto& [key, value] : file.metadata().values()) metadata[key] = ValueJson(value, options.full);
    out["metadata"] = std::move(metadata);
  }
  if (everything || options.tensors) out["tensors"] = TensorsJson(file);
  // Vocabularies hold pieces of characters: bytes that are no UTF-8 come out as U+FFFD.
  std::cout << out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

void PrintText(const model::ModelFile& file, const ModelReport& report, const InspectOptions& options) {
  const bool everything = options.metadata == options.tensors;
  if (everything || options.metadata) PrintMetadata(file);
  if (everything || options.tensors) PrintTensors(file);
  if (!everything) return;
  PrintSummary(file, report);
  PrintTypes(report);
  PrintMemory(report);
}

int Fail(const InspectOptions& options, const base::Status& status) {
  std::cerr << "bowhead inspect: " << Printable(status.message(), 2000) << '\n';
  if (!options.header_only && status.code() == base::StatusCode::kDataLoss &&
      model::ModelFile::Open(options.file, {.header_only = true}).ok()) {
    std::cerr << "Its header is whole; --header-only shows it.\n";
  }
  return kExitFailure;
}

}  // namespace

int RunInspect(int argc, char** argv) {
  InspectOptions options;
  CLI::App app("Print what a model file holds and what serving it would take.", "bowhead inspect");
  app.add_option("FILE", options.file, "A GGUF file; of a split one any part")->required();
  app.add_option("--ctx", options.context_length, "Tokens of context to compute the memory for (default: the model's)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 30U));
  AddKvTypeOption(app, options.kv_type);
  app.add_flag("--json", options.json, "Print JSON");
  app.add_flag("--metadata", options.metadata, "Only the metadata");
  app.add_flag("--tensors", options.tensors, "Only the tensors");
  app.add_flag("--full", options.full, "With --json: arrays in full, vocabularies too");
  app.add_flag("--header-only", options.header_only, "Accept a file whose tensors are cut off");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }

  const auto file = model::ModelFile::Open(options.file, {.header_only = options.header_only});
  if (!file.ok()) return Fail(options, file.status());
  const ModelReport report = MakeReport(**file, options.context_length, options.kv_type);
  if (options.json) {
    PrintJson(**file, report, options);
  } else {
    PrintText(**file, report, options);
  }
  return kExitOk;
}

}  // namespace bowhead::cli
