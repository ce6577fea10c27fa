// Form bodies, query strings and request targets: any bytes, no crash, and what comes out keeps its promises.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/form.h"
#include "net/uri.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bowhead::net;  // NOLINT(google-build-using-namespace)
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  const std::string_view head = input.substr(0, line);
  const std::string_view body = line == std::string_view::npos ? std::string_view() : input.substr(line + 1);

  if (const auto target = ParseTarget(head); target.ok()) {
    Check(target->path == "*" || target->path.starts_with('/'));
    Check(target->path.find("/../") == std::string::npos && !target->path.ends_with("/.."));
    Check(target->path.find('\0') == std::string::npos);
  }
  if (const auto query = ParseQuery(input, {.max_pairs = 8, .max_bytes = 4096}); query.ok()) {
    Check(query->size() <= 8);
    std::string again;
    for (const auto& [name, value] : *query) {
      again.append(PercentEncode(name)).append("=").append(PercentEncode(value)).append("&");
    }
    Check(*ParseQuery(again) == *query);
  }
  for (const std::string& type : {std::string(head), std::string("multipart/form-data; boundary=b")}) {
    const auto form = ParseForm(type, body, {.max_fields = 8, .max_bytes = 1 << 16, .max_part_header = 256});
    if (!form.ok()) continue;
    std::size_t bytes = 0;
    for (const auto& field : *form) bytes += field.name.size() + field.value.size();
    Check(form->size() <= 8 && bytes <= body.size());
  }
  return 0;
}
