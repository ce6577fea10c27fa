// Test program: encodes many strings with a model file's tokenizer and checks decoding on the way.
//
// Usage: tokenize_lines MODEL [--special] [--untrusted] [--add-special] [--pre NAME] [--repeat N]
// Reads frames from stdin (length as a little-endian u32, then that many bytes) and writes one line for each: the
// token ids, a tab, and the hexadecimal bytes of Decode with special tokens. --special recognises special tokens,
// --untrusted does too but marks the whole text as untrusted. --pre replaces the file's pre-tokenizer. Exits with 1 if
// the streamed text differs from the whole. With --repeat each frame is encoded N times and its line has only the
// processor seconds of the fastest time.
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <iostream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "model/format/model_file.h"
#include "model/tokenizer/tokenizer.h"
#include "model/tokenizer/unicode.h"

namespace {

using bowhead::model::ByteRange;
using bowhead::model::Detokenizer;
using bowhead::model::EncodeOptions;
using bowhead::model::Metadata;
using bowhead::model::TokenId;
using bowhead::model::Tokenizer;

struct Arguments {
  std::string model;
  std::string pre;
  bool special = false;
  bool untrusted = false;
  bool add_special = false;
  int repeat = 0;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--special") arguments.special = true;
    if (argument == "--untrusted") arguments.untrusted = true;
    if (argument == "--add-special") arguments.add_special = true;
    if (argument == "--pre" && i + 1 < argc) arguments.pre = argv[++i];
    if (argument == "--repeat" && i + 1 < argc) arguments.repeat = std::stoi(argv[++i]);
    if (!argument.starts_with("--") && arguments.model.empty()) arguments.model = argument;
  }
  return arguments;
}

std::vector<std::string> ReadFrames(std::istream& in) {
  std::vector<std::string> frames;
  unsigned char header[4];
  while (in.read(reinterpret_cast<char*>(header), 4)) {
    const std::uint32_t size = header[0] | header[1] << 8U | header[2] << 16U | std::uint32_t{header[3]} << 24U;
    std::string frame(size, '\0');
    if (!in.read(frame.data(), static_cast<std::streamsize>(size))) break;
    frames.push_back(std::move(frame));
  }
  return frames;
}

std::vector<TokenId> Encode(const Tokenizer& tokenizer, const std::string& text, const Arguments& arguments) {
  const ByteRange everything{0, text.size()};
  EncodeOptions options;
  options.add_special = arguments.add_special;
  options.parse_special = arguments.special || arguments.untrusted;
  if (arguments.untrusted) options.untrusted = {&everything, 1};
  return tokenizer.Encode(text, options);
}

bool StreamsLikeWhole(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  Detokenizer stream(tokenizer);
  std::string streamed;
  for (const TokenId id : ids) streamed += stream.Add(id);
  streamed += stream.Finish();
  std::string whole;
  bowhead::model::AppendWellFormed(tokenizer.Decode(ids), whole);
  return streamed == whole;
}

void PrintHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    std::cout << kDigits[byte >> 4U] << kDigits[byte & 15U];
  }
}

double ProcessorSeconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void Measure(const Tokenizer& tokenizer, const std::vector<std::string>& frames, const Arguments& arguments) {
  for (const std::string& frame : frames) {
    double best = std::numeric_limits<double>::max();
    for (int round = 0; round < arguments.repeat; ++round) {
      const double start = ProcessorSeconds();
      Encode(tokenizer, frame, arguments);
      best = std::min(best, ProcessorSeconds() - start);
    }
    std::cout << best << '\n';
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const Arguments arguments = Parse(argc, argv);
  const auto file = bowhead::model::ModelFile::Open(arguments.model, {.header_only = true});
  if (!file.ok()) {
    std::cerr << file.status().ToString() << '\n';
    return 2;
  }
  Metadata::Map values = (*file)->metadata().values();
  if (!arguments.pre.empty()) values["tokenizer.ggml.pre"] = arguments.pre;
  const auto tokenizer = Tokenizer::Create(Metadata(std::move(values)));
  if (!tokenizer.ok()) {
    std::cerr << tokenizer.status().ToString() << '\n';
    return 2;
  }
  const std::vector<std::string> frames = ReadFrames(std::cin);
  if (arguments.repeat > 0) {
    Measure(**tokenizer, frames, arguments);
    return 0;
  }
  bool streams_alike = true;
  for (const std::string& frame : frames) {
    const std::vector<TokenId> ids = Encode(**tokenizer, frame, arguments);
    for (std::size_t i = 0; i < ids.size(); ++i) std::cout << (i > 0 ? " " : "") << ids[i];
    std::cout << '\t';
    PrintHex((*tokenizer)->Decode(ids, true));
    std::cout << '\n';
    streams_alike = streams_alike && StreamsLikeWhole(**tokenizer, ids);
  }
  if (!streams_alike) std::cerr << "streamed text differs from the whole\n";
  return streams_alike ? 0 : 1;
}
