// Metadata values of GGUF files: the type codes and the reader of one value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/format/byte_reader.h"
#include "model/format/metadata.h"

namespace bowhead::model {

/// Type codes of metadata values.
enum class GgufValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

/// Reads one value of that type code. An array's length is held against the bytes that are left before anything is
/// allocated. Errors: kDataLoss (the bytes end early, a bool that is neither 0 nor 1, an unknown type code),
/// kUnimplemented (arrays in arrays). Messages name `key`.
base::Result<MetadataValue> ReadGgufValue(ByteReader& reader, std::uint32_t type_code, std::string_view key);

/// The name of a key or tensor made fit for a message: control characters replaced, cut after 64 bytes.
std::string Quoted(std::string_view name);

}  // namespace bowhead::model
