#include "model/format/gguf_value.h"

#include <type_traits>
#include <utility>
#include <vector>

namespace bowhead::model {
namespace {

// The largest real vocabularies have a few hundred thousand entries. Numbers are widened, up to eightfold, so what the
// file holds is no bound that is low enough.
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 24U;
constexpr std::uint64_t kMaxTextBytes = std::uint64_t{64} << 20U;  // real chat templates have some 10 KB

base::Status EndsEarly(const ByteReader& reader, std::string_view key) {
  return base::DataLoss("the file ends at byte " + std::to_string(reader.position() + reader.remaining()) +
                        ", inside the value of " + Quoted(key) + "; fetch it again");
}

// The widest type of the same kind, as MetadataValue keeps it.
template <class T>
using Widened = std::conditional_t<std::is_floating_point_v<T>, double,
                                   std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;

template <class T>
base::Result<MetadataValue> ReadNumber(ByteReader& reader, std::string_view key) {
  const auto value = reader.Read<T>();
  if (!value) return EndsEarly(reader, key);
  return MetadataValue(static_cast<Widened<T>>(*value));
}

base::Result<bool> ToBool(std::uint8_t value, std::string_view key) {
  if (value > 1) {
    return base::DataLoss("the bool " + Quoted(key) + " holds " + std::to_string(value) + " instead of 0 or 1");
  }
  return value == 1;
}

base::Result<MetadataValue> ReadBool(ByteReader& reader, std::string_view key) {
  const auto value = reader.Read<std::uint8_t>();
  if (!value) return EndsEarly(reader, key);
  base::Result<bool> flag = ToBool(*value, key);
  if (!flag.ok()) return flag.status();
  return MetadataValue(*flag);
}

base::Result<std::string_view> ReadText(ByteReader& reader, std::string_view key) {
  const auto text = reader.ReadString();
  if (!text) return EndsEarly(reader, key);
  if (text->size() > kMaxTextBytes) {
    return base::DataLoss("a text of " + Quoted(key) + " has " + std::to_string(text->size()) + " bytes; at most " +
                          std::to_string(kMaxTextBytes) + " are allowed");
  }
  return *text;
}

base::Result<MetadataValue> ReadTextValue(ByteReader& reader, std::string_view key) {
  const base::Result<std::string_view> text = ReadText(reader, key);
  if (!text.ok()) return text.status();
  return MetadataValue(std::string(*text));
}

base::Status CheckCount(const ByteReader& reader, std::uint64_t count, std::uint64_t min_bytes, std::string_view key) {
  if (count > kMaxElements && count <= reader.remaining() / min_bytes) {
    return base::DataLoss("the array " + Quoted(key) + " has " + std::to_string(count) + " elements; at most " +
                          std::to_string(kMaxElements) + " are allowed");
  }
  if (count <= reader.remaining() / min_bytes) return base::OkStatus();
  return base::DataLoss("the array " + Quoted(key) + " claims " + std::to_string(count) + " elements, but only " +
                        std::to_string(reader.remaining()) + " bytes of the file are left");
}

template <class T>
base::Result<MetadataValue> ReadNumbers(ByteReader& reader, std::uint64_t count, std::string_view key) {
  if (base::Status status = CheckCount(reader, count, sizeof(T), key); !status.ok()) return status;
  std::vector<Widened<T>> values(static_cast<std::size_t>(count));
  for (auto& value : values) value = static_cast<Widened<T>>(reader.Read<T>().value_or(T{}));
  return MetadataValue(std::move(values));
}

base::Result<MetadataValue> ReadBools(ByteReader& reader, std::uint64_t count, std::string_view key) {
  if (base::Status status = CheckCount(reader, count, 1, key); !status.ok()) return status;
  std::vector<bool> values;
  values.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    base::Result<bool> flag = ToBool(reader.Read<std::uint8_t>().value_or(0), key);
    if (!flag.ok()) return flag.status();
    values.push_back(*flag);
  }
  return MetadataValue(std::move(values));
}

base::Result<MetadataValue> ReadStrings(ByteReader& reader, std::uint64_t count, std::string_view key) {
  if (base::Status status = CheckCount(reader, count, sizeof(std::uint64_t), key); !status.ok()) return status;
  StringArray values;
  values.Reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    const base::Result<std::string_view> text = ReadText(reader, key);
    if (!text.ok()) return text.status();
    values.Add(*text);
  }
  values.ShrinkToFit();
  return MetadataValue(std::move(values));
}

base::Status UnknownType(std::uint32_t code, std::string_view key) {
  return base::DataLoss("the metadata key " + Quoted(key) + " has the unknown value type " + std::to_string(code));
}

base::Result<MetadataValue> ReadArray(ByteReader& reader, std::string_view key) {
  const auto code = reader.Read<std::uint32_t>();
  const auto count = code ? reader.Read<std::uint64_t>() : std::nullopt;
  if (!count) return EndsEarly(reader, key);
  switch (GgufValueType{*code}) {
    case GgufValueType::kUint8:
      return ReadNumbers<std::uint8_t>(reader, *count, key);
    case GgufValueType::kInt8:
      return ReadNumbers<std::int8_t>(reader, *count, key);
    case GgufValueType::kUint16:
      return ReadNumbers<std::uint16_t>(reader, *count, key);
    case GgufValueType::kInt16:
      return ReadNumbers<std::int16_t>(reader, *count, key);
    case GgufValueType::kUint32:
      return ReadNumbers<std::uint32_t>(reader, *count, key);
    case GgufValueType::kInt32:
      return ReadNumbers<std::int32_t>(reader, *count, key);
    case GgufValueType::kFloat32:
      return ReadNumbers<float>(reader, *count, key);
    case GgufValueType::kBool:
      return ReadBools(reader, *count, key);
    case GgufValueType::kString:
      return ReadStrings(reader, *count, key);
    case GgufValueType::kArray:
      return base::Unimplemented("the metadata key " + Quoted(key) + " holds arrays in an array, which no model needs");
    case GgufValueType::kUint64:
      return ReadNumbers<std::uint64_t>(reader, *count, key);
    case GgufValueType::kInt64:
      return ReadNumbers<std::int64_t>(reader, *count, key);
    case GgufValueType::kFloat64:
      return ReadNumbers<double>(reader, *count, key);
  }
  return UnknownType(*code, key);
}

}  // namespace

base::Result<MetadataValue> ReadGgufValue(ByteReader& reader, std::uint32_t type_code, std::string_view key) {
  switch (GgufValueType{type_code}) {
    case GgufValueType::kUint8:
      return ReadNumber<std::uint8_t>(reader, key);
    case GgufValueType::kInt8:
      return ReadNumber<std::int8_t>(reader, key);
    case GgufValueType::kUint16:
      return ReadNumber<std::uint16_t>(reader, key);
    case GgufValueType::kInt16:
      return ReadNumber<std::int16_t>(reader, key);
    case GgufValueType::kUint32:
      return ReadNumber<std::uint32_t>(reader, key);
    case GgufValueType::kInt32:
      return ReadNumber<std::int32_t>(reader, key);
    case GgufValueType::kFloat32:
      return ReadNumber<float>(reader, key);
    case GgufValueType::kBool:
      return ReadBool(reader, key);
    case GgufValueType::kString:
      return ReadTextValue(reader, key);
    case GgufValueType::kArray:
      return ReadArray(reader, key);
    case GgufValueType::kUint64:
      return ReadNumber<std::uint64_t>(reader, key);
    case GgufValueType::kInt64:
      return ReadNumber<std::int64_t>(reader, key);
    case GgufValueType::kFloat64:
      return ReadNumber<double>(reader, key);
  }
  return UnknownType(type_code, key);
}

std::string Quoted(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  std::string out = "'";
  for (const char c : name.substr(0, kLongest)) out.push_back(c >= ' ' && c <= '~' ? c : '?');
  if (name.size() > kLongest) out += "...";
  out.push_back('\'');
  return out;
}

}  // namespace bowhead::model
