// The subcommands of `bowhead`. Each has a file of its own that parses its flags and wires the layers below.
#pragma once

#include <span>
#include <string_view>

namespace bowhead::cli {

/// Exit codes that scripts can rely on.
enum ExitCode : int { kExitOk = 0, kExitFailure = 1, kExitUsage = 2, kExitUnavailable = 3 };

struct Command {
  std::string_view name;
  std::string_view summary;
  /// argv[0] is the command's name. Returns an ExitCode.
  int (*run)(int argc, char** argv);
};

int RunServe(int argc, char** argv);
int RunChat(int argc, char** argv);
int RunGenerate(int argc, char** argv);
int RunInspect(int argc, char** argv);
int RunTokenize(int argc, char** argv);
int RunVersion(int argc, char** argv);

/// All commands, in the order of the help text.
std::span<const Command> Commands();

}  // namespace bowhead::cli
