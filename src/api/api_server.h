// All routes of the server, over one served model.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/answer_format.h"
#include "api/call.h"
#include "api/chat_request.h"
#include "api/generation_params.h"
#include "api/idempotency.h"
#include "api/json.h"
#include "api/mcp/mcp_request.h"
#include "api/responses/kept_store.h"
#include "assistant/answer_reader.h"
#include "assistant/conversation_store.h"
#include "assistant/prompt.h"
#include "assistant/tool_loop.h"
#include "base/status.h"
#include "net/http_server.h"
#include "security/api_keys.h"
#include "serving/model_service.h"
#include "serving/task_queue.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/serving_metrics.h"

namespace bowhead::api {

struct ApiOptions {
  std::string version;                      // of the program, for system_fingerprint
  const security::ApiKeys* keys = nullptr;  // none or empty: everybody may ask
  bool local_only = false;     // refuse Host headers that are neither an address nor localhost (DNS rebinding)
  int max_chat_tokens = 1024;  // POST /chat without max_tokens
  std::size_t max_waiting_requests = 1024;  // parsed and tokenized requests wait in this queue; 429 over it
  assistant::ConversationLimits conversations = {};
  mcp::ToolHub* tools = nullptr;  // none: no tools run on this server
  int max_tool_rounds = 8;        // of calls within one answer
  /// Origins ("https://app.example") whose pages may use the API from a browser; "*" is all of them.
  std::vector<std::string> cors_origins = {};
  std::size_t max_body_bytes = 8 << 20;  // decompressed; 413 over it
};

/// Answers HTTP requests. Bodies are parsed and tokenized on worker threads of its own. Thread-safe. `service`,
/// `registry`, `logger` and the tools must outlive it, and the last two the service too.
class ApiServer {
 public:
  ApiServer(ApiOptions options, serving::ModelService& service, telemetry::Registry& registry,
            telemetry::Logger& logger);
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  /// The handler for net::HttpServer; never blocks.
  void Handle(std::shared_ptr<net::HttpExchange> exchange);

  /// Every route's path ("/v1/models/*") and methods ("GET, HEAD"), for whoever describes them.
  [[nodiscard]] static std::vector<std::pair<std::string_view, std::string_view>> Paths();

  /// Ends the workers; what waits is still answered.
  void Stop() {
    workers_->Stop();
    tool_threads_->Stop();
  }

  // The work of the routes, apart from how a request comes and where its answer goes: for other protocols than
  // HTTP/1.1. Each failure is sent with Call::Fail.
  using CallPtr = std::shared_ptr<Call>;
  using ModelPtr = std::shared_ptr<const serving::ServedModel>;
  using ChatSinkMaker = std::function<std::shared_ptr<assistant::AnswerSink>(AnswerHead head, const ChatRequest&)>;
  using TextSinkMaker =
      std::function<std::shared_ptr<serving::TextSink>(AnswerHead head, int num_choices, const GenerationParams&)>;
  /// The vectors of one call, in the order of its inputs.
  struct Embeddings {
    std::string model;
    std::int64_t num_tokens = 0;
    std::vector<std::vector<float>> vectors;
  };

  /// The id that a client gave its request if it is a plain one, else a new one.
  std::string RequestId(std::string_view given);
  /// Whether the call may go on: its origin and its key, which gives it its tenant; and, if it `loads` the engine,
  /// whether that would refuse it anyway.
  bool Admit(const CallPtr& call, bool open, bool loads);
  void RunOnWorker(const CallPtr& call, std::function<void()> task);
  /// The model of that name, or nullptr after the error has been sent.
  ModelPtr FindModel(const CallPtr& call, std::string_view name);
  /// A body of POST /v1/chat/completions: read, checked, started with the sink that `make_sink` gives. On a worker.
  void RunChat(const CallPtr& call, const JsonValue& body, const ChatSinkMaker& make_sink);
  /// The same for POST /v1/completions.
  void RunCompletion(const CallPtr& call, const JsonValue& body, const TextSinkMaker& make_sink);
  /// The same for POST /v1/embeddings; `done` is called on a worker.
  void RunEmbedding(const CallPtr& call, const JsonValue& body, std::function<void(Embeddings)> done);
  [[nodiscard]] const serving::ModelService& service() const { return service_; }
  [[nodiscard]] telemetry::Logger& logger() const { return logger_; }
  [[nodiscard]] const std::shared_ptr<telemetry::HttpMetrics>& http_metrics() const { return http_metrics_; }

 private:
  using Method = void (ApiServer::*)(const CallPtr&);
  struct Route {
    std::string_view path;     // "*" stands for one part of the path, at the end for the rest
    std::string_view methods;  // "GET, HEAD": what Allow says, besides OPTIONS
    Method method = nullptr;
    bool open = false;    // no key needed
    bool worker = false;  // runs on a worker thread
    ApiShape shape = ApiShape::kOpenAi;
    bool loads = false;  // gives the engine work: refused under overload before it is read
  };
  static std::span<const Route> Routes();
  /// `arguments`: what the route's stars stand for.
  [[nodiscard]] static const Route* FindRoute(std::string_view path, std::array<std::string, 2>& arguments);

  void Dispatch(const CallPtr& call);
  /// False, with a 429 sent, if the engine would refuse any request of this tenant now.
  bool CheckLoad(const CallPtr& call);
  /// Decompresses the body and looks at the Idempotency-Key; false once the call has its answer.
  bool PrepareBody(const CallPtr& call);
  bool CheckIdempotency(const CallPtr& call);
  void ServePage(const CallPtr& call);
  /// What a page of another origin must be told to read the answers, if --cors-origin names it.
  [[nodiscard]] net::Headers CorsHeaders(const net::HttpRequest& request) const;
  void AnswerOptions(const CallPtr& call, const std::string& allow);
  bool CheckOrigin(const CallPtr& call);
  bool CheckKey(const CallPtr& call);
  /// The parsed body, an object; or nothing after the error has been sent.
  bool ParseBody(const CallPtr& call, JsonValue& body);

  // The routes.
  void Health(const CallPtr& call);
  void Ready(const CallPtr& call);
  void Metrics(const CallPtr& call);
  void OpenApi(const CallPtr& call);
  void ListModels(const CallPtr& call);
  void GetModel(const CallPtr& call);
  void Tokenize(const CallPtr& call);
  void Detokenize(const CallPtr& call);
  void CreateEmbeddings(const CallPtr& call);
  void ChatCompletions(const CallPtr& call);
  void Completions(const CallPtr& call);
  void PlainChat(const CallPtr& call);
  void CreateResponse(const CallPtr& call);
  void KeptResponse(const CallPtr& call);
  void ResponseInput(const CallPtr& call);
  void CreateConversation(const CallPtr& call);
  void OneConversation(const CallPtr& call);
  void ConversationItems(const CallPtr& call);
  void OneConversationItem(const CallPtr& call);
  void Messages(const CallPtr& call);
  void CountTokens(const CallPtr& call);
  void OllamaChat(const CallPtr& call);
  void OllamaGenerate(const CallPtr& call);
  void OllamaTags(const CallPtr& call);
  void OllamaShow(const CallPtr& call);
  void OllamaVersion(const CallPtr& call);

  /// Starts the choices with the given sink; gives the error if the engine refuses. Cancels when the client goes away.
  std::optional<ApiError> TryStart(const CallPtr& call, const serving::ServedModel& model,
                                   std::vector<serving::ChoiceRequest> choices,
                                   std::shared_ptr<serving::TextSink> sink);
  /// The same, but the error is sent.
  void Start(const CallPtr& call, const serving::ServedModel& model, std::vector<serving::ChoiceRequest> choices,
             std::shared_ptr<serving::TextSink> sink);
  using SinkMaker = std::function<std::shared_ptr<assistant::AnswerSink>(const assistant::Prompt& prompt)>;
  /// Checks a chat request against the model, makes its prompt and starts its choices with the sink that `make_sink`
  /// gives; or sends the error.
  void StartChat(const CallPtr& call, const serving::ServedModel& model, const ChatRequest& request,
                 const SinkMaker& make_sink);
  /// The same, but the error is for the caller.
  std::optional<ApiError> TryStartChat(const CallPtr& call, const serving::ServedModel& model,
                                       const ChatRequest& request, const SinkMaker& make_sink);
  /// The model of a chat request, once what only a model's vocabulary tells is checked; null: the call has failed.
  ModelPtr FindChatModel(const CallPtr& call, const JsonValue& body, const ChatRequest& request);
  /// RunChat for a request with tools of MCP servers.
  void RunChatWithTools(const CallPtr& call, JsonValue body, const ChatSinkMaker& make_sink);
  /// What stands between the generations of a request and the sink of its answer where the model may call `offered`.
  std::shared_ptr<assistant::ToolLoop> MakeToolLoop(const CallPtr& call, const ModelPtr& model,
                                                    const ChatRequest& request, OfferedTools offered,
                                                    std::shared_ptr<assistant::AnswerSink> sink);
  /// The prompt of a chat request.
  static std::variant<assistant::Prompt, ApiError> MakePrompt(const serving::ServedModel& model,
                                                              const ChatRequest& request);
  void AddConversationItems(const CallPtr& call);
  /// False, with the error sent, if there is none.
  bool UpdateConversation(const CallPtr& call, std::string_view id,
                          const std::function<void(StoredConversation&)>& change);
  void OllamaAnswer(const CallPtr& call, bool chat);
  AnswerHead MakeHead(const serving::ServedModel& model, std::string_view prefix, const GenerationParams& params);
  std::uint64_t Random();
  std::string RandomId(std::string_view prefix);

  const ApiOptions options_;
  serving::ModelService& service_;
  telemetry::Registry& registry_;
  telemetry::Logger& logger_;
  // What an answer needs when it ends; answers may outlive this object, until the service has stopped.
  const std::shared_ptr<telemetry::HttpMetrics> http_metrics_;
  const std::shared_ptr<assistant::ConversationStore> conversations_;
  const std::shared_ptr<KeptStore> kept_ = std::make_shared<KeptStore>();
  const std::shared_ptr<IdempotencyStore> idempotency_ = std::make_shared<IdempotencyStore>();
  std::mutex random_mutex_;
  std::mt19937_64 random_;  // guarded by random_mutex_
  const std::shared_ptr<serving::TaskQueue> workers_;
  const std::shared_ptr<serving::TaskQueue> tool_threads_;
};

}  // namespace bowhead::api
