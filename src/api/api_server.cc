#include "api/api_server.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <exception>
#include <optional>
#include <utility>

#include "api/web_assets.h"
#include "net/content_coding.h"
#include "net/uri.h"

namespace bowhead::api {

namespace {

constexpr std::size_t kMaxRequestIdBytes = 128;
constexpr int kToolThreads = 8;  // calls of tools that wait at a time, over all servers

bool IsPlainId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
  });
}

/// "host:port" without the port and without brackets.
std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.find(':'));
}

bool IsAddressOrLocalhost(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (host.find(':') != std::string_view::npos) return true;  // an IPv6 address
  return !host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

/// Whether "GET, HEAD" names the method.
bool Lists(std::string_view methods, std::string_view method) {
  while (!methods.empty()) {
    const std::size_t comma = std::min(methods.find(", "), methods.size());
    if (methods.substr(0, comma) == method) return true;
    methods.remove_prefix(std::min(comma + 2, methods.size()));
  }
  return false;
}

/// Whether the pattern ("/v1/models/*") covers the path, and what its stars stand for: one part, at the end the rest.
bool MatchPath(std::string_view pattern, std::string_view path, std::array<std::string, 2>& arguments) {
  for (std::string& argument : arguments) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) break;
    if (path.substr(0, star) != pattern.substr(0, star)) return false;
    pattern.remove_prefix(star + 1);
    path.remove_prefix(star);
    const std::size_t end = pattern.empty() ? path.size() : std::min(path.find('/'), path.size());
    if (end == 0) return false;
    argument = path.substr(0, end);
    path.remove_prefix(end);
  }
  return pattern == path;
}

bool AllowsOrigin(const std::vector<std::string>& allowed, std::string_view origin) {
  return !origin.empty() && std::any_of(allowed.begin(), allowed.end(),
                                        [&](const std::string& one) { return one == "*" || one == origin; });
}

/// Names of header fields with commas between, not too many.
bool IsHeaderList(std::string_view list) {
  return !list.empty() && list.size() <= 2048 && std::all_of(list.begin(), list.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == ',' || c == ' ';
  });
}

}  // namespace

ApiServer::ApiServer(ApiOptions options, serving::ModelService& service, telemetry::Registry& registry,
                     telemetry::Logger& logger)
    : options_(std::move(options)),
      service_(service),
      registry_(registry),
      logger_(logger),
      http_metrics_(std::make_shared<telemetry::HttpMetrics>(registry)),
      conversations_(std::make_shared<assistant::ConversationStore>(options_.conversations)),
      random_(std::random_device()()),
      workers_(std::make_shared<serving::TaskQueue>(2, options_.max_waiting_requests)),
      tool_threads_(std::make_shared<serving::TaskQueue>(options_.tools == nullptr ? 0 : kToolThreads,
                                                         options_.max_waiting_requests)) {
  const std::uint64_t more = std::random_device()();
  random_.seed((more << 32U) ^ random_());
}

ApiServer::~ApiServer() {
  Stop();
}

std::span<const ApiServer::Route> ApiServer::Routes() {
  static constexpr std::array kRoutes = {
      Route{"/health", "GET, HEAD", &ApiServer::Health, true, false},
      Route{"/ready", "GET, HEAD", &ApiServer::Ready, true, false},
      Route{"/metrics", "GET, HEAD", &ApiServer::Metrics, false, true},
      Route{"/openapi.json", "GET, HEAD", &ApiServer::OpenApi, true, true},
      Route{"/v1/models", "GET, HEAD", &ApiServer::ListModels, false, false},
      Route{"/v1/models/*", "GET, HEAD", &ApiServer::GetModel, false, false},
      Route{"/v1/chat/completions", "POST", &ApiServer::ChatCompletions, false, true, ApiShape::kOpenAi, true},
      Route{"/v1/completions", "POST", &ApiServer::Completions, false, true, ApiShape::kOpenAi, true},
      Route{"/v1/embeddings", "POST", &ApiServer::CreateEmbeddings, false, true, ApiShape::kOpenAi, true},
      Route{"/v1/responses", "POST", &ApiServer::CreateResponse, false, true, ApiShape::kOpenAi, true},
      Route{"/v1/responses/*/input_items", "GET, HEAD", &ApiServer::ResponseInput, false, false},
      Route{"/v1/responses/*", "GET, HEAD, DELETE", &ApiServer::KeptResponse, false, false},
      Route{"/v1/conversations", "POST", &ApiServer::CreateConversation, false, true},
      Route{"/v1/conversations/*/items/*", "GET, HEAD, DELETE", &ApiServer::OneConversationItem, false, true},
      Route{"/v1/conversations/*/items", "GET, HEAD, POST", &ApiServer::ConversationItems, false, true},
      Route{"/v1/conversations/*", "GET, HEAD, POST, DELETE", &ApiServer::OneConversation, false, true},
      Route{"/v1/messages", "POST", &ApiServer::Messages, false, true, ApiShape::kAnthropic, true},
      Route{"/v1/messages/count_tokens", "POST", &ApiServer::CountTokens, false, true, ApiShape::kAnthropic},
      Route{"/api/chat", "POST", &ApiServer::OllamaChat, false, true, ApiShape::kOllama, true},
      Route{"/api/generate", "POST", &ApiServer::OllamaGenerate, false, true, ApiShape::kOllama, true},
      Route{"/api/tags", "GET, HEAD", &ApiServer::OllamaTags, false, false, ApiShape::kOllama},
      Route{"/api/show", "POST", &ApiServer::OllamaShow, false, true, ApiShape::kOllama},
      Route{"/api/version", "GET, HEAD", &ApiServer::OllamaVersion, false, false, ApiShape::kOllama},
      Route{"/chat", "GET, POST", &ApiServer::PlainChat, false, true, ApiShape::kOpenAi, true},
      Route{"/tokenize", "POST", &ApiServer::Tokenize, false, true},
      Route{"/detokenize", "POST", &ApiServer::Detokenize, false, true},
  };
  return kRoutes;
}

std::vector<std::pair<std::string_view, std::string_view>> ApiServer::Paths() {
  std::vector<std::pair<std::string_view, std::string_view>> paths;
  for (const Route& route : Routes()) paths.emplace_back(route.path, route.methods);
  return paths;
}

const ApiServer::Route* ApiServer::FindRoute(std::string_view path, std::array<std::string, 2>& arguments) {
  for (const Route& route : Routes()) {
    if (MatchPath(route.path, path, arguments)) return &route;
  }
  return nullptr;
}

void ApiServer::Handle(std::shared_ptr<net::HttpExchange> exchange) {
  std::string id = RequestId(exchange->request().Header("x-request-id"));
  Dispatch(std::make_shared<Call>(std::move(exchange), http_metrics_, logger_, std::move(id)));
}

std::string ApiServer::RequestId(std::string_view given) {
  return IsPlainId(given) ? std::string(given) : RandomId("req-");
}

bool ApiServer::Admit(const CallPtr& call, bool open, bool loads) {
  return CheckOrigin(call) && (open || CheckKey(call)) && (!loads || CheckLoad(call));
}

void ApiServer::Dispatch(const CallPtr& call) {
  const net::HttpRequest& request = call->request();
  call->set_more_headers(CorsHeaders(request));
  std::array<std::string, 2> arguments;
  const Route* route = FindRoute(request.path, arguments);
  if (route == nullptr) {
    ServePage(call);
    return;
  }
  call->set_route(route->path, std::move(arguments));
  call->set_shape(route->shape);
  const std::string allow = std::string(route->methods) + ", OPTIONS";
  if (request.method == "OPTIONS") {
    AnswerOptions(call, allow);
    return;
  }
  if (!Lists(route->methods, request.method)) {
    net::HttpResponse response =
        ErrorResponse({.status = 405,
                       .message = std::string(route->path) + " takes " + std::string(route->methods) + ", not " +
                                  request.method.substr(0, 20)},
                      route->shape);
    response.headers.emplace_back("Allow", allow);
    call->Send(std::move(response));
    return;
  }
  if (!Admit(call, route->open, route->loads)) return;
  if (route->worker) {
    RunOnWorker(call, [this, call, method = route->method] {
      if (PrepareBody(call) && CheckIdempotency(call)) (this->*method)(call);
    });
  } else {
    (this->*route->method)(call);
  }
}

bool ApiServer::CheckLoad(const CallPtr& call) {
  const ModelPtr model = service_.model();
  if (model == nullptr) return true;  // the route tells why there is none
  const base::Status status = model->backend->CheckLoad(call->tenant());
  if (status.ok()) return true;
  call->Fail(FromRefusal(status, *model->backend, call->tenant()));
  return false;
}

void ApiServer::RunOnWorker(const CallPtr& call, std::function<void()> task) {
  const bool accepted = workers_->Post([this, call, task = std::move(task)] {
    try {
      task();
    } catch (const std::exception& error) {
      logger_.Error("a request failed", {{"request_id", call->request_id()}, {"what", error.what()}});
      call->Fail(FromStatus(base::Internal("the server could not work on this request; its log says why")));
    }
  });
  if (!accepted) call->Fail(FromStatus(base::ResourceExhausted("too many requests are waiting; try again soon")));
}

bool ApiServer::PrepareBody(const CallPtr& call) {
  const net::HttpRequest& request = call->request();
  const std::string_view header = request.Header("content-encoding");
  const std::optional<net::ContentCoding> coding = net::ParseContentEncoding(header);
  if (!coding) {
    net::HttpResponse response = ErrorResponse(
        {.status = 415,
         .message = "Content-Encoding may be gzip, zstd or identity, not '" + std::string(header.substr(0, 50)) + "'"},
        call->shape());
    response.headers.emplace_back("Accept-Encoding", "gzip, zstd");
    call->Send(std::move(response));
    return false;
  }
  if (*coding == net::ContentCoding::kIdentity) return true;
  base::Result<std::string> body = net::DecodeContent(*coding, request.body, options_.max_body_bytes);
  if (!body.ok()) {
    ApiError error{.message = body.status().message()};
    if (body.status().code() == base::StatusCode::kOutOfRange) error.status = 413;
    if (error.status == 413) error.code = "request_too_large";
    call->Fail(error);
    return false;
  }
  call->set_body(std::move(*body));
  return true;
}

bool ApiServer::CheckIdempotency(const CallPtr& call) {
  const net::HttpRequest& request = call->request();
  const std::string_view key = request.Header("idempotency-key");
  if (key.empty() || request.method != "POST") return true;
  if (!IsIdempotencyKey(key)) {
    call->Fail(BadParameter("Idempotency-Key", "Idempotency-Key must have 1 to 255 visible ASCII characters"));
    return false;
  }
  base::ContentHasher hasher;
  for (const std::string_view part : {std::string_view(request.path), std::string_view(request.query),
                                      request.Header("content-type"), std::string_view(call->body())}) {
    hasher.Add(part);
  }
  IdempotencyStore::Claim claim = idempotency_->Begin(call->tenant(), key, hasher.Finish());
  if (claim.error) {
    call->Fail(*claim.error);
  } else if (claim.answer != nullptr) {
    call->Replay(*claim.answer);
  } else {
    call->set_idempotent_run(std::move(claim.run));
    return true;
  }
  return false;
}

void ApiServer::ServePage(const CallPtr& call) {
  const net::HttpRequest& request = call->request();
  const WebAsset* asset = FindWebAsset(request.path);
  if (asset == nullptr) {
    std::string hint = "there is no " + request.path.substr(0, 200) + " here";
    std::string_view nearest;
    for (const Route& route : Routes()) {
      const std::string_view path = route.path;
      if (path.size() > request.path.size() && path.ends_with(request.path)) nearest = path;
    }
    if (nearest.empty()) {
      std::vector<ParamSpec> names;
      for (const Route& route : Routes()) names.push_back({.name = route.path});
      nearest = NearestName(request.path, names);
    }
    hint += nearest.empty()
                ? "; the API is at /v1/chat/completions, /v1/completions, /v1/models, /v1/embeddings and /chat"
                : "; did you mean " + std::string(nearest) + "?";
    call->Fail({.status = 404, .message = std::move(hint), .code = "unknown_url"});
    return;
  }
  call->set_route("page", {});
  if (request.method != "GET" && request.method != "HEAD") {
    const bool options = request.method == "OPTIONS";
    net::HttpResponse response =
        options ? net::HttpResponse{.status = 204, .headers = {}, .body = {}}
                : ErrorResponse({.status = 405, .message = "files of the page can only be read (GET, HEAD)"});
    response.headers.emplace_back("Allow", "GET, HEAD, OPTIONS");
    call->Send(std::move(response));
    return;
  }
  call->Send(WebResponse(*asset, request));
}

net::Headers ApiServer::CorsHeaders(const net::HttpRequest& request) const {
  if (options_.cors_origins.empty()) return {};
  net::Headers headers = {{"Vary", "Origin"}};
  const std::string_view origin = request.Header("origin");
  if (!AllowsOrigin(options_.cors_origins, origin)) return headers;
  headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  headers.emplace_back("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, Idempotent-Replayed");
  return headers;
}

void ApiServer::AnswerOptions(const CallPtr& call, const std::string& allow) {
  const net::HttpRequest& request = call->request();
  net::Headers headers = {{"Allow", allow}};
  // A browser's question before a request that is not simple (the Fetch standard's CORS preflight).
  if (AllowsOrigin(options_.cors_origins, request.Header("origin")) &&
      !request.Header("access-control-request-method").empty()) {
    headers.emplace_back("Access-Control-Allow-Methods", allow);
    const std::string_view asked = request.Header("access-control-request-headers");
    if (IsHeaderList(asked)) headers.emplace_back("Access-Control-Allow-Headers", std::string(asked));
    headers.emplace_back("Access-Control-Max-Age", "600");
    if (request.Header("access-control-request-private-network") == "true") {
      headers.emplace_back("Access-Control-Allow-Private-Network", "true");
    }
  }
  call->Send({.status = 204, .headers = std::move(headers), .body = {}});
}

bool ApiServer::CheckOrigin(const CallPtr& call) {
  const std::string_view authority = call->request().Header("host");
  if (options_.local_only && !authority.empty() && !IsAddressOrLocalhost(HostOf(authority))) {
    call->Fail({.status = 403,
                .message = "the Host header '" + std::string(authority.substr(0, 100)) +
                           "' is not this machine's; use localhost or an address, or serve with an API key",
                .type = "permission_error"});
    return false;
  }
  // Browsers name the page that asks; other sites' pages may not use this server through their visitors.
  const std::string_view origin = call->request().Header("origin");
  if (origin.empty() || origin == "null") {
    if (origin.empty()) return true;
  } else if (const std::size_t slashes = origin.find("://");
             slashes != std::string_view::npos && origin.substr(slashes + 3) == authority) {
    return true;
  }
  if (AllowsOrigin(options_.cors_origins, origin)) return true;
  call->Fail({.status = 403,
              .message = "requests from web pages of other origins ('" + std::string(origin.substr(0, 100)) +
                         "') are not allowed; --cors-origin allows one",
              .type = "permission_error"});
  return false;
}

bool ApiServer::CheckKey(const CallPtr& call) {
  if (options_.keys == nullptr || options_.keys->empty()) return true;
  const std::string_view header = call->request().Header("authorization");
  std::optional<std::string_view> key = security::ApiKeys::FromAuthorization(header);
  if (header.empty()) {
    const std::string_view other = call->request().Header("x-api-key");
    if (!other.empty()) key = other;
  }
  if (key) {
    if (std::optional<std::string> name = options_.keys->Check(*key)) {
      call->set_tenant(std::move(*name));
      return true;
    }
  }
  call->Fail(FromStatus(base::Unauthenticated(key ? "the API key is not known to this server"
                                                  : "this server needs an API key: Authorization: Bearer KEY")));
  return false;
}

bool ApiServer::ParseBody(const CallPtr& call, JsonValue& body) {
  base::Result<JsonValue> parsed = ParseJson(call->body());
  if (!parsed.ok()) {
    ApiError error = FromStatus(parsed.status());
    error.code = "invalid_json";
    call->Fail(error);
    return false;
  }
  if (parsed->AsObject() == nullptr) {
    call->Fail({.message = "the body must be a JSON object"});
    return false;
  }
  body = std::move(*parsed);
  return true;
}

ApiServer::ModelPtr ApiServer::FindModel(const CallPtr& call, std::string_view name) {
  base::Result<ModelPtr> model = service_.Find(name);
  if (model.ok()) return std::move(*model);
  ApiError error = FromStatus(model.status());
  if (error.status == 404) {
    error.param = "model";
    error.code = "model_not_found";
  }
  call->Fail(error);
  return nullptr;
}

std::uint64_t ApiServer::Random() {
  const std::lock_guard lock(random_mutex_);
  return random_();
}

std::string ApiServer::RandomId(std::string_view prefix) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id(prefix);
  for (int part = 0; part < 2; ++part) {
    std::uint64_t bits = Random();
    for (int i = 0; i < 12; ++i, bits >>= 4U) id.push_back(kDigits[bits & 15U]);
  }
  return id;
}

}  // namespace bowhead::api
