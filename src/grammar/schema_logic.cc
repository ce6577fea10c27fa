#include "grammar/schema_logic.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "grammar/regex.h"
#include "grammar/string_formats.h"

namespace bowhead::grammar {
namespace {

using Kind = JsonValue::Kind;

constexpr std::size_t kMaxBranches = 256;

std::uint8_t BitsOf(const std::string& type) {
  static constexpr std::array<std::pair<std::string_view, std::uint8_t>, 7> kTypes = {{
      {"null", kNullType},
      {"boolean", kBooleanType},
      {"integer", kIntegerType},
      {"number", kIntegerType | kFractionType},
      {"string", kStringType},
      {"array", kArrayType},
      {"object", kObjectType},
  }};
  for (const auto& [name, bits] : kTypes) {
    if (name == type) return bits;
  }
  return 0;
}

void Tighten(std::optional<NumberBound>& bound, SchemaNode value, bool exclusive, int direction) {
  if (value == nullptr) return;
  const NumberBound candidate = {*Decimal::Parse(value->text()), exclusive};
  const int order = bound ? direction * Compare(candidate.value, bound->value) : 1;
  if (order > 0 || (order == 0 && exclusive)) bound = candidate;
}

}  // namespace

bool IsFalse(SchemaNode node) {
  return node->is(Kind::kBool) && !node->boolean();
}

void Insert(Conjunction& schemas, SchemaNode node) {
  const auto at = std::lower_bound(schemas.begin(), schemas.end(), node, std::less<>());
  if (at == schemas.end() || *at != node) schemas.insert(at, node);
}

base::Result<std::vector<Conjunction>> SchemaLogic::Expand(const Conjunction& schemas) {
  std::vector<Conjunction> branches(1);
  std::vector<SchemaNode> chain;
  for (const SchemaNode node : schemas) {
    if (base::Status status = Add(branches, node, chain); !status.ok()) return status;
  }
  std::sort(branches.begin(), branches.end());
  branches.erase(std::unique(branches.begin(), branches.end()), branches.end());
  return branches;
}

base::Status SchemaLogic::Add(std::vector<Conjunction>& branches, SchemaNode node, std::vector<SchemaNode>& chain) {
  if (!budget_.Spend(static_cast<std::int64_t>(8 + branches.size()))) return Budget::Exhausted();
  if (node->is(Kind::kBool)) {
    if (!node->boolean()) branches.clear();
    return base::OkStatus();
  }
  if (std::find(chain.begin(), chain.end(), node) != chain.end()) {
    return document_.Malformed(node, "$ref", "the schema leads back to itself without a value in between");
  }
  chain.push_back(node);
  for (Conjunction& branch : branches) Insert(branch, node);
  if (FindKeyword(node, "$ref") != nullptr) {
    const auto target = document_.Resolve(node);
    if (!target.ok()) return target.status();
    if (base::Status status = Add(branches, *target, chain); !status.ok()) return status;
  }
  if (const SchemaNode all = FindKeyword(node, "allOf")) {
    for (const JsonValue& child : all->items()) {
      if (base::Status status = Add(branches, &child, chain); !status.ok()) return status;
    }
  }
  if (const SchemaNode any = FindKeyword(node, "anyOf")) {
    if (base::Status status = AddAnyOf(branches, *any, chain); !status.ok()) return status;
  }
  if (const SchemaNode one = FindKeyword(node, "oneOf")) {
    if (base::Status status = CheckOneOf(node, chain); !status.ok()) return status;
    if (base::Status status = AddAnyOf(branches, *one, chain); !status.ok()) return status;
  }
  chain.pop_back();
  return base::OkStatus();
}

base::Status SchemaLogic::AddAnyOf(std::vector<Conjunction>& branches, const JsonValue& choices,
                                   std::vector<SchemaNode>& chain) {
  std::vector<Conjunction> result;
  for (const JsonValue& child : choices.items()) {
    std::vector<Conjunction> chosen = branches;
    if (base::Status status = Add(chosen, &child, chain); !status.ok()) return status;
    result.insert(result.end(), chosen.begin(), chosen.end());
    if (result.size() > kMaxBranches) {
      return base::ResourceExhausted("anyOf and oneOf at " + document_.PointerTo(&choices) +
                                     " give more than 256 combinations; make the schema simpler");
    }
  }
  branches = std::move(result);
  return base::OkStatus();
}

base::Status SchemaLogic::CheckOneOf(SchemaNode node, std::vector<SchemaNode>& chain) {
  if (!checked_one_ofs_.insert(node).second) return base::OkStatus();
  const auto& choices = FindKeyword(node, "oneOf")->items();
  std::vector<std::vector<Conjunction>> expanded;
  for (const JsonValue& child : choices) {
    // What stands beside oneOf holds for every branch.
    std::vector<Conjunction> branches = {{node}};
    if (base::Status status = Add(branches, &child, chain); !status.ok()) return status;
    expanded.push_back(std::move(branches));
  }
  for (std::size_t i = 0; i < expanded.size(); ++i) {
    for (std::size_t j = i + 1; j < expanded.size(); ++j) {
      for (const Conjunction& a : expanded[i]) {
        for (const Conjunction& b : expanded[j]) {
          auto disjoint = AreDisjoint(a, b, 0);
          if (!disjoint.ok()) return disjoint.status();
          if (*disjoint) continue;
          return document_.Refuse(node, "oneOf",
                                  "a value may match both branch " + std::to_string(i) + " and branch " +
                                      std::to_string(j) +
                                      "; use anyOf, or give them a property with different constants");
        }
      }
    }
  }
  return base::OkStatus();
}

std::uint8_t SchemaLogic::Types(const Conjunction& branch) {
  std::uint8_t types = kAllTypes;
  for (const SchemaNode node : branch) {
    const SchemaNode type = FindKeyword(node, "type");
    if (type == nullptr) continue;
    std::uint8_t allowed = type->is(Kind::kString) ? BitsOf(type->text()) : 0;
    for (const JsonValue& item : type->items()) allowed |= BitsOf(item.text());
    const SchemaNode nullable = FindKeyword(node, "nullable");
    if (nullable != nullptr && nullable->boolean()) allowed |= kNullType;
    types &= allowed;
  }
  return types;
}

NumberRange SchemaLogic::Numbers(const Conjunction& branch) {
  NumberRange range;
  range.integer = (Types(branch) & kFractionType) == 0;
  for (const SchemaNode node : branch) {
    Tighten(range.min, FindKeyword(node, "minimum"), false, 1);
    Tighten(range.min, FindKeyword(node, "exclusiveMinimum"), true, 1);
    Tighten(range.max, FindKeyword(node, "maximum"), false, -1);
    Tighten(range.max, FindKeyword(node, "exclusiveMaximum"), true, -1);
    if (const SchemaNode multiple = FindKeyword(node, "multipleOf")) {
      // At most 9 digits each (see SchemaDocument); a product that is too large has too many states anyway.
      const std::uint64_t factor = std::stoull(Decimal::Parse(multiple->text())->integer);
      range.multiple_of = std::min<std::uint64_t>(std::lcm(range.multiple_of, factor), 1'000'000'000);
      range.integer = true;
    }
  }
  return range;
}

std::uint32_t SchemaLogic::Lower(const Conjunction& branch, std::string_view keyword) {
  std::uint32_t limit = 0;
  for (const SchemaNode node : branch) limit = std::max(limit, FindCount(node, keyword).value_or(0));
  return limit;
}

std::uint32_t SchemaLogic::Upper(const Conjunction& branch, std::string_view keyword) {
  std::uint32_t limit = kUnlimited;
  for (const SchemaNode node : branch) limit = std::min(limit, FindCount(node, keyword).value_or(kUnlimited));
  return limit;
}

base::Result<std::shared_ptr<const TextDfa>> SchemaLogic::Pattern(const std::string& pattern) {
  auto& known = patterns_[pattern];
  if (known != nullptr) return known;
  const bool is_format = pattern.substr(0, 7) == "format:";
  const auto regex = ParseRegex(is_format ? *FormatPattern(pattern.substr(7)) : pattern.substr(8), budget_.limits());
  if (!regex.ok()) return regex.status();
  auto dfa = TextDfa::FromRegex(*regex, !is_format, budget_);
  if (!dfa.ok()) return dfa.status();
  known = std::make_shared<const TextDfa>(std::move(dfa).value());
  return known;
}

base::Result<std::shared_ptr<const TextDfa>> SchemaLogic::Strings(const Conjunction& branch) {
  std::shared_ptr<const TextDfa> all;
  for (const SchemaNode node : branch) {
    for (const std::string_view keyword : {"pattern", "format"}) {
      const SchemaNode value = FindKeyword(node, keyword);
      if (value == nullptr) continue;
      auto dfa = Pattern(std::string(keyword) + ":" + value->text());
      if (dfa.ok() && all != nullptr) {
        auto both = TextDfa::Intersection(*all, **dfa, budget_);
        if (!both.ok()) return both.status().WithContext(document_.PointerTo(node));
        dfa = std::make_shared<const TextDfa>(std::move(both).value());
      }
      if (!dfa.ok()) return dfa.status().WithContext(document_.PointerTo(value));
      all = std::move(dfa).value();
    }
  }
  return all;
}

base::Result<std::shared_ptr<const TextDfa>> SchemaLogic::StringsWithLengths(const Conjunction& branch) {
  auto strings = Strings(branch);
  const std::uint32_t min = Lower(branch, "minLength");
  const std::uint32_t max = Upper(branch, "maxLength");
  if (!strings.ok() || (min == 0 && max == kUnlimited)) return strings;
  if (min > max) return std::make_shared<const TextDfa>();
  auto lengths = TextDfa::OfLength(min, max, budget_);
  if (lengths.ok() && *strings != nullptr) lengths = TextDfa::Intersection(**strings, *lengths, budget_);
  if (!lengths.ok()) return lengths.status().WithContext(document_.PointerTo(branch.front()));
  return std::make_shared<const TextDfa>(std::move(lengths).value());
}

base::Result<std::shared_ptr<const TextDfa>> SchemaLogic::Names(const Conjunction& branch) {
  Conjunction schemas;
  for (const SchemaNode node : branch) {
    if (const SchemaNode names = FindKeyword(node, "propertyNames")) Insert(schemas, names);
  }
  if (schemas.empty()) return std::shared_ptr<const TextDfa>();
  const auto alternatives = Expand(schemas);
  if (!alternatives.ok()) return alternatives.status();
  if (alternatives->size() > 1) {
    return document_.Refuse(schemas.front(), "propertyNames", "only a schema without alternatives");
  }
  if (alternatives->empty()) return std::make_shared<const TextDfa>();
  const Conjunction& names = alternatives->front();
  if ((Types(names) & kStringType) == 0) return std::make_shared<const TextDfa>();
  const SchemaNode values = FindValues(names);
  if (values == nullptr) return StringsWithLengths(names);
  std::vector<Regex> texts;
  for (const JsonValue* value : ListValues(values)) {
    auto matches = MatchesBranch(*value, names);
    if (!matches.ok()) return matches.status();
    if (*matches == Answer::kYes && value->is(Kind::kString)) texts.push_back(Regex::Text(value->text()));
  }
  auto dfa = TextDfa::FromRegex(Regex::Alternative(std::move(texts)), false, budget_);
  if (!dfa.ok()) return dfa.status();
  return std::make_shared<const TextDfa>(std::move(dfa).value());
}

Conjunction SchemaLogic::Item(const Conjunction& branch, std::size_t index) {
  Conjunction schemas;
  for (const SchemaNode node : branch) {
    const SchemaNode prefix = FindKeyword(node, "prefixItems");
    if (prefix != nullptr && index < prefix->items().size()) {
      Insert(schemas, &prefix->items()[index]);
    } else if (const SchemaNode items = FindKeyword(node, "items")) {
      Insert(schemas, items);
    }
  }
  return schemas;
}

base::Result<Conjunction> SchemaLogic::Property(const Conjunction& branch, std::string_view name) {
  Conjunction schemas;
  for (const SchemaNode node : branch) {
    bool known = false;
    const SchemaNode properties = FindKeyword(node, "properties");
    const SchemaNode property = properties == nullptr ? nullptr : properties->Find(name);
    if (property != nullptr) {
      Insert(schemas, property);
      known = true;
    }
    if (const SchemaNode patterns = FindKeyword(node, "patternProperties")) {
      for (const auto& [pattern, schema] : patterns->members()) {
        const auto dfa = Pattern("pattern:" + pattern);
        if (!dfa.ok()) return dfa.status().WithContext(document_.PointerTo(patterns));
        if ((*dfa)->Match(name) == TextDfa::kNotAccepting) continue;
        Insert(schemas, &schema);
        known = true;
      }
    }
    const SchemaNode additional = FindKeyword(node, "additionalProperties");
    if (!known && additional != nullptr) Insert(schemas, additional);
  }
  return schemas;
}

SchemaNode SchemaLogic::FindValues(const Conjunction& branch) {
  for (const SchemaNode node : branch) {
    if (FindKeyword(node, "const") != nullptr || FindKeyword(node, "enum") != nullptr) return node;
  }
  return nullptr;
}

std::vector<const JsonValue*> SchemaLogic::ListValues(SchemaNode node) {
  if (const SchemaNode constant = FindKeyword(node, "const")) return {constant};
  std::vector<const JsonValue*> values;
  for (const JsonValue& value : FindKeyword(node, "enum")->items()) values.push_back(&value);
  return values;
}

base::Result<bool> SchemaLogic::AreConjunctionsDisjoint(const Conjunction& a, const Conjunction& b, int depth) {
  const auto left = Expand(a);
  if (!left.ok()) return left.status();
  const auto right = Expand(b);
  if (!right.ok()) return right.status();
  for (const Conjunction& x : *left) {
    for (const Conjunction& y : *right) {
      auto disjoint = AreDisjoint(x, y, depth);
      if (!disjoint.ok() || !*disjoint) return disjoint;
    }
  }
  return true;
}

base::Result<bool> SchemaLogic::AreDisjoint(const Conjunction& a, const Conjunction& b, int depth) {
  constexpr int kMaxDepth = 4;
  if (depth > kMaxDepth) return false;
  if (!budget_.Spend(16)) return Budget::Exhausted();
  for (const auto& [with, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    const SchemaNode values = FindValues(*with);
    if (values == nullptr) continue;
    for (const JsonValue* value : ListValues(values)) {
      const auto own = MatchesBranch(*value, *with, depth + 1);
      if (!own.ok()) return own.status();
      auto matches = MatchesBranch(*value, *other, depth + 1);
      if (!matches.ok()) return matches.status();
      if (*own != Answer::kNo && *matches != Answer::kNo) return false;
    }
    return true;
  }
  const std::uint8_t common = Types(a) & Types(b);
  if ((common & (kNullType | kBooleanType)) != 0) return false;
  if ((common & kIntegerType) != 0) {
    const NumberRange x = Numbers(a);
    const NumberRange y = Numbers(b);
    const auto below = [](const NumberRange& low, const NumberRange& high) {
      if (!low.max || !high.min) return false;
      const int order = Compare(low.max->value, high.min->value);
      return order < 0 || (order == 0 && (low.max->exclusive || high.min->exclusive));
    };
    if (!below(x, y) && !below(y, x)) return false;
  }
  for (const std::uint8_t type : {kStringType, kArrayType, kObjectType}) {
    if ((common & type) == 0) continue;
    auto disjoint = type == kStringType  ? AreStringsDisjoint(a, b)
                    : type == kArrayType ? AreArraysDisjoint(a, b, depth)
                                         : AreObjectsDisjoint(a, b, depth);
    if (!disjoint.ok() || !*disjoint) return disjoint;
  }
  return true;
}

base::Result<bool> SchemaLogic::AreStringsDisjoint(const Conjunction& a, const Conjunction& b) {
  Conjunction both = a;
  for (const SchemaNode node : b) Insert(both, node);
  if (Lower(both, "minLength") > Upper(both, "maxLength")) return true;
  const auto strings = Strings(both);
  if (!strings.ok()) return strings.status();
  if (*strings == nullptr) return false;
  const auto with_lengths = StringsWithLengths(both);
  if (!with_lengths.ok()) return with_lengths.status();
  return (*with_lengths)->empty();
}

base::Result<bool> SchemaLogic::AreArraysDisjoint(const Conjunction& a, const Conjunction& b, int depth) {
  const std::uint32_t min = std::max(Lower(a, "minItems"), Lower(b, "minItems"));
  if (min > std::min(Upper(a, "maxItems"), Upper(b, "maxItems"))) return true;
  for (std::size_t i = 0; i < std::min<std::size_t>(min, 8); ++i) {
    auto disjoint = AreConjunctionsDisjoint(Item(a, i), Item(b, i), depth + 1);
    if (!disjoint.ok() || *disjoint) return disjoint;
  }
  return false;
}

base::Result<bool> SchemaLogic::AreObjectsDisjoint(const Conjunction& a, const Conjunction& b, int depth) {
  if (std::max(Lower(a, "minProperties"), Lower(b, "minProperties")) >
      std::min(Upper(a, "maxProperties"), Upper(b, "maxProperties"))) {
    return true;
  }
  // A property that one of them needs and whose values cannot suit both.
  for (const Conjunction* side : {&a, &b}) {
    for (const SchemaNode node : *side) {
      const SchemaNode required = FindKeyword(node, "required");
      if (required == nullptr) continue;
      for (const JsonValue& name : required->items()) {
        const auto x = Property(a, name.text());
        const auto y = Property(b, name.text());
        if (!x.ok() || !y.ok()) return x.ok() ? y.status() : x.status();
        auto disjoint = AreConjunctionsDisjoint(*x, *y, depth + 1);
        if (!disjoint.ok() || *disjoint) return disjoint;
      }
    }
  }
  return false;
}

}  // namespace bowhead::grammar
