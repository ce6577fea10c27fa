// Filters on sequences and dicts, and the look-up of filters by name.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "model/template/case_mapping.h"
#include "model/template/errors.h"
#include "model/template/filters.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/string_methods.h"

namespace bowhead::model {
namespace {

// "a.b.0" as the keys to follow; an absent or None attribute is the item itself.
class Getter {
 public:
  Getter(const Value* attribute, Meter& meter) : meter_(meter) {
    if (attribute == nullptr || attribute->IsNone()) return;
    if (!attribute->IsString()) {
      keys_.push_back(*attribute);
      return;
    }
    std::string_view rest = attribute->string_value();
    for (bool more = true; more;) {
      const std::size_t dot = rest.find('.');
      const std::string part(rest.substr(0, dot));
      const bool digits =
          !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
      keys_.push_back(digits ? Value::Int(std::stoll(part)) : Value::String(part));
      more = dot != std::string_view::npos;
      if (more) rest.remove_prefix(dot + 1);
    }
  }

  Value operator()(Value item, const Value* otherwise = nullptr) const {
    meter_.Step();
    for (const Value& key : keys_) {
      item = GetItem(item, key, meter_);
      if (otherwise != nullptr && !otherwise->IsNone() && item.IsUndefined()) item = *otherwise;
    }
    return item;
  }

 private:
  Meter& meter_;
  std::vector<Value> keys_;
};

Value IgnoreCase(const Value& value, bool case_sensitive, Meter& meter) {
  return !case_sensitive && value.IsString() ? MapCase(value.text(), CaseMapping::kLower, meter) : value;
}

bool Less(const Value& a, const Value& b, Meter& meter) {
  meter.Step();
  return Compare(CompareOp::kLess, a, b, meter);
}

// Stable, and so backwards too: equal elements keep their order.
std::vector<Value> SortBy(std::vector<Value> items, std::vector<Value> keys, bool reverse, Meter& meter) {
  std::vector<std::size_t> order(items.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return reverse ? Less(keys[b], keys[a], meter) : Less(keys[a], keys[b], meter);
  });
  std::vector<Value> out;
  out.reserve(items.size());
  for (const std::size_t i : order) out.push_back(std::move(items[i]));
  return out;
}

Value FilterSort(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "sort", {"reverse", "case_sensitive", "attribute"});
  Meter& meter = runtime.meter();
  const bool case_sensitive = bound.Bool(1, false);
  std::vector<Getter> getters;
  if (bound.HasValue(2) && bound[2].IsString()) {
    std::string_view rest = bound[2].string_value();
    for (bool more = true; more;) {
      const std::size_t comma = rest.find(',');
      const Value part = Value::String(std::string(rest.substr(0, comma)));
      getters.emplace_back(&part, meter);
      more = comma != std::string_view::npos;
      if (more) rest.remove_prefix(comma + 1);
    }
  } else {
    getters.emplace_back(bound.Has(2) ? &bound[2] : nullptr, meter);
  }
  std::vector<Value> items = ToVector(input, meter);
  std::vector<Value> keys;
  for (const Value& item : items) {
    std::vector<Value> key;
    for (const Getter& getter : getters) key.push_back(IgnoreCase(getter(item), case_sensitive, meter));
    keys.push_back(MakeList(std::move(key), meter));
  }
  return MakeList(SortBy(std::move(items), std::move(keys), bound.Bool(0, false), meter), meter);
}

Value FilterDictsort(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "dictsort", {"case_sensitive", "by", "reverse"});
  Meter& meter = runtime.meter();
  const std::string_view by = bound.Has(1) ? bound.String(1).bytes() : "key";
  if (by != "key" && by != "value") Fail("dictsort: by is 'key' or 'value'");
  RequireDefined(input);
  if (!input.IsDict()) Fail("dictsort needs a dict, not " + TypeName(input));
  std::vector<Value> items;
  std::vector<Value> keys;
  for (const auto& [key, value] : input.dict().entries()) {
    items.push_back(MakeTuple({key, value}, meter));
    keys.push_back(IgnoreCase(by == "key" ? key : value, bound.Bool(0, false), meter));
  }
  return MakeList(SortBy(std::move(items), std::move(keys), bound.Bool(2, false), meter), meter);
}

Value FilterUnique(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "unique", {"case_sensitive", "attribute"});
  Meter& meter = runtime.meter();
  const Getter getter(bound.Has(1) ? &bound[1] : nullptr, meter);
  Dict seen;
  std::vector<Value> out;
  for (Value& item : ToVector(input, meter)) {
    Value key = IgnoreCase(getter(item), bound.Bool(0, false), meter);
    RequireHashable(key);
    // Keys that are no strings are searched one by one.
    meter.Step(key.IsString() ? 1 : seen.size() / 8 + 1);
    if (seen.Find(key) != nullptr) continue;
    seen.Set(std::move(key), Value::None());
    out.push_back(std::move(item));
  }
  return MakeIterator(std::move(out), meter);
}

Value Extreme(Runtime& runtime, const Value& input, const Args& args, bool max) {
  const BoundArgs bound(args, max ? "max" : "min", {"case_sensitive", "attribute"});
  Meter& meter = runtime.meter();
  const Getter getter(bound.Has(1) ? &bound[1] : nullptr, meter);
  std::vector<Value> items = ToVector(input, meter);
  if (items.empty()) return Value::Undefined("No aggregated item, sequence was empty.");
  std::size_t best = 0;
  Value best_key = IgnoreCase(getter(items[0]), bound.Bool(0, false), meter);
  for (std::size_t i = 1; i < items.size(); ++i) {
    Value key = IgnoreCase(getter(items[i]), bound.Bool(0, false), meter);
    if (max ? Less(best_key, key, meter) : Less(key, best_key, meter)) {
      best = i;
      best_key = std::move(key);
    }
  }
  return items[best];
}
Value FilterMin(Runtime& runtime, const Value& input, const Args& args) {
  return Extreme(runtime, input, args, false);
}
Value FilterMax(Runtime& runtime, const Value& input, const Args& args) {
  return Extreme(runtime, input, args, true);
}

Value FilterSum(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "sum", {"attribute", "start"});
  const Getter getter(bound.Has(0) ? &bound[0] : nullptr, runtime.meter());
  Value sum = bound.Has(1) ? bound[1] : Value::Int(0);
  if (sum.IsString()) Fail("sum cannot add strings; use join");
  for (const Value& item : ToVector(input, runtime.meter())) {
    sum = Binary(BinaryOp::kAdd, sum, getter(item), runtime.meter());
  }
  return sum;
}

Value FilterJoin(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "join", {"d", "attribute"});
  Meter& meter = runtime.meter();
  std::vector<Value> items = ToVector(input, meter);
  if (bound.HasValue(1)) {
    const Getter getter(&bound[1], meter);
    for (Value& item : items) item = getter(std::move(item));
  }
  const Value separator = bound.Has(0) ? Str(bound[0], meter) : Value::String("");
  return Join(separator.text(), items, false, meter);
}

Value FilterFirst(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "first", {});
  if (IteratorObject* iterator = AsIterator(input)) {
    if (iterator->next < iterator->items.size()) return iterator->items[iterator->next++];
    return Value::Undefined("No first item, sequence was empty.");
  }
  if (input.IsString() || input.IsList()) {
    Value first = GetItem(input, Value::Int(0), runtime.meter());
    return first.IsUndefined() && !Truthy(input) ? Value::Undefined("No first item, sequence was empty.") : first;
  }
  std::vector<Value> items = ToVector(input, runtime.meter());
  return items.empty() ? Value::Undefined("No first item, sequence was empty.") : items.front();
}

Value FilterLast(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "last", {});
  if (input.IsString() || input.IsList()) {
    if (!Truthy(input)) return Value::Undefined("No last item, sequence was empty.");
    return GetItem(input, Value::Int(-1), runtime.meter());
  }
  if (AsIterator(input) != nullptr) Fail("last needs a sequence; a generator has no end to start from");
  std::vector<Value> items = ToVector(input, runtime.meter());
  return items.empty() ? Value::Undefined("No last item, sequence was empty.") : items.back();
}

Value FilterLength(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "length", {});
  if (input.IsString()) runtime.meter().Bytes(input.text().size());
  const std::int64_t length = Length(input);
  if (length < 0) Fail("a " + TypeName(input) + " has no length");
  return Value::Int(length);
}

Value FilterList(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "list", {});
  return MakeList(ToVector(input, runtime.meter()), runtime.meter());
}

Value FilterReverse(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "reverse", {});
  Meter& meter = runtime.meter();
  if (input.IsString()) return GetSlice(input, Value::None(), Value::None(), Value::Int(-1), meter);
  std::vector<Value> items = ToVector(input, meter);
  std::reverse(items.begin(), items.end());
  return AsIterator(input) != nullptr ? MakeList(std::move(items), meter) : MakeIterator(std::move(items), meter);
}

Value FilterItems(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "items", {});
  std::vector<Value> out;
  if (!input.IsUndefined()) {
    if (!input.IsDict()) Fail("items needs a dict, not " + TypeName(input));
    for (const auto& [key, value] : input.dict().entries()) out.push_back(MakeTuple({key, value}, runtime.meter()));
  }
  return MakeIterator(std::move(out), runtime.meter());
}

Value FilterDefault(Runtime&, const Value& input, const Args& args) {
  const BoundArgs bound(args, "default", {"default_value", "boolean"});
  const bool use = input.IsUndefined() || (bound.Bool(1, false) && !Truthy(input));
  if (!use) return input;
  return bound.Has(0) ? bound[0] : Value::String("");
}

Value FilterBatch(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "batch", {"linecount", "fill_with"}, 1);
  Meter& meter = runtime.meter();
  const std::int64_t size = bound.Int(0, 1);
  std::vector<Value> out;
  std::vector<Value> row;
  for (Value& item : ToVector(input, meter)) {
    if (static_cast<std::int64_t>(row.size()) == size) {
      out.push_back(MakeList(std::exchange(row, {}), meter));
    }
    row.push_back(std::move(item));
  }
  if (!row.empty()) {
    if (bound.HasValue(1) && static_cast<std::int64_t>(row.size()) < size) {
      meter.Elements(static_cast<std::size_t>(size));
      row.resize(static_cast<std::size_t>(size), bound[1]);
    }
    out.push_back(MakeList(std::move(row), meter));
  }
  return MakeIterator(std::move(out), meter);
}

Value FilterSlice(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "slice", {"slices", "fill_with"}, 1);
  Meter& meter = runtime.meter();
  const std::int64_t slices = bound.Int(0, 1);
  const std::vector<Value> items = ToVector(input, meter);
  if (slices == 0) Fail("slice: division by zero");
  std::vector<Value> out;
  const auto length = static_cast<std::int64_t>(items.size());
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < slices; ++i) {
    meter.Step();
    const std::int64_t count = length / slices + (i < length % slices ? 1 : 0);
    std::vector<Value> part(items.begin() + at, items.begin() + at + count);
    at += count;
    if (bound.HasValue(1) && i >= length % slices) part.push_back(bound[1]);
    out.push_back(MakeList(std::move(part), meter));
  }
  return MakeIterator(std::move(out), meter);
}

Value FilterAttr(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "attr", {"name"}, 1);
  RequireDefined(input);
  // Only what Python calls an attribute: an item of a dict is none.
  const std::string_view name = bound.String(0).bytes();
  if (input.IsDict() && FindMethods(name).on_dict == nullptr) return Value::Undefined();
  return GetAttribute(input, name, FindMethods(name), runtime.meter());
}

Value FilterMap(Runtime& runtime, const Value& input, const Args& args) {
  Meter& meter = runtime.meter();
  if (!Truthy(input)) return MakeIterator({}, meter);
  std::vector<Value> items = ToVector(input, meter);
  if (args.positional.empty()) {
    const BoundArgs bound(args, "map", {"attribute", "default"}, 1);
    const Getter getter(&bound[0], meter);
    for (Value& item : items) item = getter(std::move(item), bound.Has(1) ? &bound[1] : nullptr);
    return MakeIterator(std::move(items), meter);
  }
  if (!args.positional[0].IsString()) Fail("map needs the name of a filter");
  const std::string_view name = args.positional[0].string_value();
  const Filter* filter = FindFilter(name);
  if (filter == nullptr) Fail("there is no filter '" + std::string(name) + "'");
  Args rest{{args.positional.begin() + 1, args.positional.end()}, args.named};
  for (Value& item : items) {
    meter.Step();
    item = filter->fn(runtime, item, rest);
  }
  return MakeIterator(std::move(items), meter);
}

// select, reject, selectattr, rejectattr
Value Select(Runtime& runtime, const Value& input, const Args& args, bool by_attribute, bool keep) {
  Meter& meter = runtime.meter();
  if (!Truthy(input)) return MakeIterator({}, meter);
  const std::size_t skip = by_attribute ? 1 : 0;
  if (args.positional.size() < skip) Fail("selectattr needs the name of an attribute");
  const Getter getter(by_attribute ? &args.positional[0] : nullptr, meter);
  const Test* test = nullptr;
  Args rest;
  if (args.positional.size() > skip) {
    if (!args.positional[skip].IsString()) Fail("select needs the name of a test");
    const std::string_view name = args.positional[skip].string_value();
    test = FindTest(name);
    if (test == nullptr) Fail("there is no test '" + std::string(name) + "'");
    rest = {{args.positional.begin() + static_cast<std::ptrdiff_t>(skip) + 1, args.positional.end()}, args.named};
  }
  std::vector<Value> out;
  for (Value& item : ToVector(input, meter)) {
    const Value value = getter(item);
    const bool is = test == nullptr ? Truthy(value) : test->fn(runtime, value, rest);
    if (is == keep) out.push_back(std::move(item));
  }
  return MakeIterator(std::move(out), meter);
}
Value FilterSelect(Runtime& r, const Value& input, const Args& args) {
  return Select(r, input, args, false, true);
}
Value FilterReject(Runtime& r, const Value& input, const Args& args) {
  return Select(r, input, args, false, false);
}
Value FilterSelectattr(Runtime& r, const Value& input, const Args& args) {
  return Select(r, input, args, true, true);
}
Value FilterRejectattr(Runtime& r, const Value& input, const Args& args) {
  return Select(r, input, args, true, false);
}

}  // namespace

const std::vector<Filter>& SequenceFilters() {
  static const std::vector<Filter> kFilters = {
      {"attr", FilterAttr},
      {"batch", FilterBatch},
      {"count", FilterLength},
      {"d", FilterDefault},
      {"default", FilterDefault},
      {"dictsort", FilterDictsort},
      {"first", FilterFirst},
      {"items", FilterItems},
      {"join", FilterJoin},
      {"last", FilterLast},
      {"length", FilterLength},
      {"list", FilterList},
      {"map", FilterMap},
      {"max", FilterMax},
      {"min", FilterMin},
      {"reject", FilterReject},
      {"rejectattr", FilterRejectattr},
      {"reverse", FilterReverse},
      {"select", FilterSelect},
      {"selectattr", FilterSelectattr},
      {"slice", FilterSlice},
      {"sort", FilterSort},
      {"sum", FilterSum},
      {"unique", FilterUnique},
  };
  return kFilters;
}

const Filter* FindFilter(std::string_view name) {
  for (const auto* table : {&TextFilters(), &NumberFilters(), &SequenceFilters()}) {
    const auto it = std::lower_bound(table->begin(), table->end(), name,
                                     [](const Filter& filter, std::string_view key) { return filter.name < key; });
    if (it != table->end() && it->name == name) return &*it;
  }
  return nullptr;
}

}  // namespace bowhead::model
