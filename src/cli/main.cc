// bowhead: dispatch to the subcommands.
#include <algorithm>
#include <array>
#include <exception>
#include <iostream>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace bowhead::cli {
namespace {

constexpr std::array kCommands = {
    Command{"serve", "Serve a model: REST API, metrics and the chat page", RunServe},
    Command{"chat", "Chat in the terminal, with a model file or with a server", RunChat},
    Command{"generate", "Continue a text with a model, without a server", RunGenerate},
    Command{"inspect", "Show what a model file holds and the memory that serving takes", RunInspect},
    Command{"tokenize", "Show a text as the tokens of a model, or tokens as text", RunTokenize},
    Command{"version", "Print the version; --verbose adds the build and what this machine can do", RunVersion},
};

void PrintHelp(std::ostream& out) {
  out << "bowhead: a self-hosted AI assistant server\n\nUsage: bowhead COMMAND [OPTIONS]\n\nCommands:\n";
  for (const Command& command : kCommands) {
    out << "  " << command.name << std::string(12 - std::min<std::size_t>(11, command.name.size()), ' ')
        << command.summary << '\n';
  }
  out << "\n'bowhead COMMAND --help' describes a command's options.\n";
}

// Number of insertions, deletions and replacements between two short words.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

// A command that starts like the word, else the one with the fewest differing letters.
const Command& NearestTo(std::string_view name) {
  const std::string_view word = name.substr(0, 64);
  for (const Command& command : kCommands) {
    if (!word.empty() && command.name.starts_with(word)) return command;
  }
  return *std::min_element(kCommands.begin(), kCommands.end(), [word](const Command& a, const Command& b) {
    return EditDistance(word, a.name) < EditDistance(word, b.name);
  });
}

int Dispatch(int argc, char** argv) {
  if (argc < 2) {
    PrintHelp(std::cerr);
    return kExitUsage;
  }
  const std::string_view name = argv[1];
  if (name == "--help" || name == "-h" || name == "help") {
    PrintHelp(std::cout);
    return kExitOk;
  }
  if (name == "--version") return RunVersion(1, argv);
  for (const Command& command : kCommands) {
    if (command.name == name) return command.run(argc - 1, argv + 1);
  }
  std::cerr << "bowhead: there is no command '" << name << "'; did you mean '" << NearestTo(name).name
            << "'? 'bowhead --help' lists all of them.\n";
  return kExitUsage;
}

}  // namespace

std::span<const Command> Commands() {
  return kCommands;
}

}  // namespace bowhead::cli

int main(int argc, char** argv) {
  // The last catch: whatever reaches it is a mistake of ours, or the machine has no memory left.
  try {
    return bowhead::cli::Dispatch(argc, argv);
  } catch (const std::bad_alloc&) {
    std::cerr << "bowhead: out of memory\n";
  } catch (const std::exception& error) {
    std::cerr << "bowhead: internal error: " << error.what() << '\n';
  }
  return bowhead::cli::kExitFailure;
}
