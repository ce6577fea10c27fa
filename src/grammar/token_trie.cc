#include "grammar/token_trie.h"

#include <algorithm>
#include <utility>

#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {
namespace {

/// How many characters a plain token has; 0 if it is not plain.
std::uint32_t PlainLength(std::string_view bytes) {
  std::uint32_t length = 0;
  for (const char *p = bytes.data(), *end = p + bytes.size(); p != end; ++length) {
    const model::DecodedChar c = model::DecodeUtf8(p, end);
    if (!c.valid || c.value < 0x20 || c.value == '"' || c.value == '\\') return 0;
    p += c.length;
  }
  return length <= TokenTrie::kMaxPlainLength ? length : 0;
}

bool IsMark(const model::Tokenizer& tokenizer, model::TokenId token) {
  const std::string_view bytes = tokenizer.TokenBytes(token);
  if (bytes.empty() || bytes.size() >= TokenTrie::kMaxTokenBytes || tokenizer.IsEndOfGeneration(token)) return false;
  constexpr std::size_t kShortest = 4;
  return tokenizer.IsSpecial(token) || (bytes.size() >= kShortest && bytes.front() == '<' && bytes.back() == '>');
}

}  // namespace

std::shared_ptr<const TokenTrie> TokenTrie::Create(const model::Tokenizer& tokenizer) {
  const std::shared_ptr<TokenTrie> trie(new TokenTrie());
  trie->tokenizer_ = &tokenizer;
  trie->vocab_size_ = tokenizer.vocab_size();
  std::vector<Entry> plain;
  std::vector<Entry> others;
  trie->plain_up_to_.assign(kMaxPlainLength + 1, TokenMask(trie->vocab_size_));
  for (std::size_t i = 0; i < trie->vocab_size_; ++i) {
    const auto token = static_cast<model::TokenId>(i);
    if (trie->IsEnd(token)) trie->end_tokens_.push_back(token);
    if (IsMark(tokenizer, token)) {
      const std::string& mark =
          trie->marks_.emplace(token, kMarkByte + std::string(tokenizer.TokenBytes(token))).first->second;
      others.push_back({mark, token});
    }
    const Entry entry = {trie->TokenBytes(token), token};
    if (entry.bytes.empty()) continue;
    const std::uint32_t length = PlainLength(entry.bytes);
    if (length > 0) trie->plain_up_to_[length].Allow(token);
    (length > 0 ? plain : others).push_back(entry);
  }
  for (std::size_t i = 1; i <= kMaxPlainLength; ++i) trie->plain_up_to_[i].AllowAllOf(trie->plain_up_to_[i - 1]);
  trie->Build(std::move(plain), trie->plain_);
  trie->Build(std::move(others), trie->others_);
  return trie;
}

void TokenTrie::Build(std::vector<Entry> entries, std::vector<Node>& nodes) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.bytes != b.bytes ? a.bytes < b.bytes : a.token < b.token; });
  std::vector<std::uint32_t> path;  // the nodes from the root to the last one
  const auto shorten = [&](std::size_t length) {
    for (; path.size() > length; path.pop_back()) {
      nodes[path.back()].size = static_cast<std::uint32_t>(nodes.size()) - path.back();
    }
  };
  std::string_view last;
  for (const Entry& entry : entries) {
    if (entry.bytes == last) {
      // Marks spelled alike may differ in whether they are text, too.
      if (entry.bytes.front() != kMarkByte) twins_.emplace_back(nodes[path.back()].token, entry.token);
      continue;
    }
    const auto differ = std::mismatch(last.begin(), last.end(), entry.bytes.begin(), entry.bytes.end());
    const auto common = static_cast<std::size_t>(differ.first - last.begin());
    shorten(common);
    for (std::size_t i = common; i < entry.bytes.size(); ++i) {
      path.push_back(static_cast<std::uint32_t>(nodes.size()));
      nodes.push_back({1, -1, static_cast<std::uint8_t>(entry.bytes[i]), static_cast<std::uint8_t>(i + 1)});
    }
    nodes.back().token = entry.token;
    last = entry.bytes;
  }
  shorten(0);
}

const TokenMask& TokenTrie::PlainUpTo(std::uint32_t length) const {
  return plain_up_to_[std::min(length, kMaxPlainLength)];
}

std::string_view TokenTrie::TokenBytes(model::TokenId token) const {
  if (tokenizer_->IsSpecial(token) || tokenizer_->IsEndOfGeneration(token)) return {};
  const std::string_view bytes = tokenizer_->TokenBytes(token);
  // A byte that no text has would begin a mark.
  const bool text = bytes.size() <= kMaxTokenBytes && bytes.find(kMarkByte) == std::string_view::npos;
  return text ? bytes : std::string_view();
}

std::string_view TokenTrie::MarkBytes(model::TokenId token) const {
  const auto found = marks_.find(token);
  return found == marks_.end() ? std::string_view() : found->second;
}

std::string TokenTrie::SpellMarks(std::string_view text) const {
  std::string spelled;
  std::string plain;
  for (const model::TokenId token : tokenizer_->Encode(text, {.add_special = false, .parse_special = true})) {
    const std::string_view mark = MarkBytes(token);
    spelled += mark.empty() ? tokenizer_->TokenBytes(token) : mark;
    plain += tokenizer_->TokenBytes(token);
  }
  // Some vocabularies write a space before the first word; the text is then no mark of theirs.
  return plain == text ? spelled : std::string(text);
}

void TokenTrie::AllowTwins(TokenMask& mask) const {
  for (const auto& [in_tree, twin] : twins_) {
    if (mask.Allows(in_tree)) mask.Allow(twin);
  }
}

}  // namespace bowhead::grammar
