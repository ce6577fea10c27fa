#include "api/grpc/grpc_server.h"

#include <bowhead/v1/embed.pb.h>
#include <bowhead/v1/generate.pb.h>
#include <bowhead/v1/models.pb.h>
#include <grpc/health/v1/health.pb.h>
#include <grpc/support/log.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "api/grpc/grpc_answer.h"
#include "api/grpc/live_chat.h"
#include "api/grpc/proto_json.h"
#include "api/grpc/reflection.h"
#include "api/grpc/rpc_call.h"
#include "base/scheduling.h"

namespace bowhead::api {

namespace {

namespace health = ::grpc::health::v1;
using CallPtr = std::shared_ptr<RpcCall>;
using std::chrono::milliseconds;

constexpr milliseconds kTick{250};
constexpr std::string_view kService = "bowhead.v1.Bowhead";

class Server final : public GrpcServer, private ::grpc::CallbackGenericService {
 public:
  Server(const GrpcOptions& options, ApiServer& api) : options_(options), api_(api) {}
  ~Server() override { Stop(milliseconds(0)); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  base::Status Build();
  void Adopt(int socket, const std::string& peer) override;
  void Stop(milliseconds grace) override;

 private:
  struct Method {
    std::string_view path;
    void (Server::*run)(const CallPtr&) = nullptr;
    bool open = false;   // no key needed
    bool loads = false;  // gives the engine work
  };
  static const Method* Find(std::string_view path);

  ::grpc::ServerGenericBidiReactor* CreateReactor(Rpc::Context* context) override;
  std::shared_ptr<Rpc> NewRpc(Rpc::Context& context, bool& full);
  std::string PeerOf(const std::string& grpc_peer) const;
  template <typename Request, typename Task>
  void ReadOne(const CallPtr& call, Task task);
  template <typename Request, typename Task>
  void ReadBody(const CallPtr& call, Task task);

  // The methods.
  void Chat(const CallPtr& call);
  void Live(const CallPtr& call);
  void Generate(const CallPtr& call);
  void Embed(const CallPtr& call);
  void ListModels(const CallPtr& call);
  void GetModel(const CallPtr& call);
  void Reflect(const CallPtr& call) { ServeReflection(call); }
  void CheckHealth(const CallPtr& call);
  void WatchHealth(const CallPtr& call);

  [[nodiscard]] health::HealthCheckResponse::ServingStatus HealthOf(const std::string& service) const;
  std::vector<std::shared_ptr<Rpc>> Running() const;
  void Watch(const std::stop_token& stop);
  void TellWatchers();

  struct Watcher {
    CallPtr call;
    std::string service;
    health::HealthCheckResponse::ServingStatus told;
  };

  const GrpcOptions options_;
  ApiServer& api_;
  std::unique_ptr<::grpc::Server> server_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  bool stopped_ = false;                                // guarded by mutex_
  std::unordered_map<int, std::string> peers_;          // guarded by mutex_: by socket, until it is used again
  std::unordered_map<Rpc*, std::weak_ptr<Rpc>> calls_;  // guarded by mutex_
  std::vector<Watcher> watchers_;                       // guarded by mutex_
  std::jthread ticker_;                                 // last: it uses the others
};

base::Status Server::Build() {
  // gRPC would write what strangers send into our log, in a form of its own.
  gpr_set_log_function([](gpr_log_func_args*) {});
  ::grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(this);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options_.max_message_bytes));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(options_.max_metadata_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options_.max_calls_per_connection);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, static_cast<int>(options_.idle_timeout.count()));
  // A peer that has vanished without a word is found by pings; one that pings us too often is told to go.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) return base::Internal("the gRPC server does not start");
  ticker_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
  return base::OkStatus();
}

void Server::Adopt(int socket, const std::string& peer) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) {
      close(socket);
      return;
    }
    peers_[socket] = peer;
  }
  ::grpc::AddInsecureChannelFromFd(server_.get(), socket);
}

/// gRPC names an adopted connection by its descriptor: "fd:12".
std::string Server::PeerOf(const std::string& grpc_peer) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [socket, peer] : peers_) {
    if (grpc_peer == "fd:" + std::to_string(socket)) return peer;
  }
  return grpc_peer;
}

void Server::Stop(milliseconds grace) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true) || server_ == nullptr) return;
  }
  for (const std::shared_ptr<Rpc>& rpc : Running()) rpc->Drain();
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  ticker_.request_stop();
  ticker_.join();
}

const Server::Method* Server::Find(std::string_view path) {
  static constexpr std::array kMethods = {
      Method{"/bowhead.v1.Bowhead/Chat", &Server::Chat, false, true},
      Method{"/bowhead.v1.Bowhead/LiveChat", &Server::Live, false, true},
      Method{"/bowhead.v1.Bowhead/Generate", &Server::Generate, false, true},
      Method{"/bowhead.v1.Bowhead/Embed", &Server::Embed, false, true},
      Method{"/bowhead.v1.Bowhead/ListModels", &Server::ListModels},
      Method{"/bowhead.v1.Bowhead/GetModel", &Server::GetModel},
      Method{"/grpc.health.v1.Health/Check", &Server::CheckHealth, true},
      Method{"/grpc.health.v1.Health/Watch", &Server::WatchHealth, true},
      Method{"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &Server::Reflect},
      Method{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &Server::Reflect},
  };
  const auto* found =
      std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& method) { return method.path == path; });
  return found == kMethods.end() ? nullptr : found;
}

std::shared_ptr<Rpc> Server::NewRpc(Rpc::Context& context, bool& full) {
  const RpcLimits limits{options_.max_queued_bytes, options_.write_timeout};
  auto rpc = Rpc::Start(context, limits, [this](Rpc* done) {
    const std::lock_guard lock(mutex_);
    calls_.erase(done);
  });
  const std::lock_guard lock(mutex_);
  full = calls_.size() >= options_.max_calls;
  calls_.emplace(rpc.get(), rpc);
  changed_.notify_all();
  return rpc;
}

::grpc::ServerGenericBidiReactor* Server::CreateReactor(Rpc::Context* context) {
  bool full = false;
  const std::shared_ptr<Rpc> rpc = NewRpc(*context, full);
  net::HttpRequest request = ToHttpRequest(*context, PeerOf(context->peer()));
  std::string id = api_.RequestId(request.Header("x-request-id"));
  context->AddInitialMetadata("x-request-id", id);
  const Method* method = Find(request.path);
  const auto call = std::make_shared<RpcCall>(rpc, std::move(request), api_, std::move(id));
  if (method == nullptr) {
    call->Fail({.status = 501,
                .message = "there is no method " + context->method().substr(0, 200) +
                           " here; the services are bowhead.v1.Bowhead, grpc.health.v1.Health and reflection",
                .code = "unknown_method"});
    return rpc.get();
  }
  call->set_route(method->path, {});
  if (full) {
    call->Fail(FromStatus(base::Unavailable("too many calls; try again later")));
  } else if (api_.Admit(call, method->open, method->loads)) {
    (this->*method->run)(call);
  }
  return rpc.get();
}

/// Runs task(message) on a worker with the only message of a call.
template <typename Request, typename Task>
void Server::ReadOne(const CallPtr& call, Task task) {
  call->rpc().Read(options_.request_timeout, [this, call, task](std::optional<::grpc::ByteBuffer> bytes) {
    if (!bytes) {
      if (!call->rpc().cancelled()) call->Fail({.message = "the call has no message"});
      return;
    }
    api_.RunOnWorker(call, [call, task, bytes = std::move(*bytes)] {
      Request message;
      if (ParseMessage(bytes, message)) return task(message);
      call->Fail({.message = "the message is no " + Request::descriptor()->full_name()});
    });
  });
}

/// The same with the message as the body of a REST route.
template <typename Request, typename Task>
void Server::ReadBody(const CallPtr& call, Task task) {
  ReadOne<Request>(call, [call, task](const Request& message) {
    const auto body = ToJson(message);
    if (const auto* error = std::get_if<ApiError>(&body)) return call->Fail(*error);
    task(std::get<JsonValue>(body));
  });
}

void Server::Chat(const CallPtr& call) {
  ReadBody<v1::ChatRequest>(call, [this, call](const JsonValue& body) {
    api_.RunChat(call, body, [&](AnswerHead head, const ChatRequest& request) {
      return MakeGrpcChatSink(call, std::move(head), request.params.n);
    });
  });
}

void Server::Live(const CallPtr& call) {
  std::make_shared<LiveChat>(call, api_, options_.request_timeout, options_.turn_timeout)->Begin();
}

void Server::Generate(const CallPtr& call) {
  ReadBody<v1::GenerateRequest>(call, [this, call](const JsonValue& body) {
    api_.RunCompletion(call, body, [&](AnswerHead head, int num_choices, const GenerationParams&) {
      return MakeGrpcTextSink(call, std::move(head), num_choices);
    });
  });
}

void Server::Embed(const CallPtr& call) {
  ReadBody<v1::EmbedRequest>(call, [this, call](const JsonValue& body) {
    api_.RunEmbedding(call, body, [call](const ApiServer::Embeddings& embeddings) {
      v1::EmbedResponse response;
      response.set_model(embeddings.model);
      for (const std::vector<float>& vector : embeddings.vectors) {
        response.add_embeddings()->mutable_values()->Add(vector.begin(), vector.end());
      }
      response.mutable_usage()->set_prompt_tokens(static_cast<int>(embeddings.num_tokens));
      response.mutable_usage()->set_total_tokens(static_cast<int>(embeddings.num_tokens));
      call->Answer(response);
    });
  });
}

void SetModel(const serving::ServedModel& model, const std::string& id, v1::Model& out) {
  const engine::ModelInfo& info = model.backend->info();
  out.set_id(id);
  out.set_created(model.created);
  out.set_name(info.name);
  out.set_architecture(info.architecture);
  out.set_quantization(info.quantization);
  out.set_parameters(info.parameters);
  out.set_file_bytes(info.file_bytes);
  out.set_context_length(info.context_length);
  out.set_vocab_size(info.vocab_size);
  out.set_embedding_length(info.embedding_length);
  out.set_tokenizer(std::string(model.backend->tokenizer().kind()));
  if (model.chat_template != nullptr) out.set_chat_template(std::string(model.chat_template->name()));
  out.set_isa(info.isa);
  out.set_threads(info.threads);
}

void Server::ListModels(const CallPtr& call) {
  ReadOne<v1::ListModelsRequest>(call, [this, call](const v1::ListModelsRequest&) {
    const ApiServer::ModelPtr model = api_.FindModel(call, {});
    if (model == nullptr) return;
    v1::ListModelsResponse response;
    const std::size_t count = std::min(model->num_listed, model->names.size());
    for (std::size_t i = 0; i < count; ++i) SetModel(*model, model->names[i], *response.add_models());
    call->Answer(response);
  });
}

void Server::GetModel(const CallPtr& call) {
  ReadOne<v1::GetModelRequest>(call, [this, call](const v1::GetModelRequest& request) {
    const ApiServer::ModelPtr model = api_.FindModel(call, request.id());
    if (model == nullptr) return;
    v1::Model response;
    SetModel(*model, request.id(), response);
    call->Answer(response);
  });
}

health::HealthCheckResponse::ServingStatus Server::HealthOf(const std::string& service) const {
  if (!service.empty() && service != kService) return health::HealthCheckResponse::SERVICE_UNKNOWN;
  const bool ready = api_.service().state() == serving::ServiceState::kReady;
  return ready ? health::HealthCheckResponse::SERVING : health::HealthCheckResponse::NOT_SERVING;
}

void Server::CheckHealth(const CallPtr& call) {
  ReadOne<health::HealthCheckRequest>(call, [this, call](const health::HealthCheckRequest& request) {
    health::HealthCheckResponse response;
    response.set_status(HealthOf(request.service()));
    if (response.status() == health::HealthCheckResponse::SERVICE_UNKNOWN) {
      return call->Fail(FromStatus(base::NotFound("there is no service " + request.service().substr(0, 200))));
    }
    call->Answer(response);
  });
}

void Server::WatchHealth(const CallPtr& call) {
  ReadOne<health::HealthCheckRequest>(call, [this, call](const health::HealthCheckRequest& request) {
    health::HealthCheckResponse response;
    response.set_status(HealthOf(request.service()));
    call->rpc().Write(response, /*merge=*/false);
    call->rpc().OnDrain([weak = std::weak_ptr<RpcCall>(call)] {
      if (const auto open = weak.lock()) open->Fail(FromStatus(base::Unavailable("the server is shutting down")));
    });
    const std::lock_guard lock(mutex_);
    watchers_.push_back({call, request.service(), response.status()});
  });
}

/// Tells those who watch the health what has changed; forgets those that are gone.
void Server::TellWatchers() {
  std::vector<Watcher> watchers;
  {
    const std::lock_guard lock(mutex_);
    watchers.swap(watchers_);
  }
  std::erase_if(watchers, [&](Watcher& watcher) {
    const auto now = HealthOf(watcher.service);
    if (std::exchange(watcher.told, now) != now) {
      health::HealthCheckResponse response;
      response.set_status(now);
      watcher.call->rpc().Write(response, /*merge=*/false);
    }
    return watcher.call->rpc().ended();
  });
  const std::lock_guard lock(mutex_);
  watchers_.insert(watchers_.end(), std::make_move_iterator(watchers.begin()), std::make_move_iterator(watchers.end()));
}

std::vector<std::shared_ptr<Rpc>> Server::Running() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Rpc>> running;
  for (const auto& [key, weak] : calls_) {
    if (auto rpc = weak.lock()) running.push_back(std::move(rpc));
  }
  return running;
}

/// Looks at the deadlines of all calls while there are any.
void Server::Watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [this] { return !calls_.empty(); });
      changed_.wait_for(lock, stop, kTick, [] { return false; });
    }
    const auto now = Rpc::Clock::now();
    for (const std::shared_ptr<Rpc>& rpc : Running()) rpc->CheckDeadlines(now);
    TellWatchers();
  }
}

}  // namespace

base::Result<std::unique_ptr<GrpcServer>> GrpcServer::Start(const GrpcOptions& options, ApiServer& api) {
  auto server = std::make_unique<Server>(options, api);
  base::Status status;
  // gRPC's threads are made by this one, and inherit what it asks of the scheduler.
  std::thread([&] {
    base::PreferShortTurns();
    try {
      status = server->Build();
    } catch (const std::exception& error) {
      status = base::Internal(std::string("the gRPC server does not start: ") + error.what());
    }
  }).join();
  if (!status.ok()) return status;
  return std::unique_ptr<GrpcServer>(std::move(server));
}

}  // namespace bowhead::api
