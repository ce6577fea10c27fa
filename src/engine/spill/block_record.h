// The file format of a KV block on disk.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/content_hash.h"
#include "base/status.h"
#include "model/arch/transformer.h"

namespace bowhead::engine {

using BlockTokens = std::array<model::TokenId, model::kBlockTokens>;

/// Little-endian, without gaps:
///
///   8 bytes    "BHKVREC1"
///   16         what made it: model, program, layout (see spill/store_key.h); low half first
///   16         chain hash: the scope, all tokens before the block, and the block's own
///   16 x 4     the block's tokens
///   8          bytes of the payload
///   ...        the payload: Transformer::ReadBlock
///   16         XXH3-128 of everything before
struct BlockRecord {
  base::ContentHash maker;
  base::ContentHash chain;
  BlockTokens tokens = {};
  std::span<const std::byte> payload;
};

inline constexpr std::size_t kRecordOverhead = 8 + 16 + 16 + 4 * model::kBlockTokens + 8 + 16;

std::vector<std::byte> WriteRecord(const BlockRecord& record);

/// Reads untrusted bytes; the payload points into them. Errors: kDataLoss (not a record, cut short, or its hash is
/// wrong).
base::Result<BlockRecord> ParseRecord(std::span<const std::byte> bytes);

}  // namespace bowhead::engine
