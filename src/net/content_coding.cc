#include "net/content_coding.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>

#include "base/text.h"

namespace bowhead::net {
namespace {

constexpr std::size_t kPiece = 64 << 10;
constexpr int kGzipWindow = 15 + 16;   // zlib's way to say "gzip only"
constexpr int kMaxZstdWindowLog = 23;  // 8 MiB, what RFC 8878 asks every decoder to take
constexpr int kMaxElements = 32;       // of an Accept-Encoding header

base::Status TooLarge(std::size_t max_bytes) {
  return base::OutOfRange("the body is longer than " + std::to_string(max_bytes) + " bytes once it is decompressed");
}

base::Result<std::string> DecodeGzip(std::string_view bytes, std::size_t max_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return base::Internal("zlib could not start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  if (bytes.size() > std::numeric_limits<uInt>::max()) return TooLarge(max_bytes);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  std::string piece(kPiece, '\0');
  for (;;) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = piece.size() - stream.avail_out;
    if (made > max_bytes - out.size()) return TooLarge(max_bytes);
    out.append(piece, 0, made);
    if (result == Z_STREAM_END) break;
    if (result != Z_OK || (made == 0 && stream.avail_in == 0)) {
      return base::InvalidArgument("the body is not a whole gzip file, which its Content-Encoding says it is");
    }
  }
  if (stream.avail_in != 0) return base::InvalidArgument("there is more behind the end of the gzip body");
  return out;
}

base::Result<std::string> DecodeZstd(std::string_view bytes, std::size_t max_bytes) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (context == nullptr) return base::Internal("zstd could not start");
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kMaxZstdWindowLog);
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  std::string out;
  std::string piece(kPiece, '\0');
  for (;;) {
    ZSTD_outBuffer output{piece.data(), piece.size(), 0};
    const std::size_t before = input.pos;
    const std::size_t left = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(left) != 0) {
      return base::InvalidArgument(std::string("the body is not zstd with a window of at most 8 MiB, which its "
                                               "Content-Encoding says it is: ") +
                                   ZSTD_getErrorName(left));
    }
    if (output.pos > max_bytes - out.size()) return TooLarge(max_bytes);
    out.append(piece, 0, output.pos);
    if (left == 0 && input.pos == input.size) return out;
    if (left != 0 && output.pos == 0 && input.pos == before) {
      return base::InvalidArgument("the zstd body is cut off");
    }
  }
}

base::Result<std::string> EncodeGzip(std::string_view bytes) {
  z_stream stream{};
  if (bytes.size() > std::numeric_limits<uInt>::max() ||
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return base::Internal("zlib could not start");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return base::Internal("zlib could not compress");
  out.resize(out.size() - stream.avail_out);
  return out;
}

base::Result<std::string> EncodeZstd(std::string_view bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), /*level=*/1);
  if (ZSTD_isError(size) != 0) return base::Internal("zstd could not compress");
  out.resize(size);
  return out;
}

/// 0 to 1000; -1 for what is no weight.
int Weight(std::string_view parameters) {
  parameters = base::Trim(parameters);
  if (parameters.empty()) return 1000;
  if (!parameters.starts_with("q=") && !parameters.starts_with("Q=")) return -1;
  double weight = 0.0;
  const char* const end = parameters.data() + parameters.size();
  const auto parsed = std::from_chars(parameters.data() + 2, end, weight);
  if (parsed.ec != std::errc() || parsed.ptr != end || !(weight >= 0.0 && weight <= 1.0)) return -1;
  return static_cast<int>(weight * 1000.0);
}

}  // namespace

std::string_view ContentCodingName(ContentCoding coding) {
  switch (coding) {
    case ContentCoding::kGzip:
      return "gzip";
    case ContentCoding::kZstd:
      return "zstd";
    case ContentCoding::kIdentity:
      break;
  }
  return "identity";
}

std::optional<ContentCoding> ParseContentEncoding(std::string_view header) {
  const std::string name = base::ToLower(base::Trim(header));
  if (name.empty() || name == "identity") return ContentCoding::kIdentity;
  if (name == "gzip" || name == "x-gzip") return ContentCoding::kGzip;
  if (name == "zstd") return ContentCoding::kZstd;
  return std::nullopt;
}

ContentCoding ChooseContentCoding(std::string_view accept_encoding) {
  int gzip = -1;
  int zstd = -1;
  int others = 0;
  for (int i = 0; i < kMaxElements && !accept_encoding.empty(); ++i) {
    const std::size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view element = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    const std::size_t semicolon = std::min(element.find(';'), element.size());
    const std::string name = base::ToLower(base::Trim(element.substr(0, semicolon)));
    const int weight = Weight(element.substr(std::min(semicolon + 1, element.size())));
    if (weight < 0) continue;
    if (name == "gzip" || name == "x-gzip") gzip = weight;
    if (name == "zstd") zstd = weight;
    if (name == "*") others = weight;
  }
  if (gzip < 0) gzip = others;
  if (zstd < 0) zstd = others;
  if (gzip == 0 && zstd == 0) return ContentCoding::kIdentity;
  return zstd >= gzip ? ContentCoding::kZstd : ContentCoding::kGzip;
}

base::Result<std::string> DecodeContent(ContentCoding coding, std::string_view bytes, std::size_t max_bytes) {
  switch (coding) {
    case ContentCoding::kGzip:
      return DecodeGzip(bytes, max_bytes);
    case ContentCoding::kZstd:
      return DecodeZstd(bytes, max_bytes);
    case ContentCoding::kIdentity:
      break;
  }
  if (bytes.size() > max_bytes) return TooLarge(max_bytes);
  return std::string(bytes);
}

base::Result<std::string> EncodeContent(ContentCoding coding, std::string_view bytes) {
  switch (coding) {
    case ContentCoding::kGzip:
      return EncodeGzip(bytes);
    case ContentCoding::kZstd:
      return EncodeZstd(bytes);
    case ContentCoding::kIdentity:
      break;
  }
  return std::string(bytes);
}

}  // namespace bowhead::net
