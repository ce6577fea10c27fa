#include "model/format/gguf_parser.h"

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <utility>

#include "model/format/byte_reader.h"
#include "model/format/gguf_tensors.h"
#include "model/format/gguf_value.h"

namespace bowhead::model {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kMaxKeyBytes = 65535;  // by the specification
// Length of the key, one byte of key, type code, one byte of value.
constexpr std::uint64_t kMinPairBytes = 8 + 1 + 4 + 1;
// Real files have some tens of keys in at most 20 MB. The bounds keep what a hostile file can make us allocate to a few
// times 256 MiB, however large it is.
constexpr std::uint64_t kMaxPairs = 65536;
constexpr std::uint64_t kMaxMetadataBytes = std::uint64_t{256} << 20U;
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMinAlignment = 8;  // by the specification; no element needs more
constexpr std::uint64_t kMaxAlignment = 1U << 20U;

struct Header {
  std::uint32_t version = 0;
  std::uint64_t num_tensors = 0;
  std::uint64_t num_pairs = 0;
};

base::Status TooShort(const ByteReader& reader) {
  return base::DataLoss("the file ends at byte " + std::to_string(reader.position() + reader.remaining()) +
                        ", inside its header; fetch it again");
}

base::Status NotGguf(std::string_view magic) {
  const std::string advice = "; Bowhead serves GGUF files, which start with the bytes 'GGUF'";
  if (magic == "FUGG") return base::Unimplemented("this GGUF file has its bytes swapped" + advice);
  if (magic == "lmgg" || magic == "fmgg" || magic == "tjgg") {
    return base::Unimplemented("this is a GGML file of 2023, before GGUF; convert it again" + advice);
  }
  if (magic.substr(0, 2) == "PK") return base::InvalidArgument("this is a zip archive, maybe of PyTorch" + advice);
  return base::InvalidArgument("this is no model file" + advice);
}

base::Status CheckVersion(std::uint32_t version) {
  if (version == 2 || version == 3) return base::OkStatus();
  if (version == 1) return base::Unimplemented("GGUF version 1 was replaced in 2023; convert the model again");
  const std::uint32_t swapped = __builtin_bswap32(version);
  if (swapped >= 1 && swapped <= 3) {
    return base::Unimplemented("this GGUF file is big-endian; Bowhead reads little-endian ones");
  }
  return base::Unimplemented("GGUF version " + std::to_string(version) + " is unknown; Bowhead reads versions 2 and 3");
}

base::Result<Header> ReadHeader(ByteReader& reader) {
  const auto magic = reader.ReadBytes(kMagic.size());
  if (!magic)
    return base::InvalidArgument("the file is too short to be a model (" + std::to_string(reader.remaining()) +
                                 " bytes)");
  const std::string_view text(reinterpret_cast<const char*>(magic->data()), magic->size());
  if (text != kMagic) return NotGguf(text);
  const auto version = reader.Read<std::uint32_t>();
  if (!version) return TooShort(reader);
  if (base::Status status = CheckVersion(*version); !status.ok()) return status;
  const auto num_tensors = reader.Read<std::uint64_t>();
  const auto num_pairs = reader.Read<std::uint64_t>();
  if (!num_tensors || !num_pairs) return TooShort(reader);
  return Header{*version, *num_tensors, *num_pairs};
}

base::Status CheckKey(std::string_view key) {
  if (key.empty() || key.size() > kMaxKeyBytes) {
    return base::DataLoss("a metadata key is " + std::to_string(key.size()) + " bytes long; 1 to " +
                          std::to_string(kMaxKeyBytes) + " are allowed");
  }
  if (std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c <= '~'; })) return base::OkStatus();
  return base::DataLoss("the metadata key " + Quoted(key) + " holds characters other than printable ASCII");
}

base::Result<Metadata> ReadMetadata(ByteReader& reader, std::uint64_t count) {
  if (count > reader.remaining() / kMinPairBytes) {
    return base::DataLoss("the file claims " + std::to_string(count) + " metadata keys, but only " +
                          std::to_string(reader.remaining()) + " bytes of it are left; it is damaged or cut off");
  }
  if (count > kMaxPairs) {
    return base::DataLoss("the file has " + std::to_string(count) + " metadata keys; at most " +
                          std::to_string(kMaxPairs) + " are allowed");
  }
  Metadata::Map values;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto key = reader.ReadString();
    const auto type = key ? reader.Read<std::uint32_t>() : std::nullopt;
    if (!type) {
      return base::DataLoss("the file ends at byte " + std::to_string(reader.position() + reader.remaining()) +
                            ", inside its metadata (key " + std::to_string(i + 1) + " of " + std::to_string(count) +
                            "); fetch it again");
    }
    if (base::Status status = CheckKey(*key); !status.ok()) return status;
    base::Result<MetadataValue> value = ReadGgufValue(reader, *type, *key);
    if (!value.ok()) return value.status();
    if (reader.position() > kMaxMetadataBytes) {
      return base::DataLoss("the metadata is larger than " + std::to_string(kMaxMetadataBytes) + " bytes (at key " +
                            Quoted(*key) + ")");
    }
    if (!values.emplace(std::string(*key), std::move(*value)).second) {
      return base::DataLoss("the metadata key " + Quoted(*key) + " appears twice; the file is damaged");
    }
  }
  return Metadata(std::move(values));
}

base::Result<std::uint64_t> ReadAlignment(const Metadata& metadata) {
  constexpr std::string_view kKey = "general.alignment";
  if (!metadata.Has(kKey)) return kDefaultAlignment;
  const auto alignment = metadata.GetUint(kKey);
  if (alignment && std::has_single_bit(*alignment) && *alignment >= kMinAlignment && *alignment <= kMaxAlignment) {
    return *alignment;
  }
  return base::DataLoss("general.alignment is " + (alignment ? std::to_string(*alignment) : "no positive integer") +
                        "; a power of two from 8 to 1048576 is allowed");
}

}  // namespace

base::Result<GgufContents> ParseGguf(std::span<const std::byte> bytes, const ModelFileOptions& options) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kMinAlignment != 0) {
    return base::InvalidArgument("the bytes of a model must start at a multiple of 8 in memory");
  }
  ByteReader reader(bytes);
  base::Result<Header> header = ReadHeader(reader);
  if (!header.ok()) return header.status();
  base::Result<Metadata> metadata = ReadMetadata(reader, header->num_pairs);
  if (!metadata.ok()) return metadata.status();
  base::Result<std::uint64_t> alignment = ReadAlignment(*metadata);
  if (!alignment.ok()) return alignment.status();
  base::Result<std::vector<GgufTensorEntry>> entries = ReadGgufTensors(reader, header->num_tensors);
  if (!entries.ok()) return entries.status();

  const std::uint64_t data_begin = (reader.position() + *alignment - 1) & ~(*alignment - 1);
  if (base::Status status = PlaceGgufTensors(*entries, *alignment, bytes, data_begin, options.header_only);
      !status.ok()) {
    return status;
  }
  GgufContents contents;
  contents.version = header->version;
  contents.metadata = std::move(*metadata);
  contents.tensors.reserve(entries->size());
  for (GgufTensorEntry& entry : *entries) contents.tensors.push_back(std::move(entry.tensor));
  return contents;
}

}  // namespace bowhead::model
