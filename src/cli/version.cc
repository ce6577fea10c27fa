// bowhead version: what this program is, how it was built and what it can use here.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace bowhead::cli {
namespace {

constexpr std::string_view BuildType() {
#ifdef NDEBUG
  return "release";
#else
  return "debug";
#endif
}

std::string Compiler() {
#ifdef __clang__
  return std::string("clang ") + __clang_version__;
#else
  return std::string("gcc ") + __VERSION__;
#endif
}

// Instruction sets with kernels of their own that this processor runs, best first.
std::vector<std::string> SupportedIsas() {
  std::vector<std::string> names;
  if (__builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("avx512bf16") != 0) {
    names.emplace_back("avx512");
  }
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) names.emplace_back("avx2");
  names.emplace_back("scalar");
  return names;
}

std::string Joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

int RunVersion(int argc, char** argv) {
  CLI::App app("Print the version of Bowhead.", "bowhead version");
  bool verbose = false;
  bool json = false;
  app.add_flag("-v,--verbose", verbose, "Also print the build, the instruction sets and the architectures");
  app.add_flag("--json", json, "Print everything as JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }

  const std::vector<std::string> isas = SupportedIsas();
  if (json) {
    const nlohmann::ordered_json out = {
        {"version", BOWHEAD_VERSION}, {"build", BuildType()}, {"compiler", Compiler()}, {"isa", isas}};
    std::cout << out.dump(2) << '\n';
    return kExitOk;
  }
  std::cout << "bowhead " << BOWHEAD_VERSION << '\n';
  if (verbose) {
    std::cout << "build: " << BuildType() << "\ncompiler: " << Compiler() << "\ninstruction sets: " << Joined(isas)
              << '\n';
  }
  return kExitOk;
}

}  // namespace bowhead::cli
