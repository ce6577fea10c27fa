// Whether a given value matches schemas: what enum and const next to other keywords ask.
#include <algorithm>
#include <functional>

#include "grammar/schema_logic.h"
#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {
namespace {

using Kind = JsonValue::Kind;

constexpr int kMaxDepth = 16;

Answer And(Answer a, Answer b) {
  if (a == Answer::kNo || b == Answer::kNo) return Answer::kNo;
  return a == Answer::kYes ? b : a;
}

Answer FromBool(bool value) {
  return value ? Answer::kYes : Answer::kNo;
}

std::size_t CountCharacters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

bool IsInRange(const Decimal& number, const NumberRange& range) {
  if (range.min) {
    const int order = Compare(number, range.min->value);
    if (order < 0 || (order == 0 && range.min->exclusive)) return false;
  }
  if (range.max) {
    const int order = Compare(number, range.max->value);
    if (order > 0 || (order == 0 && range.max->exclusive)) return false;
  }
  if (range.multiple_of == 1) return true;
  std::uint64_t remainder = 0;
  for (const char digit : number.integer) {
    remainder = (remainder * 10 + static_cast<std::uint64_t>(digit - '0')) % range.multiple_of;
  }
  return number.is_integer() && remainder == 0;
}

}  // namespace

bool IsEqual(const JsonValue& a, const JsonValue& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kBool:
      return a.boolean() == b.boolean();
    case Kind::kString:
      return a.text() == b.text();
    case Kind::kNumber: {
      const auto x = Decimal::Parse(a.text());
      const auto y = Decimal::Parse(b.text());
      return x && y ? *x == *y : a.text() == b.text();
    }
    case Kind::kArray:
      return std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), IsEqual);
    case Kind::kObject: {
      if (a.members().size() != b.members().size()) return false;
      const auto sorted = [](const JsonValue& object) {
        std::vector<const JsonValue::Member*> members;
        for (const JsonValue::Member& member : object.members()) members.push_back(&member);
        std::sort(members.begin(), members.end(), [](const auto* x, const auto* y) { return x->first < y->first; });
        return members;
      };
      const auto x = sorted(a);
      const auto y = sorted(b);
      return std::equal(x.begin(), x.end(), y.begin(), [](const auto* p, const auto* q) {
        return p->first == q->first && IsEqual(p->second, q->second);
      });
    }
  }
  return false;
}

std::uint8_t TypeOf(const JsonValue& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return kNullType;
    case Kind::kBool:
      return kBooleanType;
    case Kind::kNumber: {
      const auto number = Decimal::Parse(value.text());
      return number && number->is_integer() ? kIntegerType : kFractionType;
    }
    case Kind::kString:
      return kStringType;
    case Kind::kArray:
      return kArrayType;
    case Kind::kObject:
      return kObjectType;
  }
  return 0;
}

base::Result<Answer> SchemaLogic::Matches(const JsonValue& value, const Conjunction& schemas, int depth) {
  if (depth > kMaxDepth) return Answer::kUnknown;
  const auto branches = Expand(schemas);
  if (!branches.ok()) return branches.status();
  Answer best = Answer::kNo;
  for (const Conjunction& branch : *branches) {
    auto matches = MatchesBranch(value, branch, depth + 1);
    if (!matches.ok() || *matches == Answer::kYes) return matches;
    if (*matches == Answer::kUnknown) best = Answer::kUnknown;
  }
  return best;
}

base::Result<Answer> SchemaLogic::MatchesBranch(const JsonValue& value, const Conjunction& branch, int depth) {
  Answer all = Answer::kYes;
  for (const SchemaNode node : branch) {
    auto matches = MatchesNode(value, node, depth);
    if (!matches.ok() || *matches == Answer::kNo) return matches;
    all = And(all, *matches);
  }
  return all;
}

base::Result<Answer> SchemaLogic::MatchesBesides(const JsonValue& value, SchemaNode listed, const Conjunction& branch) {
  Answer all = Answer::kYes;
  for (const SchemaNode node : branch) {
    const bool is_listed =
        node == listed && (FindKeyword(node, "const") == nullptr || FindKeyword(node, "enum") == nullptr);
    auto matches = is_listed ? MatchesOtherKeywords(value, node, 0) : MatchesNode(value, node, 0);
    if (!matches.ok() || *matches == Answer::kNo) return matches;
    all = And(all, *matches);
  }
  return all;
}

base::Result<Answer> SchemaLogic::MatchesNode(const JsonValue& value, SchemaNode node, int depth) {
  auto matches = MatchesValues(value, node);
  if (!matches.ok() || *matches == Answer::kNo) return matches;
  return MatchesOtherKeywords(value, node, depth);
}

base::Result<Answer> SchemaLogic::MatchesValues(const JsonValue& value, SchemaNode node) {
  if (const SchemaNode constant = FindKeyword(node, "const"); constant != nullptr && !IsEqual(value, *constant)) {
    return Answer::kNo;
  }
  if (const SchemaNode values = FindKeyword(node, "enum")) {
    if (!budget_.Spend(static_cast<std::int64_t>(values->items().size()))) return Budget::Exhausted();
    const auto same = [&value](const JsonValue& other) { return IsEqual(value, other); };
    if (std::none_of(values->items().begin(), values->items().end(), same)) return Answer::kNo;
  }
  return Answer::kYes;
}

base::Result<Answer> SchemaLogic::MatchesOtherKeywords(const JsonValue& value, SchemaNode node, int depth) {
  if (!budget_.Spend(8)) return Budget::Exhausted();
  if ((Types({node}) & TypeOf(value)) == 0) return Answer::kNo;
  switch (value.kind()) {
    case Kind::kNumber: {
      const auto number = Decimal::Parse(value.text());
      return number ? FromBool(IsInRange(*number, Numbers({node}))) : Answer::kUnknown;
    }
    case Kind::kString:
      return MatchesString(value, node);
    case Kind::kArray:
      return MatchesArray(value, node, depth);
    case Kind::kObject:
      return MatchesObject(value, node, depth);
    default:
      return Answer::kYes;
  }
}

base::Result<Answer> SchemaLogic::MatchesString(const JsonValue& value, SchemaNode node) {
  const std::size_t length = CountCharacters(value.text());
  if (length < Lower({node}, "minLength") || length > Upper({node}, "maxLength")) return Answer::kNo;
  const auto strings = Strings({node});
  if (!strings.ok()) return strings.status();
  return FromBool(*strings == nullptr || (*strings)->Match(value.text()) != TextDfa::kNotAccepting);
}

base::Result<Answer> SchemaLogic::MatchesArray(const JsonValue& value, SchemaNode node, int depth) {
  const std::size_t count = value.items().size();
  if (count < Lower({node}, "minItems") || count > Upper({node}, "maxItems")) return Answer::kNo;
  Answer all = Answer::kYes;
  for (std::size_t i = 0; i < count; ++i) {
    auto matches = Matches(value.items()[i], Item({node}, i), depth + 1);
    if (!matches.ok() || *matches == Answer::kNo) return matches;
    all = And(all, *matches);
  }
  const SchemaNode unique = FindKeyword(node, "uniqueItems");
  if (unique != nullptr && unique->boolean()) {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (!budget_.Spend()) return Budget::Exhausted();
        if (IsEqual(value.items()[i], value.items()[j])) return Answer::kNo;
      }
    }
  }
  return all;
}

base::Result<Answer> SchemaLogic::MatchesObject(const JsonValue& value, SchemaNode node, int depth) {
  const std::size_t count = value.members().size();
  // Names are looked up one after the other.
  std::size_t names_known = 16;
  for (const std::string_view keyword : {"required", "properties", "dependentRequired"}) {
    const SchemaNode list = FindKeyword(node, keyword);
    if (list != nullptr) names_known += list->items().size() + list->members().size();
  }
  if (!budget_.Spend(static_cast<std::int64_t>(count * names_known / 16))) return Budget::Exhausted();
  if (count < Lower({node}, "minProperties") || count > Upper({node}, "maxProperties")) return Answer::kNo;
  const auto has_all = [&value](const JsonValue& names) {
    return std::all_of(names.items().begin(), names.items().end(),
                       [&](const JsonValue& name) { return value.Find(name.text()) != nullptr; });
  };
  if (const SchemaNode required = FindKeyword(node, "required"); required != nullptr && !has_all(*required)) {
    return Answer::kNo;
  }
  if (const SchemaNode dependent = FindKeyword(node, "dependentRequired")) {
    for (const auto& [name, needs] : dependent->members()) {
      if (value.Find(name) != nullptr && !has_all(needs)) return Answer::kNo;
    }
  }
  const auto names = Names({node});
  if (!names.ok()) return names.status();
  Answer all = Answer::kYes;
  for (const auto& [name, member] : value.members()) {
    if (*names != nullptr && (*names)->Match(name) == TextDfa::kNotAccepting) return Answer::kNo;
    const auto schemas = Property({node}, name);
    if (!schemas.ok()) return schemas.status();
    auto matches = Matches(member, *schemas, depth + 1);
    if (!matches.ok() || *matches == Answer::kNo) return matches;
    all = And(all, *matches);
  }
  return all;
}

}  // namespace bowhead::grammar
