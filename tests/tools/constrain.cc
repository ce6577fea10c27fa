// Drives constraints for the Python tests.  constrain MODEL  (a GGUF file with a tokenizer; weights are not needed)
// Reads JSON lines on stdin and writes one JSON line for each:
//   {"kind": "schema" | "object" | "regex" | "ebnf" | "choice", "source": text or [texts], "compact": false}
//       compiles and makes it current: {"ok": true, "ms": 0.3} or {"error": ..., "code": "UNIMPLEMENTED"}
//   {"walk": seed, "tokens": 300, "names": [], "endings": []}   random tokens of the mask, from some point on such that
//   the text ends
//       soon; keys are then taken from `names` where one fits, and if that takes long, the end of one
//       of `endings` is written where it fits:
//       {"text": ..., "ended": true, "forced": bytes that were forced}, or {"error": ...} if a mask was empty or wrong
//   {"accept": text}                {"accepted": true, "bytes": how many could be accepted}
#include <algorithm>
#include <array>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "grammar/grammar.h"
#include "grammar/matcher.h"
#include "model/format/model_file.h"
#include "model/tokenizer/tokenizer.h"

namespace {

using namespace bowhead::grammar;  // NOLINT(google-build-using-namespace): a program of one file
using bowhead::model::TokenId;
using Json = nlohmann::ordered_json;

Json Error(const std::string& message) {
  return {{"error", message}};
}

GrammarResult Compile(const Json& request) {
  CompileOptions options;
  if (request.value("compact", false)) options.layout = JsonLayout::kCompact;
  const std::string kind = request["kind"];
  if (kind == "object") return CompileJsonObject(options);
  if (kind == "choice") return CompileChoice(request["source"].get<std::vector<std::string>>(), options);
  const std::string source = request["source"];
  if (kind == "schema") return CompileJsonSchema(source, options);
  if (kind == "regex") return CompileRegex(source, options);
  return CompileEbnf(source, options);
}

/// Chooses tokens at random: at first any, later those that bring a text to its end.
class Walker {
 public:
  Walker(std::shared_ptr<Constraint> constraint, const TokenTrie& trie, std::uint64_t seed)
      : matcher_(std::move(constraint)), trie_(trie), random_(seed) {
    for (std::size_t i = 0; i < trie.vocab_size(); ++i) {
      const auto token = static_cast<TokenId>(i);
      const std::string_view bytes = trie.TokenBytes(token);
      if (bytes.size() == 1) byte_tokens_[static_cast<unsigned char>(bytes[0])] = token;
    }
  }

  Json Walk(std::size_t max_tokens, const std::vector<std::string>& names, const std::vector<std::string>& endings) {
    std::string text;
    std::size_t forced = 0;
    for (std::size_t n = 0; n < max_tokens + kMoreTokens; ++n) {
      if (n >= max_tokens && !text.empty() && text.back() == '"') {
        for (const std::string& name : names) {
          if (matcher_.Accept(name + "\":")) text += name + "\":";
        }
      }
      if (n > max_tokens + kPatience && Finish(endings, text))
        return {{"text", text}, {"ended", true}, {"forced", forced}};
      const std::string must = matcher_.ForcedBytes();
      if (const auto status = matcher_.FillMask(&mask_); !status.ok()) return Failure(status.ToString(), text);
      const TokenId token = Choose(n >= max_tokens);
      if (!matcher_.Allows(token)) return Failure("the mask allows a token that does not match", text);
      if (!CheckOthers()) return Failure("the mask forbids a token that matches", text);
      if (!matcher_.AcceptToken(token)) return Failure("an allowed token was not accepted", text);
      if (trie_.IsEnd(token)) return {{"text", text}, {"ended", true}, {"forced", forced}};
      const std::string_view bytes = trie_.TokenBytes(token);
      if (must.substr(0, bytes.size()) != bytes.substr(0, must.size()))
        return Failure("forced bytes were not forced", text);
      forced += std::min(must.size(), bytes.size());
      text += bytes;
    }
    return {{"text", text}, {"ended", false}, {"forced", forced}};
  }

 private:
  static Json Failure(const std::string& what, const std::string& text) { return {{"error", what}, {"text", text}}; }

  TokenId Choose(bool hurry) {
    const bool closing = hurry || std::uniform_int_distribution<int>(0, 2)(random_) == 0;
    if (!closing) return Any();
    for (const TokenId token : trie_.end_tokens()) {
      if (mask_.Allows(token)) return token;
    }
    // Now and then any byte, as what ends a text need not be one of the usual marks.
    if (random_() % 4 == 0) {
      for (int tries = 0; tries < 400; ++tries) {
        const char c = static_cast<char>(random_() % 256);
        if (IsAllowed(c)) return byte_tokens_[static_cast<unsigned char>(c)];
      }
    }
    // Where 'a' is allowed a string is (most likely) open.
    const bool in_string = IsAllowed('a') && IsAllowed('Z');
    for (const char c : std::string_view(in_string ? "\"}][0:," : "}][\"0:,")) {
      if (IsAllowed(c)) return byte_tokens_[static_cast<unsigned char>(c)];
    }
    return Any();
  }

  TokenId Any() {
    for (int tries = 0; tries < 200; ++tries) {
      const TokenId token = RandomToken();
      if (mask_.Allows(token)) return token;
    }
    std::vector<TokenId> allowed;
    mask_.ForEach([&allowed](TokenId token) { allowed.push_back(token); });
    return allowed[std::uniform_int_distribution<std::size_t>(0, allowed.size() - 1)(random_)];
  }

  TokenId RandomToken() {
    return static_cast<TokenId>(std::uniform_int_distribution<std::size_t>(0, trie_.vocab_size() - 1)(random_));
  }

  [[nodiscard]] bool IsAllowed(char c) const {
    const TokenId token = byte_tokens_[static_cast<unsigned char>(c)];
    return token >= 0 && mask_.Allows(token);
  }

  /// Of some random tokens that the mask leaves out, none would be accepted. (One token that closes two keys of one
  /// object is left out on purpose; there are hardly any.)
  bool CheckOthers() {
    for (int i = 0; i < 16; ++i) {
      const TokenId token = RandomToken();
      if (!mask_.Allows(token) && matcher_.Allows(token)) return false;
    }
    return true;
  }

  /// True if the end of one of `endings` ends the text.
  bool Finish(const std::vector<std::string>& endings, std::string& text) {
    for (const std::string& ending : endings) {
      for (std::size_t i = ending.size(); i-- > 0;) {
        Matcher matcher = matcher_;
        if (!matcher.Accept(std::string_view(ending).substr(i)) || !matcher.CanEnd()) continue;
        text += ending.substr(i);
        return true;
      }
    }
    return false;
  }

  static constexpr std::size_t kPatience = 300;
  static constexpr std::size_t kMoreTokens = 1500;  // for what must come before the end

  Matcher matcher_;
  const TokenTrie& trie_;
  std::mt19937_64 random_;
  std::array<TokenId, 256> byte_tokens_ = {};  // 0 for none: the masks of these vocabularies never allow it
  TokenMask mask_;
};

Json Accept(const std::shared_ptr<Constraint>& constraint, const std::string& text) {
  Matcher matcher(constraint);
  const std::size_t bytes = matcher.CountAcceptable(text);
  const bool accepted = matcher.Accept(text) && matcher.CanEnd();
  return {{"accepted", accepted}, {"bytes", bytes}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: constrain MODEL\n";
    return 1;
  }
  auto file = bowhead::model::ModelFile::Open(argv[1]);
  auto tokenizer = file.ok() ? bowhead::model::Tokenizer::Create((*file)->metadata())
                             : bowhead::base::Result<std::unique_ptr<const bowhead::model::Tokenizer>>(file.status());
  if (!tokenizer.ok()) {
    std::cerr << "constrain: " << tokenizer.status().ToString() << '\n';
    return 1;
  }
  const auto trie = TokenTrie::Create(**tokenizer);
  std::shared_ptr<Constraint> constraint;
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line);
    Json answer;
    if (request.contains("kind")) {
      const auto begin = std::chrono::steady_clock::now();
      const auto grammar = Compile(request);
      const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
      if (grammar.ok()) {
        constraint = Constraint::Create(*grammar, trie);
        answer = {{"ok", true}, {"ms", ms}};
      } else {
        answer = {{"error", grammar.status().message()}, {"code", StatusCodeName(grammar.status().code())}, {"ms", ms}};
      }
    } else if (constraint == nullptr) {
      answer = Error("nothing was compiled");
    } else if (request.contains("walk")) {
      answer = Walker(constraint, *trie, request["walk"])
                   .Walk(request.value("tokens", 60), request.value("names", std::vector<std::string>()),
                         request.value("endings", std::vector<std::string>()));
    } else {
      answer = Accept(constraint, request["accept"]);
    }
    std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  }
  return 0;
}
