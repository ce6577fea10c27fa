// Python's meaning of values: truth, text, order, iteration, attributes and operators. Internal to the template module;
// all of it throws TemplateError where Python raises and where a limit is passed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/template/runtime.h"
#include "model/template/value.h"

namespace bowhead::model {

/// bool(value)
bool Truthy(const Value& value);
/// The name that Python's error messages use: "str", "NoneType", "jinja2.runtime.Undefined" is "Undefined".
std::string TypeName(const Value& value);
/// Fails with the reason of an undefined value; does nothing for another.
void RequireDefined(const Value& value);

/// str(value) appended.
void AppendStr(TextBuilder& out, const Value& value);
/// repr(value) appended.
void AppendRepr(TextBuilder& out, const Value& value);
/// str(value), without markup.
Value Str(const Value& value, Meter& meter);
/// As Str, but markup stays markup (markupsafe.soft_str).
Value SoftStr(const Value& value, Meter& meter);
/// repr(float), also the form of str and JSON.
std::string FloatRepr(double value);

/// Every element of an iterable, as list(value) does. A generator is used up.
std::vector<Value> ToVector(const Value& value, Meter& meter);
bool IsIterable(const Value& value);
/// len(value); -1 where there is none.
std::int64_t Length(const Value& value);
/// A list or generator made by the template; fails where containers are nested too deep.
Value MakeList(std::vector<Value> items, Meter& meter);
Value MakeTuple(std::vector<Value> items, Meter& meter);
Value MakeIterator(std::vector<Value> items, Meter& meter);
Value MakeDict(Dict dict, Meter& meter);
/// Fails for values that Python cannot hash.
void RequireHashable(const Value& value);

/// Where `needle` starts in `text` at or behind `from`; npos if nowhere. Linear time.
std::size_t FindBytes(std::string_view text, std::string_view needle, std::size_t from);
/// a == b, with the cost counted.
bool Equal(const Value& a, const Value& b, Meter& meter);
/// a op b
bool Compare(CompareOp op, const Value& a, const Value& b, Meter& meter);
Value Binary(BinaryOp op, const Value& a, const Value& b, Meter& meter);
Value Negate(const Value& value);
Value Plus(const Value& value);

/// object.name and object[key], as Jinja looks them up in its sandbox: what is not there is undefined.
Value GetAttribute(const Value& object, std::string_view name, const AttributeMethods& methods, Meter& meter);
Value GetItem(const Value& object, const Value& key, Meter& meter);
/// object[start:stop:step]; none for what is left out.
Value GetSlice(const Value& object, const Value& start, const Value& stop, const Value& step, Meter& meter);

/// The method that `object` has under that name, or nullptr. `methods` are those of the name on Python's types.
const Method* MethodOf(const Value& object, std::string_view name, const AttributeMethods& methods);
/// self.method(args); fails for a method that the sandbox forbids.
Value CallMethod(Runtime& runtime, const Method& method, const Value& self, const Args& args);
/// The methods of loop and cycler.
const Method* FindObjectMethod(const Value& object, std::string_view name);

/// An int (or bool) as an argument of `what`; fails for another type.
std::int64_t ToInt(const Value& value, std::string_view what);

/// Escapes & < > ' " as markupsafe does; the result is markup. Markup stays as it is.
Value Escape(const Value& value, Meter& meter);

/// format % args
Value PercentFormat(const Text& format, const Value& args, Meter& meter);
/// format.format(...)
Value BraceFormat(const Text& format, const Args& args, Meter& meter);

/// json.dumps
struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  bool pretty = false;  // with line breaks, `indent` before each level
  Text indent;
  Text item_separator;
  Text key_separator;
};
void AppendJson(TextBuilder& out, const Value& value, const JsonStyle& style);
/// json.loads; strings keep the origin of the bytes that they were read from.
Value ParseJson(const Text& text, Meter& meter);

/// time.strftime in the process's time zone.
std::string FormatTime(std::string_view format, std::int64_t unix_seconds);

}  // namespace bowhead::model
