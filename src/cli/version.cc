// bowhead version: what this program is, how it was built and what it can use here.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "kernels/dispatch.h"
#include "model/arch/model_spec.h"

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

struct Facts {
  std::vector<std::string> isas;  // that this machine can run, best first
  std::vector<std::string> architectures;
};

Facts CollectFacts() {
  Facts facts;
  for (const kernels::IsaSupport& isa : kernels::AllIsas()) {
    if (isa.supported) facts.isas.emplace_back(isa.table->name);
  }
  for (const std::string_view name : model::KnownArchitectures()) facts.architectures.emplace_back(name);
  return facts;
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

  const Facts facts = CollectFacts();
  if (json) {
    const nlohmann::ordered_json out = {{"version", BOWHEAD_VERSION},
                                        {"build", BuildType()},
                                        {"compiler", Compiler()},
                                        {"isa", facts.isas},
                                        {"architectures", facts.architectures}};
    std::cout << out.dump(2) << '\n';
    return kExitOk;
  }
  std::cout << "bowhead " << BOWHEAD_VERSION << '\n';
  if (verbose) {
    std::cout << "build: " << BuildType() << "\ncompiler: " << Compiler()
              << "\ninstruction sets of this machine, best first: " << Joined(facts.isas)
              << "\narchitectures: " << Joined(facts.architectures) << '\n';
  }
  return kExitOk;
}

}  // namespace bowhead::cli
