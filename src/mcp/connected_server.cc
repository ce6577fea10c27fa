#include "mcp/connected_server.h"

#include <algorithm>
#include <random>
#include <utility>

namespace bowhead::mcp {

namespace {

using std::chrono::milliseconds;

/// Up to a quarter longer, so that many programs do not come back in step.
milliseconds Jittered(milliseconds pause) {
  static thread_local std::minstd_rand random(std::random_device{}());
  return pause + milliseconds(std::uniform_int_distribution<std::int64_t>(0, pause.count() / 4)(random));
}

}  // namespace

/// A place among the calls that run; given back at the end.
class ConnectedServer::Turn {
 public:
  explicit Turn(ConnectedServer& server) : server_(server) {}
  ~Turn() {
    const std::lock_guard lock(server_.mutex_);
    --server_.running_;
    server_.changed_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  ConnectedServer& server_;
};

ConnectedServer::ConnectedServer(ServerConfig config, const Limits& limits, ClientMaker make, telemetry::Logger& logger,
                                 Rhythm rhythm)
    : config_(std::move(config)), limits_(limits), make_(std::move(make)), rhythm_(rhythm), logger_(logger) {
  state_.label = config_.label;
  state_.problem = "it is still being connected to";
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

ConnectedServer::~ConnectedServer() {
  stopping_.request_stop();
  thread_.request_stop();
  thread_.join();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return running_ == 0; });
}

ServerState ConnectedServer::State() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void ConnectedServer::Run(const std::stop_token& stop) {
  milliseconds pause = rhythm_.first_pause;
  while (!stop.stop_requested()) {
    const Clock::time_point begin = Clock::now();
    const base::Status why = Serve(stop);
    std::shared_ptr<Client> gone;
    std::unique_lock lock(mutex_);
    const bool was_connected = std::exchange(state_.connected, false);
    state_.tools.clear();
    state_.problem = why.message();
    gone = std::move(client_);
    client_ = nullptr;
    lock.unlock();
    gone.reset();  // ends its program, unless a call still holds it
    if (stop.stop_requested()) return;
    if (was_connected && Clock::now() - begin > rhythm_.longest_pause) pause = rhythm_.first_pause;
    logger_.Warning("an MCP server is not there",
                    {{"server", config_.label}, {"why", why.message()}, {"again_in_ms", pause.count()}});
    lock.lock();
    changed_.wait_for(lock, stop, Jittered(pause), [] { return false; });
    pause = std::min(pause * 2, rhythm_.longest_pause);
  }
}

base::Status ConnectedServer::Serve(const std::stop_token& stop) {
  auto made = make_(stop);
  if (!made.ok()) return made.status();
  const std::shared_ptr<Client> client = std::move(*made);
  {
    const std::lock_guard lock(mutex_);
    client_ = client;
  }
  if (base::Status status = Refresh(*client, stop); !status.ok()) return status;
  logger_.Info("an MCP server is connected", {{"server", config_.label},
                                              {"revision", client->revision()},
                                              {"tools", State().tools.size()},
                                              {"not_allowed", State().not_allowed}});
  // Short naps rather than one long one: a change of tools may come on any stream, and a program may end at any time.
  Clock::time_point next = Clock::now() + rhythm_.refresh;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, std::min(rhythm_.refresh, milliseconds(200)), [this] { return wanted_; });
      if (std::exchange(wanted_, false)) next = Clock::now();
    }
    if (base::Status status = client->Health(); !status.ok()) return status;
    if (!client->TakeToolsChanged() && Clock::now() < next) continue;
    if (base::Status status = Refresh(*client, stop); !status.ok()) return status;
    next = Clock::now() + rhythm_.refresh;
  }
  return base::Cancelled("the server is ending");
}

base::Status ConnectedServer::Refresh(Client& client, const std::stop_token& stop) {
  auto list = client.ListTools(stop);
  if (!list.ok()) return list.status();
  std::vector<std::shared_ptr<const Tool>> tools;
  std::size_t not_allowed = 0;
  for (ListedTool& listed : list->tools) {
    auto tool = std::make_shared<Tool>();
    tool->server = config_.label;
    tool->model_name = ModelName(config_.label, listed.name);
    const auto same = [&](const auto& other) { return other->model_name == tool->model_name; };
    if (std::any_of(tools.begin(), tools.end(), same)) {
      list->problems.push_back(listed.name + ": another tool has the same name for the model");
      continue;
    }
    tool->name = std::move(listed.name);
    tool->description = std::move(listed.description);
    tool->schema = std::move(listed.schema);
    if (config_.ConsentOf(tool->name) == Consent::kAlways) {
      tools.push_back(std::move(tool));
    } else {
      ++not_allowed;
    }
  }
  std::string problems;
  for (const std::string& problem : list->problems) problems += (problems.empty() ? "" : "; ") + problem;
  if (problems != last_problems_ && !problems.empty()) {
    logger_.Warning("an MCP server offers what cannot be used", {{"server", config_.label}, {"what", problems}});
  }
  last_problems_ = std::move(problems);
  const std::lock_guard lock(mutex_);
  state_.connected = true;
  state_.problem.clear();
  state_.revision = client.revision();
  state_.tools = std::move(tools);
  state_.not_allowed = not_allowed;
  return base::OkStatus();
}

void ConnectedServer::Reconnect() {
  const std::lock_guard lock(mutex_);
  wanted_ = true;
  changed_.notify_all();
}

base::Status ConnectedServer::TakeTurn(Clock::time_point end, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  const Clock::time_point now = Clock::now();
  while (!last_calls_.empty() && now - last_calls_.front() > std::chrono::minutes(1)) last_calls_.pop_front();
  if (last_calls_.size() >= static_cast<std::size_t>(limits_.max_calls_per_minute)) {
    return base::ResourceExhausted("too many calls of this server's tools in the last minute");
  }
  const bool free =
      changed_.wait_until(lock, std::move(stop), end, [this] { return running_ < limits_.max_concurrent_calls; });
  if (!free) return base::ResourceExhausted("too many calls of this server's tools are running");
  ++running_;
  last_calls_.push_back(now);
  return base::OkStatus();
}

base::Result<CallResult> ConnectedServer::Call(const Tool& tool, std::string_view arguments, std::stop_token stop) {
  if (config_.ConsentOf(tool.name) == Consent::kNever) return base::PermissionDenied("this tool may not be called");
  std::stop_source either;
  const std::stop_callback by_caller(stop, [&either] { either.request_stop(); });
  const std::stop_callback by_end(stopping_.get_token(), [&either] { either.request_stop(); });
  const milliseconds timeout = config_.timeout.count() > 0 ? config_.timeout : limits_.timeout;
  const Clock::time_point end = Clock::now() + timeout;
  if (base::Status status = TakeTurn(end, either.get_token()); !status.ok()) return status;
  const Turn turn(*this);
  std::shared_ptr<Client> client;
  {
    const std::lock_guard lock(mutex_);
    if (client_ == nullptr) return base::Unavailable("the tool's server is not connected: " + state_.problem);
    client = client_;
  }
  const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
  auto result = client->CallTool(tool.name, arguments, std::max(left, milliseconds(1)), either.get_token());
  // A lost session, a dead program, or a server that forgot the tool: look now rather than in a minute.
  if (!result.ok() && result.status().code() != base::StatusCode::kCancelled) Reconnect();
  return result;
}

}  // namespace bowhead::mcp
