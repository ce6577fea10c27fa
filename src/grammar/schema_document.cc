#include "grammar/schema_document.h"

#include <algorithm>
#include <array>
#include <utility>

#include "grammar/decimal.h"
#include "grammar/regex.h"
#include "grammar/string_formats.h"

namespace bowhead::grammar {
namespace {

using Kind = JsonValue::Kind;

/// What a keyword's value must look like.
enum class Shape : std::uint8_t {
  kAnnotation,  // says nothing about values
  kSchema,      // one schema
  kSchemas,     // an array of schemas, not empty
  kSchemaMap,   // an object of schemas
  kType,
  kAnyValue,
  kArray,  // not empty
  kNumber,
  kPositiveNumber,
  kCount,
  kString,
  kPattern,
  kFormat,
  kNames,     // an array of strings
  kNamesMap,  // an object of those
  kBoolean,
  kPatternMap,  // an object of schemas whose names are patterns
  kReference,
  kAnchor,
  kId,
};

struct Keyword {
  std::string_view name;
  Shape shape;
};

constexpr std::array<Keyword, 48> kKeywords = {{
    {"$schema", Shape::kAnnotation},
    {"$comment", Shape::kAnnotation},
    {"title", Shape::kAnnotation},
    {"description", Shape::kAnnotation},
    {"default", Shape::kAnnotation},
    {"example", Shape::kAnnotation},
    {"examples", Shape::kAnnotation},
    {"deprecated", Shape::kAnnotation},
    {"readOnly", Shape::kAnnotation},
    {"writeOnly", Shape::kAnnotation},
    {"$id", Shape::kId},
    {"$anchor", Shape::kAnchor},
    {"$ref", Shape::kReference},
    {"$defs", Shape::kSchemaMap},
    {"definitions", Shape::kSchemaMap},
    {"type", Shape::kType},
    {"nullable", Shape::kBoolean},
    {"enum", Shape::kArray},
    {"const", Shape::kAnyValue},
    {"allOf", Shape::kSchemas},
    {"anyOf", Shape::kSchemas},
    {"oneOf", Shape::kSchemas},
    {"minimum", Shape::kNumber},
    {"maximum", Shape::kNumber},
    {"exclusiveMinimum", Shape::kNumber},
    {"exclusiveMaximum", Shape::kNumber},
    {"multipleOf", Shape::kPositiveNumber},
    {"minLength", Shape::kCount},
    {"maxLength", Shape::kCount},
    {"pattern", Shape::kPattern},
    {"format", Shape::kFormat},
    {"items", Shape::kSchema},
    {"prefixItems", Shape::kSchemas},
    {"minItems", Shape::kCount},
    {"maxItems", Shape::kCount},
    {"uniqueItems", Shape::kBoolean},
    {"properties", Shape::kSchemaMap},
    {"patternProperties", Shape::kPatternMap},
    {"additionalProperties", Shape::kSchema},
    {"propertyNames", Shape::kSchema},
    {"required", Shape::kNames},
    {"dependentRequired", Shape::kNamesMap},
    {"minProperties", Shape::kCount},
    {"maxProperties", Shape::kCount},
    // Known to every reader of OpenAPI documents; they describe, and constrain nothing.
    {"externalDocs", Shape::kAnnotation},
    {"xml", Shape::kAnnotation},
    {"discriminator", Shape::kAnnotation},
    {"contentMediaType", Shape::kAnnotation},
}};

constexpr std::array<std::string_view, 7> kTypes = {"null",   "boolean", "integer", "number",
                                                    "string", "array",   "object"};

const Keyword* FindKnown(std::string_view name) {
  const auto it = std::find_if(kKeywords.begin(), kKeywords.end(), [&](const Keyword& k) { return k.name == name; });
  return it == kKeywords.end() ? nullptr : &*it;
}

bool IsSchema(const JsonValue& value) {
  return value.is(Kind::kObject) || value.is(Kind::kBool);
}

bool IsCount(const JsonValue& value) {
  if (!value.is(Kind::kNumber)) return false;
  const auto number = Decimal::Parse(value.text());
  return number && !number->negative && number->is_integer();
}

bool AreNames(const JsonValue& value) {
  if (!value.is(Kind::kArray)) return false;
  return std::all_of(value.items().begin(), value.items().end(),
                     [](const JsonValue& item) { return item.is(Kind::kString); });
}

bool IsTypeName(const JsonValue& value) {
  return value.is(Kind::kString) && std::find(kTypes.begin(), kTypes.end(), value.text()) != kTypes.end();
}

bool IsType(const JsonValue& value) {
  if (!value.is(Kind::kArray)) return IsTypeName(value);
  return !value.items().empty() && std::all_of(value.items().begin(), value.items().end(), IsTypeName);
}

/// A reference's fragment with its %XX decoded; nothing if it is malformed.
std::optional<std::string> DecodePercent(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    for (int digit = 0; digit < 2; ++digit) {
      static constexpr std::string_view kHex = "0123456789abcdef";
      const char c = ++i < text.size() ? text[i] : '?';
      const std::size_t at = kHex.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
      if (at == std::string_view::npos) return std::nullopt;
      value = value * 16 + static_cast<unsigned>(at);
    }
    out += static_cast<char>(value);
  }
  return out;
}

std::string EscapePointer(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

std::string UnescapePointer(std::string_view part) {
  std::string out;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escape = part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1');
    out += escape ? (part[++i] == '0' ? '~' : '/') : part[i];
  }
  return out;
}

/// The value at a JSON pointer without its '#', or nullptr.
const JsonValue* Follow(const JsonValue* value, std::string_view pointer) {
  while (value != nullptr && !pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const std::string part = UnescapePointer(pointer.substr(0, pointer.find('/')));
    pointer.remove_prefix(std::min(pointer.find('/'), pointer.size()));
    if (value->is(Kind::kObject)) {
      value = value->Find(part);
    } else if (value->is(Kind::kArray) && !part.empty() && part.size() < 6 &&
               part.find_first_not_of("0123456789") == std::string::npos) {
      const auto index = static_cast<std::size_t>(std::stoul(part));
      value = index < value->items().size() ? &value->items()[index] : nullptr;
    } else {
      value = nullptr;
    }
  }
  return value;
}

bool FindPointer(const JsonValue& from, SchemaNode wanted, std::string& pointer) {
  if (&from == wanted) return true;
  const std::size_t length = pointer.size();
  for (const auto& [name, value] : from.members()) {
    pointer += "/" + EscapePointer(name);
    if (FindPointer(value, wanted, pointer)) return true;
    pointer.resize(length);
  }
  for (std::size_t i = 0; i < from.items().size(); ++i) {
    pointer += "/" + std::to_string(i);
    if (FindPointer(from.items()[i], wanted, pointer)) return true;
    pointer.resize(length);
  }
  return false;
}

}  // namespace

base::Result<SchemaDocument> SchemaDocument::Parse(std::string_view text, Budget& budget) {
  if (text.size() > budget.limits().max_source_bytes) return base::InvalidArgument("the schema is too long");
  auto value = JsonValue::Parse(text, budget.limits().max_nesting);
  if (!value.ok()) return value.status().WithContext("the schema is no valid JSON");
  SchemaDocument document;
  document.root_ = std::make_unique<const JsonValue>(std::move(value).value());
  if (base::Status status = document.Check(document.root(), true, budget); !status.ok()) return status;
  return document;
}

base::Status SchemaDocument::Check(SchemaNode node, bool is_root, Budget& budget) {
  if (!IsSchema(*node)) {
    return base::InvalidArgument(PointerTo(node) + ": a schema must be an object or a boolean");
  }
  checked_.insert(node);
  for (const JsonValue::Member& member : node->members()) {
    if (!budget.Spend(8)) return Budget::Exhausted();
    if (base::Status status = CheckKeyword(node, member, is_root, budget); !status.ok()) return status;
  }
  return base::OkStatus();
}

base::Status SchemaDocument::CheckKeyword(SchemaNode node, const JsonValue::Member& member, bool is_root,
                                          Budget& budget) {
  const auto& [name, value] = member;
  const Keyword* const keyword = FindKnown(name);
  if (keyword == nullptr) {
    if (name.substr(0, 2) == "x-") return base::OkStatus();
    return Refuse(node, name, "this keyword cannot be enforced");
  }
  const auto check_all = [&](const auto& range, const auto& schema_of) {
    for (const auto& entry : range) {
      if (base::Status status = Check(schema_of(entry), false, budget); !status.ok()) return status;
    }
    return base::OkStatus();
  };
  const auto member_of = [](const JsonValue::Member& m) { return &m.second; };
  switch (keyword->shape) {
    case Shape::kAnnotation:
    case Shape::kAnyValue:
      return base::OkStatus();
    case Shape::kSchema:
      if (value.is(Kind::kArray))
        return Malformed(node, name, "must be a schema (draft 2020-12 calls a list prefixItems)");
      return Check(&value, false, budget);
    case Shape::kSchemas:
      if (!value.is(Kind::kArray) || value.items().empty()) return Malformed(node, name, "must be an array of schemas");
      return check_all(value.items(), [](const JsonValue& item) { return &item; });
    case Shape::kPatternMap:
      for (const JsonValue::Member& entry : value.members()) {
        const auto regex = ParseRegex(entry.first, budget.limits());
        if (!regex.ok()) return Refuse(node, name, regex.status().message());
      }
      [[fallthrough]];
    case Shape::kSchemaMap:
      if (!value.is(Kind::kObject)) return Malformed(node, name, "must be an object of schemas");
      return check_all(value.members(), member_of);
    case Shape::kType:
      return IsType(value) ? base::OkStatus() : Malformed(node, name, "must name JSON types");
    case Shape::kArray:
      return value.is(Kind::kArray) && !value.items().empty() ? base::OkStatus()
                                                              : Malformed(node, name, "must be an array, not empty");
    case Shape::kNumber:
    case Shape::kPositiveNumber: {
      if (value.is(Kind::kBool)) return Malformed(node, name, "must be a number (the boolean was draft 4's)");
      const auto number = value.is(Kind::kNumber) ? Decimal::Parse(value.text()) : std::nullopt;
      if (!number) return Malformed(node, name, "must be a number of reasonable size");
      if (keyword->shape == Shape::kNumber) return base::OkStatus();
      if (number->negative || number->is_zero()) return Malformed(node, name, "must be above 0");
      if (!number->is_integer()) return Refuse(node, name, "only integers: readers disagree about fractions");
      if (number->integer.size() > 9) return Refuse(node, name, "only up to 9 digits");
      return base::OkStatus();
    }
    case Shape::kCount:
      return IsCount(value) ? base::OkStatus() : Malformed(node, name, "must be an integer that is not negative");
    case Shape::kString:
      return value.is(Kind::kString) ? base::OkStatus() : Malformed(node, name, "must be a string");
    case Shape::kPattern: {
      if (!value.is(Kind::kString)) return Malformed(node, name, "must be a string");
      const auto regex = ParseRegex(value.text(), budget.limits());
      return regex.ok() ? base::OkStatus() : Refuse(node, name, regex.status().message());
    }
    case Shape::kFormat:
      if (!value.is(Kind::kString)) return Malformed(node, name, "must be a string");
      return FormatPattern(value.text()) ? base::OkStatus()
                                         : Refuse(node, name, "\"" + value.text() + "\" is none of " + FormatNames());
    case Shape::kNames:
      return AreNames(value) ? base::OkStatus() : Malformed(node, name, "must be an array of strings");
    case Shape::kNamesMap:
      for (const JsonValue::Member& entry : value.members()) {
        if (!AreNames(entry.second)) return Malformed(node, name, "must be an object of arrays of strings");
      }
      return value.is(Kind::kObject) ? base::OkStatus()
                                     : Malformed(node, name, "must be an object of arrays of strings");
    case Shape::kBoolean:
      return value.is(Kind::kBool) ? base::OkStatus() : Malformed(node, name, "must be a boolean");
    case Shape::kReference:
      return value.is(Kind::kString) ? base::OkStatus() : Malformed(node, name, "must be a string");
    case Shape::kAnchor:
      if (!value.is(Kind::kString)) return Malformed(node, name, "must be a string");
      anchors_.emplace(value.text(), node);
      return base::OkStatus();
    case Shape::kId:
      if (!value.is(Kind::kString)) return Malformed(node, name, "must be a string");
      if (!is_root) return Refuse(node, name, "only the whole schema may have one");
      id_ = value.text();
      return base::OkStatus();
  }
  return base::OkStatus();
}

base::Result<SchemaNode> SchemaDocument::Resolve(SchemaNode node) const {
  const std::string& reference = FindKeyword(node, "$ref")->text();
  std::string_view fragment = reference;
  if (!id_.empty() && fragment.substr(0, id_.size()) == id_) fragment.remove_prefix(id_.size());
  if (fragment.empty()) return root();
  if (fragment.front() != '#') return Refuse(node, "$ref", "only references into the same schema (#...)");
  const auto pointer = DecodePercent(fragment.substr(1));
  if (!pointer) return Malformed(node, "$ref", "has a malformed %XX");
  const JsonValue* target = nullptr;
  if (pointer->empty() || pointer->front() == '/') {
    target = Follow(root(), *pointer);
  } else if (const auto it = anchors_.find(*pointer); it != anchors_.end()) {
    target = it->second;
  }
  if (target == nullptr) return Malformed(node, "$ref", "\"" + reference + "\" leads nowhere");
  if (!checked_.contains(target)) return Refuse(node, "$ref", "leads to something that is no schema");
  return target;
}

std::string SchemaDocument::PointerTo(SchemaNode node) const {
  std::string pointer = "#";
  return FindPointer(*root_, node, pointer) ? pointer : "#";
}

base::Status SchemaDocument::Refuse(SchemaNode node, std::string_view keyword, std::string_view why) const {
  return base::Unimplemented("'" + std::string(keyword.substr(0, 100)) + "' at " + PointerTo(node) + ": " +
                             std::string(why));
}

base::Status SchemaDocument::Malformed(SchemaNode node, std::string_view keyword, std::string_view why) const {
  return base::InvalidArgument("'" + std::string(keyword.substr(0, 100)) + "' at " + PointerTo(node) + ": " +
                               std::string(why));
}

SchemaNode FindKeyword(SchemaNode node, std::string_view keyword) {
  return node->Find(keyword);
}

std::optional<std::uint32_t> FindCount(SchemaNode node, std::string_view keyword) {
  const SchemaNode value = FindKeyword(node, keyword);
  if (value == nullptr) return std::nullopt;
  const auto number = Decimal::Parse(value->text());
  if (!number || number->integer.size() > 9) return 999'999'999;
  return static_cast<std::uint32_t>(std::stoul(number->integer));
}

}  // namespace bowhead::grammar
