#include "grammar/json_schema.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "grammar/schema_document.h"
#include "grammar/schema_logic.h"

namespace bowhead::grammar {
namespace {

using Kind = JsonValue::Kind;

constexpr std::size_t kMaxValues = 4096;      // of an enum
constexpr std::size_t kMaxProperties = 2048;  // named in one object
constexpr std::size_t kMaxPrefixItems = 512;
constexpr std::size_t kMaxParts = 4096;   // members and elements in one value of an enum
constexpr std::size_t kMaxPatterns = 16;  // patternProperties of one object

std::size_t CountParts(const JsonValue& value) {
  std::size_t count = value.items().size() + value.members().size();
  for (const JsonValue& item : value.items()) count += CountParts(item);
  for (const auto& [name, member] : value.members()) count += CountParts(member);
  return count;
}

class JsonSchemaCompiler {
 public:
  JsonSchemaCompiler(const SchemaDocument& document, bool flexible_layout, Budget& budget)
      : document_(document), budget_(budget), logic_(document, budget) {
    syntax_.space = syntax_.Bytes("");
    if (!flexible_layout) return;
    constexpr std::uint32_t kMaxIndent = 32;
    const ExprId indent = syntax_.Sequence({syntax_.Bytes("\n"), syntax_.Repeat(syntax_.Bytes(" "), 0, kMaxIndent)});
    syntax_.flexible_layout = true;
    syntax_.space = syntax_.Alternative({syntax_.Bytes(""), syntax_.Bytes(" "), indent});
    // A rule, so that all its places share it.
    const RuleId rule = syntax_.AddRule("space");
    syntax_.SetBody(rule, syntax_.space);
    syntax_.space = syntax_.Use(rule);
  }

  base::Result<Syntax> Run() {
    syntax_.start = RuleOf({document_.root()});
    while (!pending_.empty()) {
      const auto [schemas, rule] = std::move(pending_.front());
      pending_.pop_front();
      if (!budget_.Spend(32)) return Budget::Exhausted();
      const auto body = Body(schemas);
      if (!body.ok()) return body.status();
      syntax_.SetBody(rule, *body);
    }
    return std::move(syntax_);
  }

 private:
  using Expr = base::Result<ExprId>;

  RuleId RuleOf(const Conjunction& schemas) {
    Conjunction key;
    for (const SchemaNode node : schemas) {
      const bool says_nothing = node->is(Kind::kBool) ? node->boolean() : node->members().empty();
      if (!says_nothing) Insert(key, node);
    }
    const auto [it, added] = rules_.emplace(std::move(key), 0);
    if (added) {
      it->second = syntax_.AddRule("value");
      pending_.emplace_back(it->first, it->second);
    }
    return it->second;
  }

  Expr Body(const Conjunction& schemas) {
    const auto branches = logic_.Expand(schemas);
    if (!branches.ok()) return branches.status();
    std::vector<ExprId> choices;
    for (const Conjunction& branch : *branches) {
      const base::Status status =
          SchemaLogic::FindValues(branch) != nullptr ? AddValues(branch, choices) : AddTypes(branch, choices);
      if (!status.ok()) return status;
    }
    return syntax_.Alternative(std::move(choices));
  }

  base::Status AddValues(const Conjunction& branch, std::vector<ExprId>& choices) {
    const SchemaNode node = SchemaLogic::FindValues(branch);
    const std::vector<const JsonValue*> values = SchemaLogic::ListValues(node);
    if (values.size() > kMaxValues) return document_.Refuse(node, "enum", "more than 4096 values");
    std::vector<std::string> texts;
    for (const JsonValue* value : values) {
      if (CountParts(*value) > kMaxParts) return document_.Refuse(node, "const", "a value with more than 4096 parts");
      const auto matches = logic_.MatchesBesides(*value, node, branch);
      if (!matches.ok()) return matches.status();
      if (*matches == Answer::kNo) continue;
      if (*matches == Answer::kUnknown) {
        return document_.Refuse(node, "enum", "cannot be combined with what stands beside it");
      }
      if (value->is(Kind::kObject) || value->is(Kind::kArray)) {
        choices.push_back(Literal(*value));
      } else {
        texts.push_back(ScalarText(*value));
      }
    }
    if (!texts.empty()) choices.push_back(syntax_.OneOf(std::move(texts)));
    return base::OkStatus();
  }

  static std::string ScalarText(const JsonValue& value) {
    const auto number = value.is(Kind::kNumber) ? Decimal::Parse(value.text()) : std::nullopt;
    // 1.0 and 1e0 are the integer 1 to JSON Schema, but not to every reader; very long ones stay as they are.
    const bool is_short = number && number->integer.size() + number->fraction.size() < 20;
    return is_short ? number->ToText() : value.ToText();
  }

  /// The value with any layout and any order of its members.
  ExprId Literal(const JsonValue& value) {
    if (value.is(Kind::kObject)) {
      ObjectSyntax object;
      for (const auto& [name, member] : value.members()) {
        ObjectSyntax::Property property;
        property.name = name;
        property.required = true;
        property.value = syntax_.AddRule("constant");
        syntax_.SetBody(property.value, Literal(member));
        object.properties.push_back(std::move(property));
      }
      return syntax_.Object(std::move(object));
    }
    if (!value.is(Kind::kArray)) return syntax_.Bytes(ScalarText(value));
    std::vector<ExprId> parts = {syntax_.Bytes("["), syntax_.space};
    for (const JsonValue& item : value.items()) {
      if (parts.size() > 2) parts.insert(parts.end(), {syntax_.Bytes(","), syntax_.space});
      parts.push_back(Literal(item));
    }
    if (!value.items().empty()) parts.push_back(syntax_.space);
    parts.push_back(syntax_.Bytes("]"));
    return syntax_.Sequence(std::move(parts));
  }

  base::Status AddTypes(const Conjunction& branch, std::vector<ExprId>& choices) {
    const std::uint8_t types = SchemaLogic::Types(branch);
    const auto add = [&choices](Expr expr) {
      if (expr.ok()) choices.push_back(*expr);
      return expr.status();
    };
    if ((types & kNullType) != 0) choices.push_back(syntax_.Bytes("null"));
    if ((types & kBooleanType) != 0) choices.push_back(syntax_.OneOf({"true", "false"}));
    if ((types & kIntegerType) != 0) {
      if (base::Status status = add(Number(branch)); !status.ok()) return status;
    }
    if ((types & kStringType) != 0) {
      if (base::Status status = add(String(branch)); !status.ok()) return status;
    }
    if ((types & kArrayType) != 0) {
      if (base::Status status = add(Array(branch)); !status.ok()) return status;
    }
    if ((types & kObjectType) != 0) return add(Object(branch));
    return base::OkStatus();
  }

  Expr Number(const Conjunction& branch) {
    auto dfa = NumberDfa(SchemaLogic::Numbers(branch), budget_);
    if (!dfa.ok()) return dfa.status().WithContext(document_.PointerTo(branch.front()));
    return syntax_.Text(std::move(dfa).value(), TextEncoding::kUtf8);
  }

  Expr String(const Conjunction& branch) {
    const ExprId quote = syntax_.Bytes("\"");
    const auto pattern = logic_.Strings(branch);
    if (!pattern.ok()) return pattern.status();
    if (*pattern != nullptr) {
      const auto strings = logic_.StringsWithLengths(branch);
      if (!strings.ok()) return strings.status();
      return syntax_.Sequence({quote, syntax_.Text(TextDfa(**strings), TextEncoding::kJson), quote});
    }
    const std::uint32_t min = SchemaLogic::Lower(branch, "minLength");
    const std::uint32_t max = SchemaLogic::Upper(branch, "maxLength");
    if (min > max) return syntax_.Never();
    if (any_character_ == 0) any_character_ = syntax_.Character(CodePointSet::All(), TextEncoding::kJsonFree);
    return syntax_.Sequence({quote, syntax_.Repeat(any_character_, min, max), quote});
  }

  Expr Array(const Conjunction& branch) {
    const std::uint32_t min = SchemaLogic::Lower(branch, "minItems");
    const std::uint32_t max = SchemaLogic::Upper(branch, "maxItems");
    if (min > max) return syntax_.Never();
    std::size_t prefix = 0;
    for (const SchemaNode node : branch) {
      const SchemaNode unique = FindKeyword(node, "uniqueItems");
      if (unique != nullptr && unique->boolean() && max > 1) {
        return document_.Refuse(node, "uniqueItems", "cannot be enforced for more than one element");
      }
      if (const SchemaNode items = FindKeyword(node, "prefixItems")) prefix = std::max(prefix, items->items().size());
    }
    if (prefix > kMaxPrefixItems) return document_.Refuse(branch.front(), "prefixItems", "more than 512 elements");
    prefix = std::min<std::size_t>(prefix, max);
    const ExprId comma = syntax_.Sequence({syntax_.Bytes(","), syntax_.space});
    const ExprId optional_space = syntax_.space;

    // From the back: what follows `prefix` elements, then each of these. The first element has no comma before it.
    const std::uint32_t rest_min = min > prefix ? static_cast<std::uint32_t>(min - prefix) : 0;
    const std::uint32_t rest_max = max == kUnlimited ? max : static_cast<std::uint32_t>(max - prefix);
    ExprId tail = syntax_.Bytes("");
    if (rest_max > 0) {
      const ExprId item = syntax_.Use(RuleOf(SchemaLogic::Item(branch, prefix)));
      const ExprId next = syntax_.Sequence({comma, item});
      if (prefix > 0) {
        tail = syntax_.Repeat(next, rest_min, rest_max);
      } else {
        const std::uint32_t more_min = rest_min > 1 ? rest_min - 1 : 0;
        const std::uint32_t more_max = rest_max == kUnlimited ? rest_max : rest_max - 1;
        tail = syntax_.Sequence({item, syntax_.Repeat(next, more_min, more_max), optional_space});
        if (min == 0) tail = syntax_.Repeat(tail, 0, 1);
      }
    }
    for (std::size_t i = prefix; i-- > 0;) {
      const ExprId item = syntax_.Use(RuleOf(SchemaLogic::Item(branch, i)));
      std::vector<ExprId> parts;
      if (i > 0) parts.push_back(comma);
      parts.insert(parts.end(), {item, tail});
      if (i == 0) parts.push_back(optional_space);
      tail = syntax_.Sequence(std::move(parts));
      if (i >= min) tail = syntax_.Repeat(tail, 0, 1);
    }
    return syntax_.Sequence({syntax_.Bytes("["), syntax_.space, tail, syntax_.Bytes("]")});
  }

  Expr Object(const Conjunction& branch) {
    ObjectSyntax object;
    object.min_properties = SchemaLogic::Lower(branch, "minProperties");
    object.max_properties = SchemaLogic::Upper(branch, "maxProperties");
    if (object.min_properties > object.max_properties) return syntax_.Never();
    const auto names = logic_.Names(branch);
    if (!names.ok()) return names.status();
    if (base::Status status = AddProperties(branch, names->get(), object); !status.ok()) return status;
    if (base::Status status = AddOthers(branch, names->get(), object); !status.ok()) return status;
    const auto required = static_cast<std::uint32_t>(
        std::count_if(object.properties.begin(), object.properties.end(), [](const auto& p) { return p.required; }));
    if (required > object.max_properties) return syntax_.Never();
    return syntax_.Object(std::move(object));
  }

  base::Status AddProperties(const Conjunction& branch, const TextDfa* names, ObjectSyntax& object) {
    std::map<std::string, std::uint32_t> index;
    const auto find = [&](const std::string& name) -> ObjectSyntax::Property& {
      const auto [it, added] = index.emplace(name, static_cast<std::uint32_t>(object.properties.size()));
      if (added) {
        object.properties.emplace_back();
        object.properties.back().name = name;
      }
      return object.properties[it->second];
    };
    for (const SchemaNode node : branch) {
      if (const SchemaNode properties = FindKeyword(node, "properties")) {
        for (const auto& [name, schema] : properties->members()) find(name);
      }
      if (const SchemaNode required = FindKeyword(node, "required")) {
        for (const JsonValue& name : required->items()) find(name.text()).required = true;
      }
      if (const SchemaNode dependent = FindKeyword(node, "dependentRequired")) {
        for (const auto& [name, needs] : dependent->members()) {
          find(name);
          for (const JsonValue& need : needs.items()) {
            find(need.text());
            find(name).needs.push_back(index[need.text()]);
          }
        }
      }
    }
    if (object.properties.size() > kMaxProperties) {
      return document_.Refuse(branch.front(), "properties", "more than 2048 names in one object");
    }
    for (ObjectSyntax::Property& property : object.properties) {
      const auto schemas = logic_.Property(branch, property.name);
      if (!schemas.ok()) return schemas.status();
      property.forbidden = std::any_of(schemas->begin(), schemas->end(), IsFalse) ||
                           (names != nullptr && names->Match(property.name) == TextDfa::kNotAccepting);
      if (!property.forbidden) property.value = RuleOf(*schemas);
    }
    return base::OkStatus();
  }

  /// The names beside the listed ones: which patterns a name matches decides what its value must be.
  base::Status AddOthers(const Conjunction& branch, const TextDfa* names, ObjectSyntax& object) {
    struct Pattern {
      SchemaNode node;
      SchemaNode schema;
    };
    std::vector<Pattern> patterns;
    std::vector<std::shared_ptr<const TextDfa>> owned;
    std::vector<const TextDfa*> parts;
    for (const SchemaNode node : branch) {
      const SchemaNode properties = FindKeyword(node, "patternProperties");
      if (properties == nullptr) continue;
      for (const auto& [pattern, schema] : properties->members()) {
        auto dfa = logic_.Pattern("pattern:" + pattern);
        if (!dfa.ok()) return dfa.status().WithContext(document_.PointerTo(properties));
        owned.push_back(std::move(dfa).value());
        parts.push_back(owned.back().get());
        patterns.push_back({node, &schema});
      }
    }
    if (patterns.size() > kMaxPatterns)
      return document_.Refuse(branch.front(), "patternProperties", "more than 16 patterns");
    const TextDfa anything = TextDfa::Anything();
    parts.push_back(names != nullptr ? names : &anything);
    std::map<std::vector<bool>, std::int32_t> labels;
    const auto label = [&](const std::vector<bool>& accepting) {
      const auto [it, added] = labels.emplace(accepting, TextDfa::kNotAccepting);
      if (!added || !accepting.back()) return it->second;
      Conjunction schemas;
      for (const SchemaNode node : branch) {
        bool known = false;
        for (std::size_t p = 0; p < patterns.size(); ++p) {
          if (!accepting[p] || patterns[p].node != node) continue;
          Insert(schemas, patterns[p].schema);
          known = true;
        }
        const SchemaNode additional = FindKeyword(node, "additionalProperties");
        if (!known && additional != nullptr) Insert(schemas, additional);
      }
      if (std::any_of(schemas.begin(), schemas.end(), IsFalse)) return it->second;
      it->second = static_cast<std::int32_t>(object.other_values.size());
      object.other_values.push_back(RuleOf(schemas));
      return it->second;
    };
    auto others = TextDfa::Product(parts, label, budget_);
    if (!others.ok()) return others.status().WithContext(document_.PointerTo(branch.front()));
    object.others = std::move(others).value();
    return base::OkStatus();
  }

  const SchemaDocument& document_;
  Budget& budget_;
  SchemaLogic logic_;
  Syntax syntax_;
  std::map<Conjunction, RuleId> rules_;
  std::deque<std::pair<Conjunction, RuleId>> pending_;
  ExprId any_character_ = 0;  // 0 (which is `space`): not made yet
};

}  // namespace

base::Result<Syntax> ParseJsonSchema(std::string_view schema, bool flexible_layout, Budget& budget) {
  const auto document = SchemaDocument::Parse(schema, budget);
  if (!document.ok()) return document.status();
  return JsonSchemaCompiler(*document, flexible_layout, budget).Run();
}

}  // namespace bowhead::grammar
