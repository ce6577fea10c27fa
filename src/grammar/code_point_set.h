// Sets of Unicode code points.
#pragma once

#include <cstdint>
#include <vector>

namespace bowhead::grammar {

/// Both ends belong to it.
struct CodePointRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  friend bool operator==(const CodePointRange&, const CodePointRange&) = default;
};

/// A set of scalar values (U+0000 to U+10FFFF without the surrogates), as ascending ranges that do not touch.
class CodePointSet {
 public:
  CodePointSet() = default;
  /// Any ranges in any order; surrogates and what lies above U+10FFFF are left out.
  explicit CodePointSet(const std::vector<CodePointRange>& ranges);

  static CodePointSet All();
  static CodePointSet Of(std::uint32_t code_point) { return CodePointSet({{code_point, code_point}}); }

  [[nodiscard]] const std::vector<CodePointRange>& ranges() const { return ranges_; }
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] bool Contains(std::uint32_t code_point) const;

  [[nodiscard]] CodePointSet Union(const CodePointSet& other) const;
  [[nodiscard]] CodePointSet Intersect(const CodePointSet& other) const;
  [[nodiscard]] CodePointSet Complement() const;

  friend bool operator==(const CodePointSet&, const CodePointSet&) = default;

 private:
  std::vector<CodePointRange> ranges_;
};

/// The coarsest partition of all scalar values in which every set of `sets` is a union of parts. Parts that are in no
/// set form one part of their own, if there are such code points.
std::vector<CodePointSet> Partition(const std::vector<const CodePointSet*>& sets);

}  // namespace bowhead::grammar
