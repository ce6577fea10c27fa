// Times of constraints, as JSON: compiling, filling masks, and memory, over a set of schemas, for each vocabulary.
//   grammar_bench SCHEMAS_FOLDER MODEL [MODEL...]
// SCHEMAS_FOLDER holds files of one JSON object per line with a member "schema" (tests/grammar/schemas). Masks are
// timed along random walks: once from scratch for each schema ("cold", what a first request sees) and once more with
// the tables that the first walk left ("warm", what later requests of the same schema see).
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/json_value.h"
#include "grammar/matcher.h"
#include "model/format/model_file.h"

namespace {

using namespace bowhead::grammar;  // NOLINT(google-build-using-namespace): a program of one file
using bowhead::model::TokenId;
using Clock = std::chrono::steady_clock;

double MicrosecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

std::vector<std::string> ReadSchemas(const char* folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> schemas;
  for (const auto& path : paths) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      const auto value = JsonValue::Parse(line, 64);
      const JsonValue* const schema = value.ok() ? value->Find("schema") : nullptr;
      if (schema != nullptr) schemas.push_back(schema->ToText());
    }
  }
  return schemas;
}

/// "name": {"n": .., "p50": .., "p99": .., "max": ..}
void Print(const char* name, std::vector<double> times, const char* end) {
  std::sort(times.begin(), times.end());
  const auto at = [&times](double share) {
    return times.empty() ? 0.0 : times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
  };
  double sum = 0;
  for (const double time : times) sum += time;
  std::printf("\"%s\": {\"n\": %zu, \"mean\": %.2f, \"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f}%s", name, times.size(),
              times.empty() ? 0.0 : sum / static_cast<double>(times.size()), at(0.5), at(0.99), at(1), end);
}

/// One text of at most `max_tokens` random tokens; the time of each mask goes to `times`.
void Walk(const std::shared_ptr<Constraint>& constraint, const TokenTrie& trie, std::uint64_t seed, int max_tokens,
          std::vector<double>& times, std::vector<double>& accept_times) {
  std::mt19937_64 random(seed);
  Matcher matcher(constraint);
  TokenMask mask(trie.vocab_size());
  std::vector<TokenId> allowed;
  for (int n = 0; n < max_tokens; ++n) {
    const auto begin = Clock::now();
    if (!matcher.FillMask(&mask).ok()) return;
    times.push_back(MicrosecondsSince(begin));
    allowed.clear();
    mask.ForEach([&allowed](TokenId token) { allowed.push_back(token); });
    TokenId token = allowed[std::uniform_int_distribution<std::size_t>(0, allowed.size() - 1)(random)];
    // Strings of some tokens rather than endless ones.
    if (allowed.size() > trie.vocab_size() / 2 && random() % 6 == 0) {
      const auto quote = std::find_if(allowed.begin(), allowed.end(),
                                      [&](TokenId t) { return trie.TokenBytes(t) == std::string_view("\""); });
      if (quote != allowed.end()) token = *quote;
    }
    const auto accept_begin = Clock::now();
    if (!matcher.AcceptToken(token) || trie.IsEnd(token)) return;
    accept_times.push_back(MicrosecondsSince(accept_begin));
  }
}

bool Measure(const char* path, const std::vector<std::shared_ptr<const Grammar>>& grammars, const char* end) {
  auto file = bowhead::model::ModelFile::Open(path);
  if (!file.ok()) {
    std::fprintf(stderr, "grammar_bench: %s\n", file.status().ToString().c_str());
    return false;
  }
  const auto tokenizer = bowhead::model::Tokenizer::Create((*file)->metadata());
  if (!tokenizer.ok()) {
    std::fprintf(stderr, "grammar_bench: %s\n", tokenizer.status().ToString().c_str());
    return false;
  }
  const std::string kind((*tokenizer)->kind());
  const auto begin = Clock::now();
  const auto trie = TokenTrie::Create(**tokenizer);
  const double trie_ms = MicrosecondsSince(begin) / 1000;
  std::vector<double> cold;
  std::vector<double> warm;
  std::vector<double> accept;
  std::size_t most_bytes = 0;
  for (const auto& grammar : grammars) {
    const auto constraint = Constraint::Create(grammar, trie);
    for (std::uint64_t seed = 0; seed < 3; ++seed) Walk(constraint, *trie, seed, 120, seed == 0 ? cold : warm, accept);
    most_bytes = std::max(most_bytes, constraint->TableBytes());
  }
  std::printf("  {\"vocabulary\": \"%s\", \"tokens\": %zu, \"trie_ms\": %.1f, \"max_table_mib\": %.1f,\n   ",
              kind.c_str(), trie->vocab_size(), trie_ms, static_cast<double>(most_bytes) / (1 << 20));
  Print("mask_cold_us", cold, ",\n   ");
  Print("mask_warm_us", warm, ",\n   ");
  Print("accept_us", accept, "}");
  std::printf("%s", end);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: grammar_bench SCHEMAS_FOLDER MODEL [MODEL...]\n");
    return 1;
  }
  std::vector<std::shared_ptr<const Grammar>> grammars;
  std::vector<double> compile_ms;
  std::map<std::string, int> refused;
  const std::vector<std::string> schemas = ReadSchemas(argv[1]);
  for (const std::string& schema : schemas) {
    const auto begin = Clock::now();
    const auto grammar = CompileJsonSchema(schema, {});
    compile_ms.push_back(MicrosecondsSince(begin) / 1000);
    if (grammar.ok()) {
      grammars.push_back(*grammar);
    } else {
      const std::string message = grammar.status().message();
      std::string keyword = "other";
      if (message.front() == '\'') keyword.assign(message, 1, message.find('\'', 1) - 1);
      ++refused[keyword];
    }
  }
  std::printf("{\"schemas\": %zu, \"compiled\": %zu,\n ", schemas.size(), grammars.size());
  Print("compile_ms", compile_ms, ",\n \"refused\": {");
  const char* separator = "";
  for (const auto& [keyword, count] : refused) {
    std::printf("%s\"%s\": %d", separator, keyword.c_str(), count);
    separator = ", ";
  }
  std::printf("},\n \"vocabularies\": [\n");
  bool ok = true;
  for (int i = 2; i < argc; ++i) ok = Measure(argv[i], grammars, i + 1 < argc ? ",\n" : "\n") && ok;
  std::printf("]}\n");
  return ok ? 0 : 1;
}
