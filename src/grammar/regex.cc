#include "grammar/regex.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {
namespace {

const CodePointSet& Digits() {
  static const CodePointSet set({{'0', '9'}});
  return set;
}
const CodePointSet& WordCharacters() {
  static const CodePointSet set({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
  return set;
}
/// WhiteSpace and LineTerminator of ECMA-262.
const CodePointSet& Spaces() {
  static const CodePointSet set({{9, 13},
                                 {' ', ' '},
                                 {0xA0, 0xA0},
                                 {0x1680, 0x1680},
                                 {0x2000, 0x200A},
                                 {0x2028, 0x2029},
                                 {0x202F, 0x202F},
                                 {0x205F, 0x205F},
                                 {0x3000, 0x3000},
                                 {0xFEFF, 0xFEFF}});
  return set;
}
const CodePointSet& NoLineTerminators() {
  static const CodePointSet set = CodePointSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).Complement();
  return set;
}

/// The code points whose general category is in `mask`.
CodePointSet WithCategories(std::uint32_t mask) {
  std::vector<CodePointRange> ranges;
  const auto table = model::UnicodeRanges();
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::uint32_t last = i + 1 < table.size() ? (table[i + 1] >> 8U) - 1 : 0x10FFFF;
    if (model::Properties(static_cast<std::uint8_t>(table[i])).In(mask)) ranges.push_back({table[i] >> 8U, last});
  }
  return CodePointSet(ranges);
}

std::optional<std::uint32_t> CategoriesOf(std::string_view name) {
  using model::Category;
  using model::CategoryBit;
  static constexpr std::array<std::pair<std::string_view, std::uint32_t>, 12> kGroups = {{
      {"L", model::kLetters},
      {"Letter", model::kLetters},
      {"Lu", CategoryBit(Category::kLu)},
      {"Ll", CategoryBit(Category::kLl)},
      {"Lt", CategoryBit(Category::kLt)},
      {"Lm", CategoryBit(Category::kLm)},
      {"Lo", CategoryBit(Category::kLo)},
      {"M", model::kMarks},
      {"N", model::kNumbers},
      {"Nd", CategoryBit(Category::kNd)},
      {"P", model::kPunctuation},
      {"S", model::kSymbols},
  }};
  for (const auto& [known, mask] : kGroups) {
    if (known == name) return mask;
  }
  return std::nullopt;
}

class RegexParser {
 public:
  RegexParser(std::string_view text, const Limits& limits)
      : text_(text), p_(text.data()), end_(p_ + text.size()), nesting_left_(limits.max_nesting) {}

  base::Result<Regex> Parse() {
    Regex regex;
    if (ParseAlternatives(regex) && p_ != end_) Fail("')' without '('");
    if (!status_.ok()) return status_;
    return regex;
  }

 private:
  bool Fail(const std::string& what, bool unsupported = false) {
    if (!status_.ok()) return false;
    const std::string message = what + " at offset " + std::to_string(p_ - text_.data()) + " of the pattern";
    status_ = unsupported ? base::Unimplemented(message) : base::InvalidArgument(message);
    return false;
  }
  [[nodiscard]] bool At(char c) const { return p_ != end_ && *p_ == c; }
  bool Take(char c) {
    if (!At(c)) return false;
    ++p_;
    return true;
  }
  bool TakeText(std::string_view word) {
    if (std::string_view(p_, static_cast<std::size_t>(end_ - p_)).substr(0, word.size()) != word) return false;
    p_ += word.size();
    return true;
  }

  bool ParseAlternatives(Regex& out) {
    std::vector<Regex> branches;
    do {
      Regex branch;
      if (!ParseSequence(branch)) return false;
      branches.push_back(std::move(branch));
    } while (Take('|'));
    out = branches.size() == 1 ? std::move(branches.front()) : Regex::Alternative(std::move(branches));
    return true;
  }

  bool ParseSequence(Regex& out) {
    std::vector<Regex> parts;
    while (p_ != end_ && *p_ != '|' && *p_ != ')') {
      Regex part;
      if (!ParseAtom(part) || !ParseQuantifier(part)) return false;
      parts.push_back(std::move(part));
    }
    out = Regex::Sequence(std::move(parts));
    return true;
  }

  bool ParseAtom(Regex& out) {
    switch (*p_) {
      case '^':
      case '$':
        out.kind = *p_++ == '^' ? Regex::Kind::kBegin : Regex::Kind::kEnd;
        if (At('*') || At('+') || At('?') || At('{')) return Fail("a quantifier after ^ or $");
        return true;
      case '(':
        return ParseGroup(out);
      case '[':
        ++p_;
        return ParseClass(out);
      case '.':
        ++p_;
        out = Regex::Set(NoLineTerminators());
        return true;
      case '*':
      case '+':
      case '?':
      case '{':
        return Fail("a quantifier without anything to repeat");
      default: {
        CodePointSet set;
        if (!ParseCharacter(set, false)) return false;
        out = Regex::Set(std::move(set));
        return true;
      }
    }
  }

  bool ParseGroup(Regex& out) {
    ++p_;
    if (Take('?')) {
      if (TakeText("<=") || TakeText("<!") || At('=') || At('!')) return Fail("lookaround cannot be enforced", true);
      if (Take('<') || TakeText("P<")) {
        while (p_ != end_ && *p_ != '>') ++p_;
        if (!Take('>')) return Fail("the name of a group does not end");
      } else if (!Take(':')) {
        return Fail("this kind of group cannot be enforced", true);
      }
    }
    if (nesting_left_-- == 0) return Fail("groups are nested too deeply");
    if (!ParseAlternatives(out)) return false;
    ++nesting_left_;
    return Take(')') || Fail("'(' without ')'");
  }

  bool ParseQuantifier(Regex& part) {
    std::uint32_t min = 0;
    std::uint32_t max = kUnlimited;
    if (Take('+')) {
      min = 1;
    } else if (Take('?')) {
      max = 1;
    } else if (Take('{')) {
      if (!ParseNumber(min)) return false;
      max = min;
      if (Take(',')) {
        max = kUnlimited;
        if (!At('}') && !ParseNumber(max)) return false;
      }
      if (!Take('}')) return Fail("expected '}'");
      if (min > max) return Fail("a quantifier's numbers are out of order");
    } else if (!Take('*')) {
      return true;
    }
    Take('?');
    if (At('*') || At('+') || At('?') || At('{')) return Fail("a quantifier after a quantifier");
    part = Regex::Repeat(std::move(part), min, max);
    return true;
  }

  bool ParseNumber(std::uint32_t& value) {
    const char* const start = p_;
    value = 0;
    while (p_ != end_ && *p_ >= '0' && *p_ <= '9') {
      value = value * 10 + static_cast<std::uint32_t>(*p_ - '0');
      if (value > 100'000) return Fail("a quantifier above 100000");
      ++p_;
    }
    return p_ != start || Fail("expected a number");
  }

  bool ParseClass(Regex& out) {
    const bool negated = Take('^');
    std::vector<CodePointRange> ranges;
    while (!At(']')) {
      if (p_ == end_) return Fail("'[' without ']'");
      CodePointSet first;
      if (!ParseCharacter(first, true)) return false;
      if (At('-') && end_ - p_ > 1 && p_[1] != ']') {
        ++p_;
        CodePointSet last;
        if (p_ == end_ || !ParseCharacter(last, true)) return Fail("'[' without ']'");
        if (!IsSingle(first) || !IsSingle(last)) return Fail("a class as the end of a range");
        const CodePointRange range = {first.ranges()[0].first, last.ranges()[0].first};
        if (range.first > range.last) return Fail("a range is out of order");
        ranges.push_back(range);
      } else {
        ranges.insert(ranges.end(), first.ranges().begin(), first.ranges().end());
      }
    }
    ++p_;
    CodePointSet set(ranges);
    out = Regex::Set(negated ? set.Complement() : std::move(set));
    return true;
  }

  static bool IsSingle(const CodePointSet& set) {
    return set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].last;
  }

  bool ParseCharacter(CodePointSet& set, bool in_class) {
    if (*p_ == '\\') {
      ++p_;
      return ParseEscape(set, in_class);
    }
    const model::DecodedChar c = model::DecodeUtf8(p_, end_);
    if (!c.valid) return Fail("the pattern is not UTF-8");
    p_ += c.length;
    set = CodePointSet::Of(c.value);
    return true;
  }

  bool ParseEscape(CodePointSet& set, bool in_class) {
    if (p_ == end_) return Fail("a backslash at the end");
    const char c = *p_++;
    static constexpr std::string_view kNames = "tnvfr0";
    static constexpr std::string_view kValues("\t\n\v\f\r\0", 6);
    switch (c) {
      case 'd':
      case 'D':
        set = c == 'd' ? Digits() : Digits().Complement();
        return true;
      case 'w':
      case 'W':
        set = c == 'w' ? WordCharacters() : WordCharacters().Complement();
        return true;
      case 's':
      case 'S':
        set = c == 's' ? Spaces() : Spaces().Complement();
        return true;
      case 'p':
      case 'P':
        return ParseProperty(set, c == 'P');
      case 'x':
        return ParseHex(set, 2);
      case 'u':
        return ParseUnicodeEscape(set);
      case 'b':
        if (in_class) {
          set = CodePointSet::Of('\b');
          return true;
        }
        [[fallthrough]];
      case 'B':
        return Fail("word boundaries cannot be enforced", true);
      default:
        break;
    }
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      set = CodePointSet::Of(static_cast<unsigned char>(kValues[at]));
      return true;
    }
    if (c >= '1' && c <= '9') return Fail("backreferences cannot be enforced", true);
    if (c == 'k') return Fail("backreferences cannot be enforced", true);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Fail("an unknown escape");
    --p_;
    const model::DecodedChar decoded = model::DecodeUtf8(p_, end_);
    if (!decoded.valid) return Fail("the pattern is not UTF-8");
    p_ += decoded.length;
    set = CodePointSet::Of(decoded.value);
    return true;
  }

  bool ParseProperty(CodePointSet& set, bool negated) {
    if (!Take('{')) return Fail("expected '{' after \\p");
    const char* const start = p_;
    while (p_ != end_ && *p_ != '}') ++p_;
    const std::string_view name(start, static_cast<std::size_t>(p_ - start));
    if (!Take('}')) return Fail("\\p{ without }");
    const auto categories = CategoriesOf(name);
    if (!categories) return Fail("\\p{" + std::string(name.substr(0, 40)) + "} is not known", true);
    set = WithCategories(*categories);
    if (negated) set = set.Complement();
    return true;
  }

  bool ParseHex(CodePointSet& set, int digits) {
    std::uint32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = p_ == end_ ? -1 : HexDigit(*p_++);
      if (digit < 0) return Fail("expected hexadecimal digits");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    set = CodePointSet::Of(value);
    return true;
  }

  bool ParseUnicodeEscape(CodePointSet& set) {
    if (!Take('{')) return ParseHex(set, 4);
    std::uint32_t value = 0;
    const char* const start = p_;
    while (p_ != end_ && *p_ != '}') {
      const int digit = HexDigit(*p_++);
      if (digit < 0 || p_ - start > 6) return Fail("expected a code point");
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    if (p_ == start || !Take('}') || value > 0x10FFFF) return Fail("expected a code point");
    set = CodePointSet::Of(value);
    return true;
  }

  static int HexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  }

  std::string_view text_;
  const char* p_;
  const char* end_;
  int nesting_left_;
  base::Status status_;
};

}  // namespace

Regex Regex::Set(CodePointSet set) {
  Regex regex;
  regex.kind = Kind::kSet;
  regex.set = std::move(set);
  return regex;
}

Regex Regex::Text(std::string_view utf8) {
  Regex regex;
  for (const char *p = utf8.data(), *end = p + utf8.size(); p != end;) {
    const model::DecodedChar c = model::DecodeUtf8(p, end);
    regex.children.push_back(Set(CodePointSet::Of(c.value)));
    p += c.length;
  }
  return regex;
}

Regex Regex::Sequence(std::vector<Regex> children) {
  if (children.size() == 1) return std::move(children.front());
  Regex regex;
  regex.children = std::move(children);
  return regex;
}

Regex Regex::Alternative(std::vector<Regex> children) {
  Regex regex;
  regex.kind = Kind::kAlternative;
  regex.children = std::move(children);
  return regex;
}

Regex Regex::Repeat(Regex child, std::uint32_t min, std::uint32_t max) {
  Regex regex;
  regex.kind = Kind::kRepeat;
  regex.min = min;
  regex.max = max;
  regex.children.push_back(std::move(child));
  return regex;
}

base::Result<Regex> ParseRegex(std::string_view pattern, const Limits& limits) {
  if (pattern.size() > limits.max_source_bytes) return base::InvalidArgument("the pattern is too long");
  return RegexParser(pattern, limits).Parse();
}

}  // namespace bowhead::grammar
