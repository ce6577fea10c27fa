// What http_load is for REST: bowhead.v1.Bowhead/Generate with several clients at once, one thread, one connection for
// each client.
//   grpc_load [--port 8080] [--clients 1] [--requests N] [--max-tokens 128]
// Prompts, seeds and end tokens are those that http_load is given by bench/grpc_against_rest.py. Prints one JSON
// object.
#include <bowhead/v1/generate.pb.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/scheduling.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int port = 8080;
  int clients = 1;
  int requests = 1;
  int max_tokens = 128;
};

double Seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

/// The text that bench/grpc_against_rest.py gives to both programs.
std::string PromptOf(int request) {
  return "Story number " + std::to_string(request) + ": once upon a time there was a whale who";
}

/// One client: its connection and the call that runs on it.
class Client {
 public:
  explicit Client(const Options& options)
      : options_(options),
        stub_(
            ::grpc::CreateChannel("127.0.0.1:" + std::to_string(options.port), ::grpc::InsecureChannelCredentials())) {}

  void Begin(int request, ::grpc::CompletionQueue& queue) {
    bowhead::v1::GenerateRequest body;
    body.add_prompt()->set_text(PromptOf(request));
    body.set_max_tokens(options_.max_tokens);
    body.set_temperature(0);
    body.set_ignore_eos(true);
    const ::grpc::Slice slice(body.SerializeAsString());
    out_ = ::grpc::ByteBuffer(&slice, 1);
    context_ = std::make_unique<::grpc::ClientContext>();
    context_->set_initial_metadata_corked(true);  // headers and message in one, as generated clients send them
    step_ = Step::kAsked;
    begin_ = Clock::now();
    first_ = Clock::time_point();
    stream_ = stub_.PrepareCall(context_.get(), "/bowhead.v1.Bowhead/Generate", &queue);
    stream_->StartCall(nullptr);
    stream_->WriteLast(out_, ::grpc::WriteOptions(), this);
  }

  /// True when the call is over.
  bool Next(bool ok) {
    switch (step_) {
      case Step::kAsked:
        step_ = Step::kReading;
        stream_->Read(&in_, this);
        return false;
      case Step::kReading:
        if (ok) {
          Take();
          stream_->Read(&in_, this);
        } else {
          step_ = Step::kEnding;
          stream_->Finish(&status_, this);
        }
        return false;
      case Step::kEnding:
        return true;
    }
    return true;
  }

  [[nodiscard]] const ::grpc::Status& status() const { return status_; }
  [[nodiscard]] double ttft_ms() const { return Seconds(first_ - begin_) * 1e3; }
  [[nodiscard]] int tokens() const { return tokens_; }
  [[nodiscard]] int messages() const { return messages_; }

 private:
  enum class Step : std::uint8_t { kAsked, kReading, kEnding };

  void Take() {
    bowhead::v1::GenerateResponse response;
    ::grpc::ProtoBufferReader reader(&in_);
    if (!response.ParseFromZeroCopyStream(&reader)) return;
    ++messages_;
    if (first_ == Clock::time_point()) first_ = Clock::now();
    tokens_ += response.usage().completion_tokens();
  }

  const Options options_;
  ::grpc::GenericStub stub_;
  std::unique_ptr<::grpc::ClientContext> context_;
  std::unique_ptr<::grpc::GenericClientAsyncReaderWriter> stream_;
  ::grpc::ByteBuffer out_;
  ::grpc::ByteBuffer in_;
  ::grpc::Status status_;
  Step step_ = Step::kAsked;
  Clock::time_point begin_;
  Clock::time_point first_;
  int tokens_ = 0;
  int messages_ = 0;
};

int Run(const Options& options) {
  ::grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Client>> clients;
  const Clock::time_point begin = Clock::now();
  int sent = 0;
  for (int i = 0; i < options.clients; ++i) {
    clients.push_back(std::make_unique<Client>(options));
    clients.back()->Begin(sent++, queue);
  }
  std::vector<double> ttft;
  void* tag = nullptr;
  bool ok = false;
  while (static_cast<int>(ttft.size()) < options.requests && queue.Next(&tag, &ok)) {
    Client& client = *static_cast<Client*>(tag);
    if (!client.Next(ok)) continue;
    if (!client.status().ok()) {
      std::fprintf(stderr, "grpc_load: %s\n", client.status().error_message().c_str());
      return 1;
    }
    ttft.push_back(client.ttft_ms());
    if (sent < options.requests) client.Begin(sent++, queue);
  }
  const double seconds = Seconds(Clock::now() - begin);
  long tokens = 0;
  long messages = 0;
  for (const auto& client : clients) {
    tokens += client->tokens();
    messages += client->messages();
  }
  std::sort(ttft.begin(), ttft.end());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  std::printf("{\"seconds\": %.6f, \"tokens\": %ld, \"messages\": %ld, \"tokens_per_second\": %.2f, ", seconds, tokens,
              messages, static_cast<double>(tokens) / seconds);
  std::printf("\"ttft_p50_ms\": %.4f, \"own_cpu_seconds\": %.4f}\n", ttft[ttft.size() / 2],
              in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bowhead::base::PreferShortTurns();  // as http_load
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const int value = std::atoi(argv[i + 1]);
    if (flag == "--port") options.port = value;
    if (flag == "--clients") options.clients = value;
    if (flag == "--requests") options.requests = value;
    if (flag == "--max-tokens") options.max_tokens = value;
  }
  options.clients = std::max(1, options.clients);
  options.requests = std::max(options.requests, options.clients);
  return Run(options);
}
