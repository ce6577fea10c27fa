// A load generator for OpenAI-style servers: one thread, one epoll, little processor time, since it shares the cores
// with the server that it measures. Each client keeps one connection and sends its next request when the last is
// answered.
//   http_load [--url http://127.0.0.1:8080/v1/completions] [--clients 1] [--requests N] [--max-tokens 128]
//             [--prompt-words 16] [--prompt-file FILE] [--unique] [--per-stream]
// --prompt-file has one JSON body a line, sent as it is, in turn. Without it bodies are made here: greedy, streamed,
// end tokens ignored; --unique gives every prompt a beginning of its own, so that no cache of earlier prompts helps.
// Prints one JSON object. A stream's events are timed when they are read; several in one read have no gap between them.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/scheduling.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatienceMs = 300'000;  // without a byte from any server: give up

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::string path = "/v1/completions";
  int clients = 1;
  int requests = 0;  // 0: one per client
  int max_tokens = 128;
  int prompt_words = 16;
  std::string prompt_file;
  bool unique = false;
  bool per_stream = false;
};

/// What became of one request.
struct Outcome {
  int status = 0;  // 0: the connection broke
  int tokens = 0;
  Clock::time_point begin;
  std::vector<Clock::time_point> events;  // that carry text
  Clock::time_point end;
};

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

/// The number after the last `name` in text, or -1.
int LastNumber(std::string_view text, std::string_view name) {
  const std::size_t at = text.rfind(name);
  if (at == std::string_view::npos) return -1;
  const char* begin = text.data() + at + name.size();
  const char* end = text.data() + text.size();
  while (begin < end && (*begin == ' ' || *begin == ':')) ++begin;
  int value = -1;
  std::from_chars(begin, end, value);
  return value;
}

/// Whether an event's JSON carries text of the answer: not the opening, closing or usage chunk of a stream.
bool CarriesText(std::string_view data) {
  for (const std::string_view other : {"\"finish_reason\":\"", "\"choices\":[]", "\"role\":\"assistant\"", "[DONE]"}) {
    if (data.find(other) != std::string_view::npos) return false;
  }
  return data.starts_with('{');
}

/// Takes an HTTP/1.1 answer apart as it comes, and its body's events.
class AnswerReader {
 public:
  explicit AnswerReader(Outcome* outcome) : outcome_(outcome) {}

  /// True once the answer is complete. False with failed() for what is no HTTP.
  bool Read(std::string_view bytes, Clock::time_point now) {
    input_.append(bytes);
    while (!failed_ && Advance(now)) {
      if (done_) return true;
    }
    return false;
  }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  bool Advance(Clock::time_point now) {
    if (outcome_->status == 0) return ReadHead();
    if (!chunked_) {
      body_ += input_;
      left_ -= std::min(left_, input_.size());
      input_.clear();
      UseBody(now);
      done_ = left_ == 0;
      return done_;
    }
    const std::size_t line = input_.find("\r\n");
    if (line == std::string::npos) return false;
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(input_.data(), input_.data() + line, size, 16);
    if (error != std::errc()) failed_ = true;
    if (failed_ || input_.size() < line + 2 + size + 2) return false;
    body_.append(input_, line + 2, size);
    input_.erase(0, line + 2 + size + 2);
    UseBody(now);
    done_ = size == 0;
    return true;
  }

  bool ReadHead() {
    const std::size_t end = input_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    std::string head = input_.substr(0, end + 2);
    input_.erase(0, end + 4);
    std::ranges::transform(head, head.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    outcome_->status = LastNumber(std::string_view(head).substr(0, 12), "http/1.1");
    chunked_ = head.find("transfer-encoding: chunked") != std::string::npos;
    const int length = LastNumber(head, "content-length");
    failed_ = outcome_->status <= 0 || (!chunked_ && length < 0);
    left_ = static_cast<std::size_t>(std::max(length, 0));
    return true;
  }

  /// Notes the events that are complete; of an answer that is no stream the whole body counts at its end.
  void UseBody(Clock::time_point now) {
    const int tokens = LastNumber(body_, "\"completion_tokens\"");
    if (tokens >= 0) outcome_->tokens = tokens;
    for (std::size_t end = body_.find("\n\n"); end != std::string::npos; end = body_.find("\n\n")) {
      const std::string_view event = std::string_view(body_).substr(0, end);
      if (event.starts_with("data: ") && CarriesText(event.substr(6))) outcome_->events.push_back(now);
      body_.erase(0, end + 2);
    }
  }

  Outcome* outcome_;
  std::string input_;  // not taken apart yet
  std::string body_;   // of it, not used yet
  bool chunked_ = false;
  std::size_t left_ = 0;
  bool done_ = false;
  bool failed_ = false;
};

/// The bodies to send.
class Bodies {
 public:
  explicit Bodies(const Options& options) : options_(options) {
    std::ifstream file(options.prompt_file);
    for (std::string line; std::getline(file, line);) {
      if (!line.empty()) lines_.push_back(line);
    }
  }
  [[nodiscard]] bool empty() const { return !options_.prompt_file.empty() && lines_.empty(); }

  [[nodiscard]] std::string Of(std::size_t request) const {
    if (!lines_.empty()) return lines_[request % lines_.size()];
    constexpr std::array kWords = {"river", "stone", "light", "machine", "garden", "winter", "letter", "harbour"};
    std::string prompt = options_.unique ? std::to_string(request * 7919 + 13) : "The";
    for (int i = 1; i < options_.prompt_words; ++i) {
      prompt += ' ';
      prompt += kWords[(static_cast<std::size_t>(i) * 5 + request) % kWords.size()];
    }
    return R"({"model":"default","temperature":0,"stream":true,"stream_options":{"include_usage":true},)"
           R"("ignore_eos":true,"max_tokens":)" +
           std::to_string(options_.max_tokens) + R"(,"prompt":")" + prompt + "\"}";
  }

 private:
  const Options& options_;
  std::vector<std::string> lines_;
};

/// One client: a connection and the request that it waits for.
struct Client {
  int fd = -1;
  Outcome* outcome = nullptr;
  std::optional<AnswerReader> reader;
};

class Load {
 public:
  Load(const Options& options, const Bodies& bodies)
      : options_(options), bodies_(bodies), outcomes_(static_cast<std::size_t>(options.requests)) {
    clients_.resize(static_cast<std::size_t>(std::min(options.clients, options.requests)));
  }
  ~Load() {
    for (Client& client : clients_) Disconnect(client);
    if (epoll_ >= 0) close(epoll_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  bool Run() {
    epoll_ = epoll_create1(0);
    for (Client& client : clients_) {
      if (!Connect(client)) return false;
    }
    for (Client& client : clients_) {
      if (!Next(client)) return false;
    }
    std::array<epoll_event, 64> events;
    while (running_ > 0) {
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kPatienceMs);
      if (count <= 0) {
        std::fprintf(stderr, "http_load: the server is silent\n");
        return false;
      }
      for (int i = 0; i < count; ++i) {
        if (!Receive(*static_cast<Client*>(events[static_cast<std::size_t>(i)].data.ptr))) return false;
      }
    }
    return true;
  }

  [[nodiscard]] const std::vector<Outcome>& outcomes() const { return outcomes_; }

 private:
  bool Connect(Client& client) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    client.fd = socket(AF_INET, SOCK_STREAM, 0);
    if (client.fd < 0 || inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1 ||
        connect(client.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::perror("http_load: cannot connect");
      return false;
    }
    const int on = 1;
    setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &client;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event) == 0;
  }

  static void Disconnect(Client& client) {
    if (client.fd >= 0) close(client.fd);
    client.fd = -1;
  }

  /// Sends the client's next request, if there is one left.
  bool Next(Client& client) {
    if (next_ == outcomes_.size()) return true;
    if (client.fd < 0 && !Connect(client)) return false;
    const std::string body = bodies_.Of(next_);
    const std::string request =
        "POST " + options_.path + " HTTP/1.1\r\nHost: " + options_.host + ":" + std::to_string(options_.port) +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    client.outcome = &outcomes_[next_++];
    client.outcome->begin = Clock::now();
    client.reader.emplace(client.outcome);
    ++running_;
    for (std::size_t sent = 0; sent < request.size();) {
      const ssize_t size = send(client.fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (size <= 0) return Finish(client, /*broken=*/true);
      sent += static_cast<std::size_t>(size);
    }
    return true;
  }

  bool Receive(Client& client) {
    const ssize_t size = recv(client.fd, buffer_.data(), buffer_.size(), 0);
    if (client.outcome == nullptr) {  // between requests: the server closes the connection
      Disconnect(client);
      return true;
    }
    if (size <= 0) return Finish(client, /*broken=*/true);
    if (client.reader->Read({buffer_.data(), static_cast<std::size_t>(size)}, Clock::now())) {
      return Finish(client, /*broken=*/false);
    }
    return !client.reader->failed() || Finish(client, /*broken=*/true);
  }

  bool Finish(Client& client, bool broken) {
    Outcome& outcome = *client.outcome;
    outcome.end = Clock::now();
    if (broken) {
      outcome.status = 0;
      Disconnect(client);
    }
    if (outcome.tokens == 0) outcome.tokens = static_cast<int>(outcome.events.size());
    if (outcome.events.empty()) outcome.events.push_back(outcome.end);
    client.outcome = nullptr;
    --running_;
    return Next(client);
  }

  const Options& options_;
  const Bodies& bodies_;
  std::vector<Outcome> outcomes_;
  std::vector<Client> clients_;
  std::array<char, 64 << 10> buffer_{};
  int epoll_ = -1;
  std::size_t next_ = 0;
  int running_ = 0;
};

/// The smallest value that `share` of all do not exceed; sorts them.
double Quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(static_cast<std::size_t>(share * static_cast<double>(values.size())), values.size() - 1)];
}

void PrintQuantiles(const char* name, std::vector<double> values) {
  const double p50 = Quantile(values, 0.5);
  const double p99 = Quantile(values, 0.99);
  std::printf("  \"%s\": {\"p50\": %.4f, \"p99\": %.4f, \"max\": %.4f},\n", name, p50, p99,
              values.empty() ? 0.0 : values.back());
}

std::vector<double> GapsOf(const Outcome& outcome) {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < outcome.events.size(); ++i) {
    gaps.push_back(Milliseconds(outcome.events[i] - outcome.events[i - 1]));
  }
  return gaps;
}

void PrintStream(const Outcome& outcome, bool first) {
  std::vector<double> gaps = GapsOf(outcome);
  std::printf("%s\n    {\"status\": %d, \"tokens\": %d, \"ttft_ms\": %.4f, \"seconds\": %.6f, ", first ? "" : ",",
              outcome.status, outcome.tokens, Milliseconds(outcome.events.front() - outcome.begin),
              Milliseconds(outcome.end - outcome.begin) / 1e3);
  std::printf("\"gap_p50_ms\": %.4f, \"gap_max_ms\": %.4f}", Quantile(gaps, 0.5), Quantile(gaps, 1));
}

void Print(const Options& options, const std::vector<Outcome>& outcomes) {
  std::vector<double> first;
  std::vector<double> gaps;
  std::map<int, int> statuses;
  long tokens = 0;
  Clock::time_point begin = Clock::time_point::max();
  Clock::time_point first_event = Clock::time_point::max();
  Clock::time_point end;
  for (const Outcome& outcome : outcomes) {
    ++statuses[outcome.status];
    begin = std::min(begin, outcome.begin);
    end = std::max(end, outcome.end);
    if (outcome.status != 200) continue;
    tokens += outcome.tokens;
    first_event = std::min(first_event, outcome.events.front());
    first.push_back(Milliseconds(outcome.events.front() - outcome.begin));
    const std::vector<double> some = GapsOf(outcome);
    gaps.insert(gaps.end(), some.begin(), some.end());
  }
  const double seconds = Milliseconds(end - begin) / 1e3;
  const double decoding = first.empty() ? 0 : Milliseconds(end - first_event) / 1e3;
  std::printf("{\n  \"clients\": %d, \"requests\": %d, \"statuses\": {", options.clients, options.requests);
  for (const auto& [status, count] : statuses) {
    std::printf("%s\"%d\": %d", status == statuses.begin()->first ? "" : ", ", status, count);
  }
  std::printf("},\n  \"seconds\": %.6f, \"tokens\": %ld, \"tokens_per_second\": %.2f,\n", seconds, tokens,
              static_cast<double>(tokens) / seconds);
  std::printf("  \"tokens_per_second_from_first\": %.2f,\n",
              decoding > 0 ? static_cast<double>(tokens) / decoding : 0.0);
  PrintQuantiles("ttft_ms", first);
  PrintQuantiles("gap_ms", gaps);
  if (options.per_stream) {
    std::printf("  \"streams\": [");
    for (std::size_t i = 0; i < outcomes.size(); ++i) PrintStream(outcomes[i], i == 0);
    std::printf("\n  ],\n");
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto in_seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  std::printf("  \"own_cpu_seconds\": %.4f\n}\n", in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime));
}

/// "http://HOST:PORT/PATH" with a numeric address.
bool ParseUrl(std::string_view url, Options* options) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return false;
  url.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(url.find('/'), url.size());
  const std::string_view authority = url.substr(0, slash);
  const std::size_t colon = std::min(authority.find(':'), authority.size());
  options->host = authority.substr(0, colon);
  if (options->host == "localhost") options->host = "127.0.0.1";
  options->port = 80;
  if (colon < authority.size()) {
    const auto port = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options->port);
    if (error != std::errc() || end != port.data() + port.size()) return false;
  }
  if (slash < url.size()) options->path = url.substr(slash);
  return true;
}

std::optional<Options> ParseOptions(int argc, char** argv) {
  Options options;
  const std::map<std::string_view, int*> numbers = {{"--clients", &options.clients},
                                                    {"--requests", &options.requests},
                                                    {"--max-tokens", &options.max_tokens},
                                                    {"--prompt-words", &options.prompt_words}};
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--unique") {
      options.unique = true;
    } else if (flag == "--per-stream") {
      options.per_stream = true;
    } else if (++i == argc) {
      return std::nullopt;
    } else if (flag == "--url") {
      if (!ParseUrl(argv[i], &options)) return std::nullopt;
    } else if (flag == "--prompt-file") {
      options.prompt_file = argv[i];
    } else if (const auto number = numbers.find(flag); number != numbers.end()) {
      *number->second = std::atoi(argv[i]);
      if (*number->second <= 0) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (options.requests == 0) options.requests = options.clients;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = ParseOptions(argc, argv);
  if (!options) {
    std::fprintf(stderr,
                 "usage: http_load [--url http://127.0.0.1:8080/v1/completions] [--clients N] [--requests N] "
                 "[--max-tokens N] [--prompt-words N] [--prompt-file FILE] [--unique] [--per-stream]\n");
    return 2;
  }
  const Bodies bodies(*options);
  if (bodies.empty()) {
    std::fprintf(stderr, "http_load: no bodies in %s\n", options->prompt_file.c_str());
    return 2;
  }
  bowhead::base::PreferShortTurns();  // a client elsewhere would not wait for a processor of the server's
  Load load(*options, bodies);
  if (!load.Run()) return 1;
  Print(*options, load.outcomes());
  return 0;
}
