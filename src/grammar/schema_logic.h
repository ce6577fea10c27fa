// What schemas mean together: conjunctions, their branches, and questions about them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "grammar/limits.h"
#include "grammar/number_dfa.h"
#include "grammar/schema_document.h"
#include "grammar/text_dfa.h"

namespace bowhead::grammar {

/// Schemas that all must hold; ascending, each once. Empty: anything.
using Conjunction = std::vector<SchemaNode>;

/// Sets of JSON types. A number that is no integer counts as kFraction.
enum TypeBits : std::uint8_t {
  kNullType = 1,
  kBooleanType = 2,
  kIntegerType = 4,
  kFractionType = 8,
  kStringType = 16,
  kArrayType = 32,
  kObjectType = 64,
  kAllTypes = 127,
};

enum class Answer : std::uint8_t { kNo, kYes, kUnknown };

/// Answers questions about one document's schemas. Not thread-safe.
class SchemaLogic {
 public:
  SchemaLogic(const SchemaDocument& document, Budget& budget) : document_(document), budget_(budget) {}

  /// The conjunction as alternatives, in each of which $ref, allOf, anyOf and oneOf are resolved: of its nodes only the
  /// other keywords count. None: nothing matches. Errors: kUnimplemented for a oneOf whose branches may overlap,
  /// kInvalidArgument for a reference that leads to itself.
  base::Result<std::vector<Conjunction>> Expand(const Conjunction& schemas);

  // Of one alternative:
  static std::uint8_t Types(const Conjunction& branch);
  static NumberRange Numbers(const Conjunction& branch);
  /// The largest of a keyword that is a lower limit, the smallest of one that is an upper limit.
  static std::uint32_t Lower(const Conjunction& branch, std::string_view keyword);
  static std::uint32_t Upper(const Conjunction& branch, std::string_view keyword);
  /// The strings as patterns and formats allow them, without lengths; nullptr: any.
  base::Result<std::shared_ptr<const TextDfa>> Strings(const Conjunction& branch);
  /// The same with lengths.
  base::Result<std::shared_ptr<const TextDfa>> StringsWithLengths(const Conjunction& branch);
  /// The names that propertyNames of all nodes allow; nullptr: any.
  base::Result<std::shared_ptr<const TextDfa>> Names(const Conjunction& branch);
  /// The schemas of the element at a place, or of a property.
  static Conjunction Item(const Conjunction& branch, std::size_t index);
  base::Result<Conjunction> Property(const Conjunction& branch, std::string_view name);
  /// The first node with enum or const, or nullptr.
  static SchemaNode FindValues(const Conjunction& branch);
  /// Its values.
  static std::vector<const JsonValue*> ListValues(SchemaNode node);
  base::Result<std::shared_ptr<const TextDfa>> Pattern(const std::string& pattern);

  base::Result<Answer> Matches(const JsonValue& value, const Conjunction& schemas, int depth = 0);
  base::Result<Answer> MatchesBranch(const JsonValue& value, const Conjunction& branch, int depth = 0);
  /// The same for a value that ListValues(listed) gave.
  base::Result<Answer> MatchesBesides(const JsonValue& value, SchemaNode listed, const Conjunction& branch);

 private:
  base::Status Add(std::vector<Conjunction>& branches, SchemaNode node, std::vector<SchemaNode>& chain);
  base::Status AddAnyOf(std::vector<Conjunction>& branches, const JsonValue& choices, std::vector<SchemaNode>& chain);
  base::Status CheckOneOf(SchemaNode node, std::vector<SchemaNode>& chain);
  /// True only if it is certain that no value matches both.
  base::Result<bool> AreDisjoint(const Conjunction& a, const Conjunction& b, int depth);
  base::Result<bool> AreConjunctionsDisjoint(const Conjunction& a, const Conjunction& b, int depth);
  base::Result<bool> AreObjectsDisjoint(const Conjunction& a, const Conjunction& b, int depth);
  base::Result<bool> AreArraysDisjoint(const Conjunction& a, const Conjunction& b, int depth);
  base::Result<bool> AreStringsDisjoint(const Conjunction& a, const Conjunction& b);
  base::Result<Answer> MatchesNode(const JsonValue& value, SchemaNode node, int depth);
  base::Result<Answer> MatchesValues(const JsonValue& value, SchemaNode node);
  base::Result<Answer> MatchesOtherKeywords(const JsonValue& value, SchemaNode node, int depth);
  base::Result<Answer> MatchesString(const JsonValue& value, SchemaNode node);
  base::Result<Answer> MatchesArray(const JsonValue& value, SchemaNode node, int depth);
  base::Result<Answer> MatchesObject(const JsonValue& value, SchemaNode node, int depth);

  const SchemaDocument& document_;
  Budget& budget_;
  std::map<std::string, std::shared_ptr<const TextDfa>> patterns_;  // formats with "format:" before them
  std::set<SchemaNode> checked_one_ofs_;
};

/// True if both are the same value of JSON Schema's data model: 1.0 is 1, the order of members means nothing.
bool IsEqual(const JsonValue& a, const JsonValue& b);
/// The bit of a value's type.
std::uint8_t TypeOf(const JsonValue& value);
/// Puts a schema into a conjunction.
void Insert(Conjunction& schemas, SchemaNode node);
/// True for the schema `false`.
bool IsFalse(SchemaNode node);

}  // namespace bowhead::grammar
