// A schema as a document: its keywords are checked, its references resolved.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "grammar/json_value.h"
#include "grammar/limits.h"

namespace bowhead::grammar {

/// A place of the document that is a schema: an object or a boolean.
using SchemaNode = const JsonValue*;

/// Immutable once checked; owns the nodes.
class SchemaDocument {
 public:
  /// Parses and checks every keyword of every subschema: known, of the right type, and such that it can be enforced.
  static base::Result<SchemaDocument> Parse(std::string_view text, Budget& budget);

  [[nodiscard]] SchemaNode root() const { return root_.get(); }
  /// Where a $ref of this document leads. Errors: kInvalidArgument, kUnimplemented.
  [[nodiscard]] base::Result<SchemaNode> Resolve(SchemaNode node) const;
  /// "#/properties/a": where a node is. Slow; for messages.
  [[nodiscard]] std::string PointerTo(SchemaNode node) const;
  /// "keyword at #/pointer: what", as an error.
  [[nodiscard]] base::Status Refuse(SchemaNode node, std::string_view keyword, std::string_view why) const;
  [[nodiscard]] base::Status Malformed(SchemaNode node, std::string_view keyword, std::string_view why) const;

 private:
  SchemaDocument() = default;
  base::Status Check(SchemaNode node, bool is_root, Budget& budget);
  base::Status CheckKeyword(SchemaNode node, const JsonValue::Member& member, bool is_root, Budget& budget);

  std::unique_ptr<const JsonValue> root_;
  std::string id_;
  std::map<std::string, SchemaNode> anchors_;
  std::unordered_set<SchemaNode> checked_;
};

/// The value of a keyword of a node, or nullptr; nullptr for booleans too.
SchemaNode FindKeyword(SchemaNode node, std::string_view keyword);
/// The value of a keyword that is a count; kUnlimited's range is enough: larger ones are cut.
std::optional<std::uint32_t> FindCount(SchemaNode node, std::string_view keyword);

}  // namespace bowhead::grammar
