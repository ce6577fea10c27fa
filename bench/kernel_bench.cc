// How near the matrix kernels come to the machine: for each element type, layer shape and number of columns the share
// of the measured int8 peak (BF16 peak for the float types) and the rate at which packed weights are consumed. A table
// goes to stderr, JSON to stdout.
//   kernel_bench [--threads N] [--isa NAME] [--types q4_k,q8_0] [--shapes 2048x8192] [--columns 1,16,512]
//                [--from memory,cache] [--ms 40]
// Shapes are KxROWS, as layers have them. "memory": copies of the matrix in turn, together beyond every cache; "cache":
// as many panels as stay in a second-level cache, again and again.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/large_buffer.h"
#include "base/worker_team.h"
#include "kernels/dispatch.h"
#include "kernels/random_weights_for_test.h"
#include "machine.h"

namespace {

using bowhead::base::LargeBuffer;
using bowhead::base::Share;
using bowhead::base::ShareOf;
using bowhead::kernels::ActivationTile;
using bowhead::kernels::GetTensorTypeInfo;
using bowhead::kernels::KernelTable;
using bowhead::kernels::kPanelRows;
using bowhead::kernels::kTileColumns;
using bowhead::kernels::PackedMatrix;
using bowhead::kernels::TensorType;

constexpr std::size_t kBeyondCaches = std::size_t{192} << 20;
constexpr std::size_t kInsideCache = std::size_t{320} << 10;  // of weights; outputs and columns want room too

struct Shape {
  std::size_t cols = 0;
  std::size_t rows = 0;
};

struct Options {
  int threads = bowhead::base::AvailableThreads();
  std::string isa;
  std::vector<TensorType> types{std::begin(bowhead::kernels::kAllTypes), std::end(bowhead::kernels::kAllTypes)};
  std::vector<Shape> shapes = {{576, 1536}, {2048, 8192}, {8192, 2048}, {3584, 18944}};
  std::vector<std::size_t> columns = {1, 2, 4, 8, 16, 32, 64, 512};
  std::vector<bool> from_memory = {true, false};
  int ms = 40;
};

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::optional<std::size_t> ParseNumber(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

bool ParseType(const std::string& text, Options& options) {
  const std::optional<TensorType> type = bowhead::kernels::ParseTensorType(text);
  if (type) options.types.push_back(*type);
  return type.has_value();
}

bool ParseShape(const std::string& text, Options& options) {
  const std::size_t x = text.find('x');
  if (x == std::string::npos) return false;
  const std::optional<std::size_t> cols = ParseNumber(std::string_view(text).substr(0, x));
  const std::optional<std::size_t> rows = ParseNumber(std::string_view(text).substr(x + 1));
  if (!cols || !rows || *cols % 32 != 0 || *rows % kPanelRows != 0) return false;
  options.shapes.push_back({*cols, *rows});
  return true;
}

bool ParseColumns(const std::string& text, Options& options) {
  const std::optional<std::size_t> columns = ParseNumber(text);
  if (columns) options.columns.push_back(*columns);
  return columns.has_value();
}

bool ParseSource(const std::string& text, Options& options) {
  options.from_memory.push_back(text == "memory");
  return text == "memory" || text == "cache";
}

template <typename Item>
bool ParseList(std::string_view text, std::vector<Item>& list, bool (*parse)(const std::string&, Options&),
               Options& options) {
  list.clear();
  const std::vector<std::string> parts = Split(text);
  return std::all_of(parts.begin(), parts.end(), [&](const std::string& part) { return parse(part, options); });
}

std::optional<Options> ParseOptions(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc) return std::nullopt;
    const std::string_view value = argv[i + 1];
    bool good = true;
    if (flag == "--isa") {
      o.isa = value;
    } else if (flag == "--types") {
      good = ParseList(value, o.types, ParseType, o);
    } else if (flag == "--shapes") {
      good = ParseList(value, o.shapes, ParseShape, o);
    } else if (flag == "--columns") {
      good = ParseList(value, o.columns, ParseColumns, o);
    } else if (flag == "--from") {
      good = ParseList(value, o.from_memory, ParseSource, o);
    } else if (flag == "--threads" || flag == "--ms") {
      const std::optional<std::size_t> number = ParseNumber(value);
      good = number.has_value() && *number <= 10000;
      if (good) (flag == "--ms" ? o.ms : o.threads) = static_cast<int>(*number);
    } else {
      good = false;
    }
    if (!good) return std::nullopt;
  }
  return o;
}

/// Packed weights of one type and shape, filled with copies of one random panel.
class Weights {
 public:
  static std::optional<Weights> Make(TensorType type, Shape shape) {
    Weights w;
    w.matrix_ = {type, shape.rows, shape.cols, nullptr};
    w.copies_ = (kBeyondCaches + w.matrix_.total_bytes() - 1) / w.matrix_.total_bytes();
    auto memory = LargeBuffer::Allocate(w.copies_ * w.matrix_.total_bytes() + 4096);
    if (!memory.ok()) return std::nullopt;
    w.memory_ = *std::move(memory);
    std::mt19937 random(1);
    const auto raw = bowhead::kernels::RandomTensor(type, kPanelRows, shape.cols, random);
    const std::size_t panel = w.matrix_.panel_bytes();
    auto* at = reinterpret_cast<std::uint8_t*>(w.memory_.data());
    bowhead::kernels::PackPanels(type, raw.data(), kPanelRows, shape.cols, 0, 1, at);
    for (std::size_t p = 1; p < w.copies_ * w.matrix_.num_panels(); ++p) std::memcpy(at + p * panel, at, panel);
    return w;
  }

  [[nodiscard]] PackedMatrix Copy(std::size_t index) const {
    PackedMatrix m = matrix_;
    m.data = reinterpret_cast<const std::uint8_t*>(memory_.data()) + index % copies_ * m.total_bytes();
    return m;
  }

 private:
  LargeBuffer memory_;
  PackedMatrix matrix_;
  std::size_t copies_ = 0;
};

/// Quantized random columns, in tiles as the forward pass makes them.
class Columns {
 public:
  static std::optional<Columns> Make(const KernelTable& kernels, std::size_t k, std::size_t columns) {
    Columns c;
    const std::size_t tiles = (columns + kTileColumns - 1) / kTileColumns;
    const std::size_t stride = (bowhead::kernels::TileBytes(k, kTileColumns) + 63) / 64 * 64;
    auto memory = LargeBuffer::Allocate(tiles * stride);
    if (!memory.ok()) return std::nullopt;
    c.memory_ = *std::move(memory);
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    std::vector<float> x(k);
    for (std::size_t t = 0; t < tiles; ++t) {
      const std::size_t width = columns * (t + 1) / tiles - columns * t / tiles;
      c.tiles_.push_back(bowhead::kernels::MakeTile(c.memory_.data() + t * stride, k, width));
      for (std::size_t column = 0; column < width; ++column) {
        for (float& value : x) value = normal(random);
        kernels.quantize(x.data(), k, column, true, c.tiles_.back());
      }
    }
    return c;
  }

  [[nodiscard]] const std::vector<ActivationTile>& tiles() const { return tiles_; }

 private:
  LargeBuffer memory_;
  std::vector<ActivationTile> tiles_;
};

struct Rate {
  double tops = 0;
  double gbps = 0;
};

/// The best of three timings of about `ms` milliseconds in all.
Rate Measure(const KernelTable& kernels, const Weights& weights, const Columns& columns, std::size_t num_columns,
             bool from_memory, const Options& options) {
  const PackedMatrix matrix = weights.Copy(0);
  const auto panels_of = [&](int thread) {
    Share share = ShareOf(matrix.num_panels(), thread, options.threads);
    const std::size_t fit = std::max<std::size_t>(kInsideCache / matrix.panel_bytes(), 2);
    if (!from_memory) share.end = std::min(share.end, share.begin + fit);
    return share;
  };
  std::size_t panels = 0;
  std::size_t stride = 0;
  for (int t = 0; t < options.threads; ++t) {
    const Share share = panels_of(t);
    panels += share.end - share.begin;
    stride = std::max(stride, (share.end - share.begin) * kPanelRows);
  }
  std::vector<std::vector<float>> out(static_cast<std::size_t>(options.threads));
  for (std::vector<float>& o : out) o.resize(num_columns * stride);
  std::size_t next = 0;
  const auto run = [&](std::size_t rounds) {
    const double seconds = machine::Together(options.threads, [&](int t) {
      for (std::size_t r = 0; r < rounds; ++r) {
        const PackedMatrix copy = weights.Copy(from_memory ? next + r : 0);
        const Share share = panels_of(t);
        kernels.matmul(copy, share.begin, share.end, columns.tiles().data(), columns.tiles().size(),
                       out[static_cast<std::size_t>(t)].data(), stride);
      }
    });
    next += rounds;
    return seconds / static_cast<double>(rounds);
  };
  double best = run(1);
  for (int i = 0; i < 3; ++i) {
    best = std::min(best, run(static_cast<std::size_t>(std::max(options.ms / 3e3 / best, 1.0))));
  }
  const double bytes = static_cast<double>(panels * matrix.panel_bytes());
  const double products = static_cast<double>(panels * kPanelRows) * static_cast<double>(matrix.cols * num_columns);
  return {2 * products / best / 1e12, bytes / best / 1e9};
}

bool BenchShape(const KernelTable& kernels, TensorType type, Shape shape, double peak, const Options& options,
                bool& first) {
  const std::optional<Weights> weights = Weights::Make(type, shape);
  if (!weights) return false;
  const std::string name(GetTensorTypeInfo(type).name);
  for (const bool from_memory : options.from_memory) {
    std::fprintf(stderr, "%-7s %5zux%-6zu %-6s", name.c_str(), shape.cols, shape.rows,
                 from_memory ? "memory" : "cache");
    for (const std::size_t n : options.columns) {
      const std::optional<Columns> columns = Columns::Make(kernels, shape.cols, n);
      if (!columns) return false;
      const Rate rate = Measure(kernels, *weights, *columns, n, from_memory, options);
      std::fprintf(stderr, " %5.2f %5.1f", peak > 0 ? rate.tops / peak : 0.0, rate.gbps);
      std::printf(
          "%s\n  {\"type\": \"%s\", \"k\": %zu, \"rows\": %zu, \"columns\": %zu, \"from\": \"%s\", \"tops\": %.4f, "
          "\"share_of_peak\": %.4f, \"weights_gbps\": %.2f}",
          first ? "" : ",", name.c_str(), shape.cols, shape.rows, n, from_memory ? "memory" : "cache", rate.tops,
          peak > 0 ? rate.tops / peak : 0.0, rate.gbps);
      first = false;
    }
    std::fprintf(stderr, "\n");
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = ParseOptions(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: kernel_bench [--threads N] [--isa NAME] [--types q4_k,q8_0] [--shapes KxROWS,...]\n"
                 "                    [--columns 1,16,512] [--from memory,cache] [--ms N]\n");
    return 1;
  }
  const auto kernels = bowhead::kernels::SelectIsa(options->isa);
  if (!kernels.ok()) {
    std::fprintf(stderr, "%s\n", kernels.status().ToString().c_str());
    return 1;
  }
  const double int8 = machine::Int8Rate(options->threads);
  const double bf16 = machine::Bf16Rate(options->threads);
  std::fprintf(stderr, "%d threads, %s, peaks: %.3f int8 TOPS, %.3f BF16 TFLOPS; share of peak and GB/s of weights\n",
               options->threads, std::string((*kernels)->name).c_str(), int8, bf16);
  std::fprintf(stderr, "%-7s %5s %-6s %-6s", "type", "K", "rows", "from");
  for (const std::size_t n : options->columns) std::fprintf(stderr, " %4zu columns", n);
  std::printf("{\"isa\": \"%s\", \"threads\": %d, \"int8_tops\": %.4f, \"bf16_tflops\": %.4f, \"products\": [",
              std::string((*kernels)->name).c_str(), options->threads, int8, bf16);
  std::fprintf(stderr, "\n");
  bool first = true;
  for (const TensorType type : options->types) {
    const double peak = bowhead::kernels::GetQuantTraits(type).quantized ? int8 : bf16;
    for (const Shape shape : options->shapes) {
      if (shape.cols % GetTensorTypeInfo(type).block_elements != 0) continue;
      if (!BenchShape(**kernels, type, shape, peak, *options, first)) {
        std::fprintf(stderr, "not enough memory for %zu x %zu\n", shape.cols, shape.rows);
        return 1;
      }
    }
  }
  std::printf("\n]}\n");
  return 0;
}
