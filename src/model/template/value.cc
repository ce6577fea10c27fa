#include "model/template/value.h"

#include <algorithm>
#include <cmath>

#include "model/template/object.h"

namespace bowhead::model {
namespace {

constexpr std::size_t kScanLimit = 12;  // dicts up to this size are searched entry by entry
constexpr std::size_t kNotFound = static_cast<std::size_t>(-1);

// Sums stay below 2^64: weights of real values are small, those of hostile ones stop here.
constexpr std::size_t kMaxWeight = std::size_t{1} << 60;
std::size_t AddWeight(std::size_t a, std::size_t b) {
  return std::min(a + b, kMaxWeight);
}

bool IsNumber(const Value& v) {
  return v.IsBool() || v.IsInt() || v.IsDouble();
}

std::int64_t AsInt(const Value& v) {
  return v.IsBool() ? (v.bool_value() ? 1 : 0) : v.int_value();
}

bool IntEqualsDouble(std::int64_t i, double d) {
  // Exact, as in Python: the double must be whole and inside of the range before it is converted.
  return std::floor(d) == d && d >= -0x1p63 && d < 0x1p63 && static_cast<std::int64_t>(d) == i;
}

bool NumbersEqual(const Value& a, const Value& b) {
  if (a.IsDouble() && b.IsDouble()) return a.double_value() == b.double_value();
  if (a.IsDouble()) return IntEqualsDouble(AsInt(b), a.double_value());
  if (b.IsDouble()) return IntEqualsDouble(AsInt(a), b.double_value());
  return AsInt(a) == AsInt(b);
}

bool DictsEqual(const Dict& a, const Dict& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.entries().begin(), a.entries().end(), [&b](const Dict::Entry& entry) {
    const Value* other = b.Find(entry.first);
    return other != nullptr && ValuesEqual(entry.second, *other);
  });
}

Value MakeList(std::vector<Value> items, bool tuple, Value (*make)(std::shared_ptr<const List>)) {
  auto list = std::make_shared<List>();
  for (const Value& item : items) {
    list->depth = std::max(list->depth, item.depth() + 1);
    list->weight = AddWeight(list->weight, item.weight());
  }
  list->items = std::move(items);
  list->tuple = tuple;
  return make(std::move(list));
}

}  // namespace

Value Value::String(std::string text, bool untrusted) {
  return FromText(Text(std::move(text), untrusted));
}

Value Value::FromText(Text text) {
  return Value(Data(std::make_shared<const Text>(std::move(text))));
}

Value Value::FromList(std::vector<Value> items) {
  return MakeList(std::move(items), false,
                  [](std::shared_ptr<const List> list) { return Value(Data(std::move(list))); });
}

Value Value::Tuple(std::vector<Value> items) {
  return MakeList(std::move(items), true,
                  [](std::shared_ptr<const List> list) { return Value(Data(std::move(list))); });
}

Value Value::FromDict(Dict dict) {
  return Value(Data(std::make_shared<const Dict>(std::move(dict))));
}

Value Value::Undefined(std::string what) {
  if (what.empty()) return Value(Data(UndefinedTag{}));
  return Value(Data(UndefinedTag{std::make_shared<const std::string>(std::move(what))}));
}

std::string_view Value::undefined_reason() const {
  const auto* tag = std::get_if<UndefinedTag>(&data_);
  return tag == nullptr || tag->reason == nullptr ? std::string_view() : std::string_view(*tag->reason);
}

std::size_t Value::depth() const {
  switch (kind()) {
    case Kind::kList:
      return list().depth;
    case Kind::kDict:
      return dict().depth();
    case Kind::kObject:
      return object().depth();
    default:
      return 0;
  }
}

std::size_t Value::weight() const {
  switch (kind()) {
    case Kind::kList:
      return list().weight;
    case Kind::kDict:
      return dict().weight();
    case Kind::kObject:
      return object().weight();
    default:
      return 1;
  }
}

bool Value::SameObject(const Value& other) const {
  if (kind() != other.kind()) return false;
  switch (kind()) {
    case Kind::kString:
      return &text() == &other.text();
    case Kind::kList:
      return &list() == &other.list();
    case Kind::kDict:
      return &dict() == &other.dict();
    case Kind::kObject:
      return &object() == &other.object();
    default:
      return false;
  }
}

void Dict::Set(Value key, Value value) {
  const std::size_t found = IndexOf(key);
  depth_ = std::max({depth_, value.depth() + 1, key.depth() + 1});
  weight_ = AddWeight(weight_, AddWeight(value.weight(), key.weight()));
  if (found != kNotFound) {
    entries_[found].second = std::move(value);
    return;
  }
  if (!key.IsString()) ++others_;
  entries_.emplace_back(std::move(key), std::move(value));
  if (entries_.size() <= kScanLimit) return;
  const std::size_t first = entries_.size() == kScanLimit + 1 ? 0 : entries_.size() - 1;
  for (std::size_t i = first; i < entries_.size(); ++i) {
    if (entries_[i].first.IsString()) index_.emplace(entries_[i].first.string_value(), i);
  }
}

const Value* Dict::Find(std::string_view key) const {
  const std::size_t i = IndexOf(key);
  return i == kNotFound ? nullptr : &entries_[i].second;
}

const Value* Dict::Find(const Value& key) const {
  const std::size_t i = IndexOf(key);
  return i == kNotFound ? nullptr : &entries_[i].second;
}

std::size_t Dict::IndexOf(std::string_view key) const {
  if (entries_.size() > kScanLimit) {
    const auto it = index_.find(key);
    return it == index_.end() ? kNotFound : it->second;
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].first.IsString() && entries_[i].first.string_value() == key) return i;
  }
  return kNotFound;
}

std::size_t Dict::IndexOf(const Value& key) const {
  if (key.IsString()) return IndexOf(key.string_value());
  if (others_ == 0) return kNotFound;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].first.IsString() && ValuesEqual(entries_[i].first, key)) return i;
  }
  return kNotFound;
}

bool ValuesEqual(const Value& a, const Value& b) {
  if (IsNumber(a) && IsNumber(b)) return NumbersEqual(a, b);
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Value::Kind::kUndefined:
    case Value::Kind::kNone:
      return true;
    case Value::Kind::kString:
      return a.string_value() == b.string_value();
    case Value::Kind::kList:
      if (a.SameObject(b)) return true;
      return a.list().tuple == b.list().tuple &&
             std::equal(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), ValuesEqual);
    case Value::Kind::kDict:
      return a.SameObject(b) || DictsEqual(a.dict(), b.dict());
    default:
      return a.SameObject(b);
  }
}

}  // namespace bowhead::model
