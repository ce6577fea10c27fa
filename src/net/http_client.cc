#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <optional>
#include <utility>

namespace bowhead::net {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// libcurl's own state of the process, made before the first use of it.
void InitCurl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(code);
}

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) {
    text.remove_suffix(1);
  }
  return text;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

base::Status CheckRequest(const ClientRequest& request) {
  const std::string scheme = Lower(std::string_view(request.url).substr(0, 8));
  if (!scheme.starts_with("http://") && !scheme.starts_with("https://")) {
    return base::InvalidArgument("the URL must begin with http:// or https://");
  }
  if (HasControl(request.url) || request.url.find(' ') != std::string::npos) {
    return base::InvalidArgument("the URL has blanks or control characters");
  }
  if (request.method.empty() || HasControl(request.method)) return base::InvalidArgument("the method is not one");
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || HasControl(name) || HasControl(value) || name.find(':') != std::string::npos) {
      return base::InvalidArgument("the header '" + name.substr(0, 50) + "' cannot be sent");
    }
  }
  return base::OkStatus();
}

}  // namespace

std::string_view ClientResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

struct HttpClient::Connections {
  std::unique_ptr<CURLM, MultiDeleter> multi{curl_multi_init()};
};

/// One request on its way: what libcurl's callbacks fill in.
struct HttpClient::Transfer {
  const ClientRequest& request;
  const HttpClientOptions& options;
  const BodyHandler& on_body;
  ClientResponse response = {};
  std::size_t header_bytes = 0;
  std::size_t body_bytes = 0;
  Clock::time_point last_byte = Clock::now();
  bool enough = false;        // the handler has seen what it wanted
  base::Status failure = {};  // why a callback gave up
  std::unique_ptr<CURL, EasyDeleter> easy{curl_easy_init()};
  HeaderList headers = {};

  static std::size_t OnHeader(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->AddHeader({data, size * count});
  }
  static std::size_t OnBody(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->AddBody({data, size * count});
  }

  std::size_t AddHeader(std::string_view line) {
    last_byte = Clock::now();
    header_bytes += line.size();
    if (header_bytes > options.max_header_bytes) {
      failure = base::ResourceExhausted("the server's headers are larger than " +
                                        std::to_string(options.max_header_bytes) + " bytes");
      return 0;
    }
    if (line.starts_with("HTTP/")) {  // interim answers (1xx) and proxies' come before the real one
      response.headers.clear();
      return line.size();
    }
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      response.headers.emplace_back(Lower(line.substr(0, colon)), std::string(Trim(line.substr(colon + 1))));
    }
    return line.size();
  }

  std::size_t AddBody(std::string_view piece) {
    last_byte = Clock::now();
    body_bytes += piece.size();
    if (body_bytes > request.max_response_bytes) {
      failure =
          base::ResourceExhausted("the answer is larger than " + std::to_string(request.max_response_bytes) + " bytes");
      return 0;
    }
    ReadStatus();
    if (!on_body) {
      response.body.append(piece);
      return piece.size();
    }
    if (on_body(response, piece)) return piece.size();
    enough = true;
    return 0;
  }

  void ReadStatus() {
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    response.status = static_cast<int>(status);
  }

  base::Status SetUp() {
    if (easy == nullptr) return base::ResourceExhausted("no memory for a request");
    for (const auto& [name, value] : request.headers) {
      const std::string line = value.empty() ? name + ";" : name + ": " + value;
      curl_slist* longer = curl_slist_append(headers.get(), line.c_str());
      if (longer == nullptr) return base::ResourceExhausted("no memory for a request");
      static_cast<void>(headers.release());
      headers.reset(longer);
    }
    CURL* handle = easy.get();
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(handle, CURLOPT_NOBODY, request.method == "HEAD" ? 1L : 0L);
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
      curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    }
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.proxy.empty()) curl_easy_setopt(handle, CURLOPT_PROXY, options.proxy.c_str());
    curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &OnHeader);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &OnBody);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
    return base::OkStatus();
  }

  /// The outcome that libcurl reports, in our words.
  [[nodiscard]] base::Status StatusOf(CURLcode code) const {
    if (!failure.ok()) return failure;
    if (code == CURLE_OK || enough) return base::OkStatus();
    const std::string why = curl_easy_strerror(code);
    switch (code) {
      case CURLE_URL_MALFORMAT:
      case CURLE_UNSUPPORTED_PROTOCOL:
        return base::InvalidArgument("the URL cannot be used: " + why);
      case CURLE_OPERATION_TIMEDOUT:
        return {base::StatusCode::kDeadlineExceeded,
                "no connection within " + std::to_string(options.connect_timeout.count()) + " ms"};
      case CURLE_SSL_CACERT_BADFILE:
        return base::FailedPrecondition("the file of certificates cannot be read: " + options.ca_file);
      default:
        return base::Unavailable(why);
    }
  }

  /// Drives the request until it ends, is cancelled or takes too long.
  base::Status Drive(CURLM* multi, const std::stop_token& stop) {
    const Clock::time_point end = Clock::now() + request.timeout;
    const std::stop_callback wake(stop, [multi] { curl_multi_wakeup(multi); });
    while (true) {
      int running = 0;
      if (curl_multi_perform(multi, &running) != CURLM_OK) return base::Internal("libcurl could not go on");
      int waiting = 0;
      while (const CURLMsg* message = curl_multi_info_read(multi, &waiting)) {
        if (message->msg == CURLMSG_DONE) return StatusOf(message->data.result);
      }
      if (stop.stop_requested()) return base::Cancelled("the request was cancelled");
      const Clock::time_point now = Clock::now();
      const bool silent = request.idle_timeout.count() > 0 && now >= last_byte + request.idle_timeout;
      if (now >= end || silent) {
        const milliseconds limit = silent ? request.idle_timeout : request.timeout;
        return {base::StatusCode::kDeadlineExceeded,
                std::string(silent ? "the server was silent for " : "the server did not finish within ") +
                    std::to_string(limit.count()) + " ms"};
      }
      Clock::time_point next = end;
      if (request.idle_timeout.count() > 0) next = std::min(next, last_byte + request.idle_timeout);
      const auto wait = std::chrono::ceil<milliseconds>(next - now).count();
      curl_multi_poll(multi, nullptr, 0, static_cast<int>(std::clamp<std::int64_t>(wait, 1, 1000)), nullptr);
    }
  }
};

HttpClient::HttpClient(HttpClientOptions options) : options_(std::move(options)) {
  InitCurl();
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Connections> HttpClient::Take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Connections>();
  std::unique_ptr<Connections> connections = std::move(idle_.back());
  idle_.pop_back();
  return connections;
}

void HttpClient::GiveBack(std::unique_ptr<Connections> connections) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < options_.max_idle) idle_.push_back(std::move(connections));
}

base::Result<ClientResponse> HttpClient::Fetch(const ClientRequest& request, std::stop_token stop,
                                               const BodyHandler& on_body) {
  if (base::Status status = CheckRequest(request); !status.ok()) return status;
  std::unique_ptr<Connections> connections = Take();
  CURLM* multi = connections->multi.get();
  Transfer transfer{.request = request, .options = options_, .on_body = on_body};
  if (base::Status status = transfer.SetUp(); !status.ok()) return status;
  if (multi == nullptr || curl_multi_add_handle(multi, transfer.easy.get()) != CURLM_OK) {
    return base::ResourceExhausted("no memory for a request");
  }
  base::Status status = transfer.Drive(multi, stop);
  transfer.ReadStatus();
  curl_multi_remove_handle(multi, transfer.easy.get());
  GiveBack(std::move(connections));
  if (!status.ok()) return status;
  return std::move(transfer.response);
}

}  // namespace bowhead::net
