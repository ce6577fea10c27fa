#include "grammar/ebnf.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "grammar/regex.h"
#include "grammar/text_dfa.h"
#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {
namespace {

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsNameCharacter(char c) {
  return IsNameStart(c) || (c >= '0' && c <= '9') || c == '-';
}

class EbnfParser {
 public:
  EbnfParser(std::string_view text, Budget& budget)
      : text_(text),
        p_(text.data()),
        end_(p_ + text.size()),
        budget_(budget),
        nesting_left_(budget.limits().max_nesting) {}

  base::Result<Syntax> Parse() {
    SkipBlank(true);
    FindNotation();
    while (p_ != end_ && ParseDefinition()) SkipBlank(true);
    if (status_.ok()) CheckRules();
    if (!status_.ok()) return status_;
    return std::move(syntax_);
  }

 private:
  bool Fail(const std::string& what, bool unsupported = false) {
    if (!status_.ok()) return false;
    const auto line = 1 + std::count(text_.data(), p_, '\n');
    const std::string message = what + " in line " + std::to_string(line) + " of the grammar";
    status_ = unsupported ? base::Unimplemented(message) : base::InvalidArgument(message);
    return false;
  }
  bool Fail(const base::Status& status) {
    if (status_.ok()) {
      const auto line = 1 + std::count(text_.data(), p_, '\n');
      status_ = status.WithContext("line " + std::to_string(line) + " of the grammar");
    }
    return false;
  }
  [[nodiscard]] std::string_view rest() const { return {p_, static_cast<std::size_t>(end_ - p_)}; }
  [[nodiscard]] bool At(char c) const { return p_ != end_ && *p_ == c; }
  bool Take(std::string_view word) {
    if (rest().substr(0, word.size()) != word) return false;
    p_ += word.size();
    return true;
  }

  /// Spaces and comments; line breaks too if they mean nothing here.
  void SkipBlank(bool lines) {
    while (p_ != end_) {
      if (*p_ == ' ' || *p_ == '\t' || *p_ == '\r' || (lines && *p_ == '\n')) {
        ++p_;
      } else if (*p_ == (lark_ ? '/' : '#') && (!lark_ || rest().substr(0, 2) == "//")) {
        while (p_ != end_ && *p_ != '\n') ++p_;
      } else {
        return;
      }
    }
  }

  void FindNotation() {
    // In Lark a colon without "=" follows the first name.
    if (rest().substr(0, 2) == "//" || At('%')) lark_ = true;
    SkipBlank(true);
    const char* q = p_;
    while (q != end_ && (*q == '?' || *q == '!')) ++q;
    while (q != end_ && IsNameCharacter(*q)) ++q;
    if (q != end_ && *q == '.') {
      ++q;
      while (q != end_ && *q >= '0' && *q <= '9') ++q;
    }
    while (q != end_ && (*q == ' ' || *q == '\t')) ++q;
    if (std::string_view(q, static_cast<std::size_t>(end_ - q)).substr(0, 3) != "::=" && q != end_ && *q == ':')
      lark_ = true;
  }

  RuleId RuleOf(const std::string& name) {
    const auto [it, added] = rules_.emplace(name, Named{});
    if (added) {
      it->second.rule = syntax_.AddRule(name);
      it->second.first_use = p_;
    }
    return it->second.rule;
  }

  bool ParseName(std::string& name) {
    const char* const start = p_;
    if (p_ == end_ || !IsNameStart(*p_)) return Fail("expected a name");
    while (p_ != end_ && IsNameCharacter(*p_)) ++p_;
    name.assign(start, p_);
    return true;
  }

  bool ParseDefinition() {
    if (!budget_.Spend(4)) return Fail(Budget::Exhausted());
    if (lark_ && At('%')) return Fail("directives (%ignore, %import, ...) cannot be enforced", true);
    if (lark_ && !Take("?")) Take("!");
    std::string name;
    if (!ParseName(name)) return false;
    if (lark_ && Take(".")) {
      while (p_ != end_ && *p_ >= '0' && *p_ <= '9') ++p_;  // a priority
    }
    if (lark_ && At('{')) return Fail("templates cannot be enforced", true);
    SkipBlank(false);
    if (!Take(lark_ ? ":" : "::=")) return Fail(lark_ ? "expected ':'" : "expected '::='");
    const RuleId rule = RuleOf(name);
    if (std::exchange(rules_[name].defined, true)) return Fail("'" + name + "' is defined twice");
    ExprId body = 0;
    if (!ParseAlternatives(body, 0)) return false;
    syntax_.SetBody(rule, body);
    return p_ == end_ || At('\n') || AtDefinition() || Fail("expected the end of the rule");
  }

  /// True if a definition begins here (after a line break).
  [[nodiscard]] bool AtDefinition() const {
    const char* q = p_;
    if (q == end_) return true;
    if (lark_ && *q == '%') return true;
    while (lark_ && q != end_ && (*q == '?' || *q == '!')) ++q;
    if (q == end_ || !IsNameStart(*q)) return false;
    while (q != end_ && IsNameCharacter(*q)) ++q;
    if (lark_ && q != end_ && *q == '.') {
      ++q;
      while (q != end_ && *q >= '0' && *q <= '9') ++q;
    }
    while (q != end_ && (*q == ' ' || *q == '\t')) ++q;
    const std::string_view after(q, static_cast<std::size_t>(end_ - q));
    return lark_ ? after.substr(0, 1) == ":" : after.substr(0, 3) == "::=";
  }

  /// Skips to the next part of an expression; false at its end. In groups line breaks mean nothing; outside a rule goes
  /// on over a line break unless a definition begins.
  bool MorePartsFollow(int group) {
    SkipBlank(false);
    while (At('\n')) {
      const char* const line_end = p_;
      SkipBlank(true);
      if (p_ == end_ || (group == 0 && AtDefinition())) {
        p_ = line_end;
        return false;
      }
    }
    return p_ != end_ && *p_ != ')' && *p_ != '|' && !(group != 0 && lark_ && *p_ == ']');
  }

  bool ParseAlternatives(ExprId& out, int group) {
    std::vector<ExprId> branches;
    for (;;) {
      std::vector<ExprId> parts;
      while (MorePartsFollow(group)) {
        if (lark_ && Take("->")) {
          std::string alias;
          SkipBlank(false);
          if (!ParseName(alias)) return false;
          continue;
        }
        ExprId part = 0;
        if (!ParseAtom(part) || !ParseQuantifiers(part)) return false;
        parts.push_back(part);
      }
      branches.push_back(parts.empty() ? syntax_.Bytes("") : syntax_.Sequence(std::move(parts)));
      if (!Take("|")) break;
    }
    out = syntax_.Alternative(std::move(branches));
    return true;
  }

  bool ParseAtom(ExprId& out) {
    if (!budget_.Spend(4)) return Fail(Budget::Exhausted());
    switch (*p_) {
      case '"':
        return ParseQuoted(out);
      case '(':
      case '[':
        if (*p_ == '(' || lark_) return ParseGroup(out);
        return ParseClass(out);
      case '.':
        if (lark_) break;
        ++p_;
        return AddRegex("[^\\n]", out);
      case '/':
        if (lark_) return ParseRegexLiteral(out);
        break;
      default:
        break;
    }
    std::string name;
    if (!ParseName(name)) return false;
    out = syntax_.Use(RuleOf(name));
    return true;
  }

  bool ParseGroup(ExprId& out) {
    const bool optional = *p_++ == '[';
    if (nesting_left_-- == 0) return Fail("groups are nested too deeply");
    if (!ParseAlternatives(out, 1)) return false;
    ++nesting_left_;
    if (!Take(optional ? "]" : ")")) return Fail("a group does not end");
    if (optional) out = syntax_.Repeat(out, 0, 1);
    return true;
  }

  bool ParseQuantifiers(ExprId& part) {
    constexpr int kMaxQuantifiers = 4;  // of one part, one after the other
    for (int count = 0;; ++count) {
      std::uint32_t min = 0;
      std::uint32_t max = kUnlimited;
      if (Take("?")) {
        max = 1;
      } else if (Take("+")) {
        min = 1;
      } else if (!lark_ && Take("{")) {
        if (!ParseCounts(",", min, max) || !Take("}")) return Fail("expected '}'");
      } else if (lark_ && (Take("~") || Take(" ~"))) {
        SkipBlank(false);
        if (!ParseCounts("..", min, max)) return false;
      } else if (!Take("*")) {
        return true;
      }
      if (count == kMaxQuantifiers) return Fail("too many quantifiers in a row");
      part = syntax_.Repeat(part, min, max);
    }
  }

  bool ParseCounts(std::string_view separator, std::uint32_t& min, std::uint32_t& max) {
    if (!ParseNumber(min)) return false;
    max = min;
    SkipBlank(false);
    if (Take(separator)) {
      SkipBlank(false);
      max = kUnlimited;
      if (p_ != end_ && *p_ >= '0' && *p_ <= '9' && !ParseNumber(max)) return false;
      SkipBlank(false);
    }
    return min <= max || Fail("the numbers of a repetition are out of order");
  }

  bool ParseNumber(std::uint32_t& value) {
    const char* const start = p_;
    value = 0;
    while (p_ != end_ && *p_ >= '0' && *p_ <= '9') {
      value = value * 10 + static_cast<std::uint32_t>(*p_++ - '0');
      if (value > 100'000) return Fail("a repetition above 100000");
    }
    return p_ != start || Fail("expected a number");
  }

  /// The text between two quotes, as a sequence of characters; the escapes are those of regular expressions.
  bool ParseQuoted(ExprId& out) {
    const char* const start = ++p_;
    while (p_ != end_ && *p_ != '"' && *p_ != '\n') p_ += *p_ == '\\' && end_ - p_ > 1 ? 2 : 1;
    if (!At('"')) return Fail("a quoted text does not end");
    const std::string_view inside(start, static_cast<std::size_t>(p_ - start));
    ++p_;
    const bool any_case = lark_ && At('i') && (end_ - p_ == 1 || !IsNameCharacter(p_[1]));
    if (any_case) ++p_;
    std::vector<Regex> characters;
    for (const char *q = inside.data(), *end = q + inside.size(); q != end;) {
      if (*q == '\\') {
        const char* const escape = q;
        q += std::min<std::ptrdiff_t>(end - q, EscapeLength(escape, end));
        auto parsed = ParseRegex({escape, static_cast<std::size_t>(q - escape)}, budget_.limits());
        if (!parsed.ok()) return Fail(parsed.status());
        characters.push_back(std::move(parsed).value());
        continue;
      }
      const model::DecodedChar c = model::DecodeUtf8(q, end);
      if (!c.valid) return Fail("the grammar is not UTF-8");
      q += c.length;
      CodePointSet set = CodePointSet::Of(c.value);
      const std::uint32_t folded = c.value | 0x20U;
      if (any_case && folded >= 'a' && folded <= 'z')
        set = CodePointSet({{folded, folded}, {folded - 0x20, folded - 0x20}});
      characters.push_back(Regex::Set(std::move(set)));
    }
    return AddRegex(Regex::Sequence(std::move(characters)), out);
  }

  static std::ptrdiff_t EscapeLength(const char* escape, const char* end) {
    if (end - escape < 2) return 2;
    if (escape[1] == 'x') return 4;
    if (escape[1] != 'u') return 2;
    if (end - escape < 3 || escape[2] != '{') return 6;
    return std::find(escape, end, '}') - escape + 1;
  }

  bool ParseClass(ExprId& out) {
    const char* const start = p_++;
    if (At('^')) ++p_;
    while (p_ != end_ && *p_ != ']' && *p_ != '\n') p_ += *p_ == '\\' && end_ - p_ > 1 ? 2 : 1;
    if (!At(']')) return Fail("'[' without ']'");
    ++p_;
    return AddRegex(std::string_view(start, static_cast<std::size_t>(p_ - start)), out);
  }

  bool ParseRegexLiteral(ExprId& out) {
    const char* const start = ++p_;
    while (p_ != end_ && *p_ != '/' && *p_ != '\n') p_ += *p_ == '\\' && end_ - p_ > 1 ? 2 : 1;
    if (!At('/')) return Fail("a regular expression does not end");
    const std::string_view inside(start, static_cast<std::size_t>(p_ - start));
    ++p_;
    if (p_ != end_ && IsNameCharacter(*p_)) return Fail("flags of regular expressions cannot be enforced", true);
    return AddRegex(inside, out);
  }

  bool AddRegex(std::string_view pattern, ExprId& out) {
    auto regex = ParseRegex(pattern, budget_.limits());
    if (!regex.ok()) return Fail(regex.status());
    return AddRegex(*regex, out);
  }

  bool AddRegex(const Regex& regex, ExprId& out) {
    auto dfa = TextDfa::FromRegex(regex, false, budget_);
    if (!dfa.ok()) return Fail(dfa.status());
    out = syntax_.Text(std::move(dfa).value(), TextEncoding::kUtf8);
    return true;
  }

  void CheckRules() {
    for (const auto& [name, rule] : rules_) {
      if (rule.defined) continue;
      p_ = rule.first_use;
      Fail("'" + name + "' is used, but not defined; it stands");
      return;
    }
    const auto start = rules_.find(lark_ ? "start" : "root");
    if (start == rules_.end()) {
      Fail(lark_ ? "there is no rule 'start'" : "there is no rule 'root'");
      return;
    }
    syntax_.start = start->second.rule;
  }

  struct Named {
    RuleId rule = 0;
    bool defined = false;
    const char* first_use = nullptr;
  };

  std::string_view text_;
  const char* p_;
  const char* end_;
  Budget& budget_;
  int nesting_left_;
  bool lark_ = false;
  base::Status status_;
  Syntax syntax_;
  std::map<std::string, Named> rules_;
};

}  // namespace

base::Result<Syntax> ParseEbnf(std::string_view text, Budget& budget) {
  return EbnfParser(text, budget).Parse();
}

}  // namespace bowhead::grammar
