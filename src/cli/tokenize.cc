// bowhead tokenize: a text as a model's tokens, and back.
#include <CLI/CLI.hpp>
#include <charconv>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/printable.h"
#include "model/format/model_file.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::cli {
namespace {

using model::TokenId;

constexpr std::size_t kShownBytes = 200;

struct TokenizeOptions {
  std::string file;
  std::string text = "-";
  bool ids = false;
  bool json = false;
  bool special = false;
  bool no_bos = false;
  bool decode = false;
};

std::string ReadInput(const std::string& text) {
  if (text != "-") return text;
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

/// Ids between spaces, commas and brackets; nullopt if there is anything else.
std::optional<std::vector<TokenId>> ParseIds(const std::string& text) {
  constexpr std::string_view kBetween = " \t\r\n,[]";
  std::vector<TokenId> ids;
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p < end;) {
    if (kBetween.find(*p) != std::string_view::npos) {
      ++p;
      continue;
    }
    TokenId id = 0;
    const auto [next, error] = std::from_chars(p, end, id);
    if (error != std::errc() || (next < end && kBetween.find(*next) == std::string_view::npos)) return std::nullopt;
    ids.push_back(id);
    p = next;
  }
  return ids;
}

void PrintIds(const std::vector<TokenId>& ids) {
  for (std::size_t i = 0; i < ids.size(); ++i) std::cout << (i > 0 ? " " : "") << ids[i];
  std::cout << '\n';
}

void PrintJson(const model::Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  nlohmann::ordered_json tokens = nlohmann::ordered_json::array();
  for (const TokenId id : ids) {
    tokens.push_back({{"id", id}, {"text", tokenizer.TokenBytes(id)}, {"special", tokenizer.IsSpecial(id)}});
  }
  const nlohmann::ordered_json out = {{"tokenizer", tokenizer.kind()}, {"count", ids.size()}, {"tokens", tokens}};
  // A token may be part of a character: such bytes come out as U+FFFD.
  std::cout << out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
}

void PrintTable(const model::Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  for (const TokenId id : ids) {
    std::cout << std::setw(8) << id << "  \"" << Printable(tokenizer.TokenBytes(id), kShownBytes) << '"'
              << (tokenizer.IsSpecial(id) ? "  special" : "") << '\n';
  }
  std::cout << ids.size() << (ids.size() == 1 ? " token (" : " tokens (") << tokenizer.kind() << ")\n";
}

int Decode(const model::Tokenizer& tokenizer, const TokenizeOptions& options) {
  const auto ids = ParseIds(ReadInput(options.text));
  if (!ids) {
    std::cerr << "bowhead tokenize: --decode wants token ids, separated by spaces or commas\n";
    return kExitUsage;
  }
  for (const TokenId id : *ids) {
    if (id >= 0 && static_cast<std::size_t>(id) < tokenizer.vocab_size()) continue;
    std::cerr << "bowhead tokenize: " << id << " is no token; the vocabulary has the ids 0 to "
              << tokenizer.vocab_size() - 1 << '\n';
    return kExitFailure;
  }
  std::cout << tokenizer.Decode(*ids, options.special);
  return kExitOk;
}

int Encode(const model::Tokenizer& tokenizer, const TokenizeOptions& options) {
  const std::vector<TokenId> ids =
      tokenizer.Encode(ReadInput(options.text), {.add_special = !options.no_bos, .parse_special = options.special});
  if (options.json) {
    PrintJson(tokenizer, ids);
  } else if (options.ids) {
    PrintIds(ids);
  } else {
    PrintTable(tokenizer, ids);
  }
  return kExitOk;
}

}  // namespace

int RunTokenize(int argc, char** argv) {
  TokenizeOptions options;
  CLI::App app("Show a text as a model's tokens, or tokens as text.", "bowhead tokenize");
  app.add_option("--model", options.file, "A GGUF file; only its header is read")->required();
  app.add_option("TEXT", options.text, "The text, or - for standard input (default); with --decode: token ids");
  auto* const ids = app.add_flag("--ids", options.ids, "Print only the ids");
  app.add_flag("--json", options.json, "Print JSON")->excludes(ids);
  app.add_flag("--special", options.special, "Text that spells a special token is that token; decode shows them");
  app.add_flag("--no-bos", options.no_bos, "Without the begin and end tokens that the model asks for");
  app.add_flag("--decode", options.decode, "Print the text of token ids");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const auto file = model::ModelFile::Open(options.file, {.header_only = true});
  const auto tokenizer = file.ok() ? model::Tokenizer::Create((*file)->metadata())
                                   : base::Result<std::unique_ptr<const model::Tokenizer>>(file.status());
  if (!tokenizer.ok()) {
    std::cerr << "bowhead tokenize: " << Printable(tokenizer.status().message(), 2000) << '\n';
    return kExitFailure;
  }
  return options.decode ? Decode(**tokenizer, options) : Encode(**tokenizer, options);
}

}  // namespace bowhead::cli
