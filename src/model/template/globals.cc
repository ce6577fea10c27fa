// The global functions of chat templates.
#include <map>
#include <memory>
#include <string>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"

namespace bowhead::model {
namespace {

Value GlobalRange(Runtime& runtime, const Args& args) {
  const BoundArgs bound(args, "range", {"", "", ""}, 1);
  constexpr std::int64_t kLargest = std::int64_t{1} << 60;  // keeps the sums of a range inside of 64 bits
  const std::int64_t start = bound.Has(1) ? bound.Int(0, 0) : 0;
  const std::int64_t stop = bound.Has(1) ? bound.Int(1, 0) : bound.Int(0, 0);
  const std::int64_t step = bound.Int(2, 1);
  for (const std::int64_t value : {start, stop, step}) {
    if (value > kLargest || value < -kLargest) FailLimit("range() with numbers as large as these is not supported");
  }
  if (step == 0) Fail("range() with a step of zero");
  const std::int64_t distance = step > 0 ? stop - start : start - stop;
  const std::int64_t stride = step > 0 ? step : -step;
  const std::int64_t length = distance <= 0 ? 0 : (distance - 1) / stride + 1;
  if (length > RangeObject::kMaxLength) {
    FailLimit("range() of more than " + std::to_string(RangeObject::kMaxLength) + " numbers");
  }
  runtime.meter().Step();
  return Value::FromObject(std::make_shared<RangeObject>(start, length, step));
}

// dict(mapping or pairs, key=value ...)
Dict DictFrom(Runtime& runtime, const Args& args, std::string_view name) {
  Dict dict;
  if (args.positional.size() > 1) Fail(std::string(name) + "() takes at most one argument without a name");
  if (!args.positional.empty()) {
    const Value& source = args.positional[0];
    if (source.IsDict()) {
      runtime.meter().Step(source.dict().size());
      dict = source.dict();
    } else {
      for (const Value& pair : ToVector(source, runtime.meter())) {
        std::vector<Value> items = ToVector(pair, runtime.meter());
        if (items.size() != 2) Fail(std::string(name) + "() needs pairs");
        RequireHashable(items[0]);
        runtime.meter().Step(items[0].IsString() ? 1 : dict.size() / 8 + 1);
        dict.Set(std::move(items[0]), std::move(items[1]));
      }
    }
  }
  for (const auto& [key, value] : args.named) dict.Set(key, value);
  return dict;
}

Value GlobalDict(Runtime& runtime, const Args& args) {
  return MakeDict(DictFrom(runtime, args, "dict"), runtime.meter());
}

Value GlobalNamespace(Runtime& runtime, const Args& args) {
  auto object = std::make_shared<NamespaceObject>();
  runtime.meter().Step();
  object->attributes = DictFrom(runtime, args, "namespace");
  runtime.Adopt(object);
  return Value::FromObject(std::move(object));
}

Value GlobalCycler(Runtime& runtime, const Args& args) {
  if (args.positional.empty() || !args.named.empty()) Fail("cycler() needs the values to cycle through");
  runtime.meter().Elements(args.positional.size());
  return Value::FromObject(std::make_shared<CyclerObject>(args.positional));
}

Value GlobalJoiner(Runtime& runtime, const Args& args) {
  const BoundArgs bound(args, "joiner", {"sep"});
  runtime.meter().Step();
  return Value::FromObject(std::make_shared<JoinerObject>(bound.Has(0) ? bound[0] : Value::String(", ")));
}

Value GlobalRaiseException(Runtime& runtime, const Args& args) {
  const BoundArgs bound(args, "raise_exception", {"message"}, 1);
  const Value message = Str(bound[0], runtime.meter());
  throw TemplateError{base::StatusCode::kInvalidArgument, std::string(message.string_value()), 0, true};
}

Value GlobalStrftimeNow(Runtime& runtime, const Args& args) {
  const BoundArgs bound(args, "strftime_now", {"format"}, 1);
  const Text& format = bound.String(0);
  TextBuilder out(runtime.meter());
  out.Append(FormatTime(format.bytes(), runtime.Now()), format.IsUntrusted());
  return out.TakeValue();
}

}  // namespace

Value FindGlobal(std::string_view name) {
  using Fn = Value (*)(Runtime&, const Args&);
  static const std::map<std::string_view, Fn> kGlobals = {
      {"cycler", GlobalCycler},
      {"dict", GlobalDict},
      {"joiner", GlobalJoiner},
      {"namespace", GlobalNamespace},
      {"range", GlobalRange},
      {"raise_exception", GlobalRaiseException},
      {"strftime_now", GlobalStrftimeNow},
  };
  const auto it = kGlobals.find(name);
  if (it == kGlobals.end()) return Value::Undefined();
  return Value::FromObject(std::make_shared<FunctionObject>(it->first, it->second));
}

}  // namespace bowhead::model
