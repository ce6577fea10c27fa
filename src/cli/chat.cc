// bowhead chat: a conversation in the terminal.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json.h"
#include "cli/chat_session.h"
#include "cli/command.h"
#include "cli/line_editor.h"
#include "cli/load_model.h"
#include "cli/signals.h"

namespace bowhead::cli {

namespace {

constexpr std::string_view kHelp =
    R"(Type a message and press Enter. A line that ends with \ goes on in the next one, and so
does everything between two lines of """. Alt-Enter adds a line break. Ctrl-C stops an answer.
  /help              this text
  /clear             begin a new conversation
  /system [TEXT]     show or set the system prompt (it begins a new conversation)
  /params [K=V ...]  show or set temperature, top_p, top_k, min_p, repeat_penalty, max_tokens, seed
  /save FILE         write the conversation as JSON
  /exit              leave (also Ctrl-D)
)";

struct ChatOptions {
  ModelOptions model;
  std::string url;
  std::string remote_model;
  std::string api_key_file;
  std::string system;
  ChatParams params;
};

/// Model output may hold control characters; a terminal must not obey them.
std::string Printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if ((byte < 0x20 && text[i] != '\n' && text[i] != '\t') || byte == 0x7F) {
      out += "\xEF\xBF\xBD";
    } else if (c1) {
      out += "\xEF\xBF\xBD";
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

class Chat {
 public:
  Chat(ChatSession& session, ChatOptions& options, const Signals& signals)
      : session_(session),
        params_(options.params),
        system_(options.system),
        signals_(signals),
        terminal_(isatty(STDOUT_FILENO) != 0) {}

  void Run() {
    if (terminal_) std::cout << "Talking to " << Printable(session_.name()) << ". /help lists the commands.\n";
    while (std::optional<std::string> text = ReadMessage()) {
      if (text->empty()) continue;
      if (text->front() == '/') {
        if (!Command(*text)) return;
      } else {
        Ask(std::move(*text));
      }
    }
  }

 private:
  /// One message: a line, lines joined by a backslash, or what stands between two lines of """.
  std::optional<std::string> ReadMessage() {
    std::string message;
    bool quoted = false;
    while (true) {
      std::optional<std::string> line = editor_.Read(message.empty() && !quoted ? "> " : ". ");
      if (!line) return message.empty() ? std::nullopt : std::optional<std::string>(message);
      if (editor_.interrupted()) return std::string();
      if (*line == "\"\"\"") {
        if (quoted) break;
        quoted = true;
        continue;
      }
      if (quoted) {
        message += *line + "\n";
      } else if (line->ends_with('\\')) {
        message += line->substr(0, line->size() - 1) + "\n";
      } else {
        message += *line;
        break;
      }
    }
    editor_.Remember(message);
    return message;
  }

  void Ask(std::string text) {
    std::vector<assistant::Message> messages;
    if (!system_.empty()) messages.push_back({.role = "system", .content = system_});
    messages.insert(messages.end(), history_.begin(), history_.end());
    messages.push_back({.role = "user", .content = text});
    const auto print = [](std::string_view piece) { std::cout << Printable(piece) << std::flush; };
    const auto keep_going = [this] { return signals_.Wait(std::chrono::milliseconds(0)) == 0; };
    const base::Result<ChatAnswer> answer = session_.Ask(messages, params_, print, keep_going);
    std::cout << std::endl;
    if (!answer.ok()) {
      failed_ = true;
      std::cerr << "bowhead chat: " << answer.status().message() << '\n';
      return;
    }
    if (terminal_ && answer->tokens > 0) {
      std::cout << "\x1b[2m[" << answer->tokens << " tokens";
      if (answer->tokens_per_second > 0.0) std::cout << ", " << static_cast<int>(answer->tokens_per_second) << "/s";
      if (answer->finish_reason != "stop") std::cout << ", " << answer->finish_reason;
      std::cout << "]\x1b[0m\n";
    }
    history_.push_back({.role = "user", .content = std::move(text)});
    history_.push_back({.role = "assistant", .content = answer->text});
  }

  /// False: leave.
  bool Command(const std::string& line) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string name = line.substr(1, space - 1);
    const std::string rest = space < line.size() ? line.substr(space + 1) : std::string();
    if (name == "exit" || name == "quit") return false;
    if (name == "help") {
      std::cout << kHelp;
    } else if (name == "clear") {
      history_.clear();
      std::cout << "A new conversation.\n";
    } else if (name == "system") {
      if (!rest.empty()) {
        system_ = rest;
        history_.clear();
      }
      std::cout << (system_.empty() ? "There is no system prompt." : "System prompt: " + system_) << '\n';
    } else if (name == "params") {
      SetParams(rest);
    } else if (name == "save") {
      Save(rest);
    } else {
      std::cout << "There is no /" << name << "; /help lists the commands.\n";
    }
    return true;
  }

  void SetParams(const std::string& text) {
    std::istringstream words(text);
    std::string word;
    while (words >> word) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos || !SetParam(word.substr(0, equals), word.substr(equals + 1))) {
        std::cout << "'" << word << "' is not understood; for example: /params temperature=0.7 max_tokens=200\n";
        return;
      }
    }
    std::cout << "temperature=" << params_.temperature << " top_p=" << params_.top_p << " top_k=" << params_.top_k
              << " min_p=" << params_.min_p << " repeat_penalty=" << params_.repeat_penalty
              << " max_tokens=" << params_.max_tokens
              << " seed=" << (params_.seed ? std::to_string(*params_.seed) : "random") << '\n';
  }

  bool SetParam(const std::string& name, const std::string& value) {
    if (name == "seed" && value == "random") {
      params_.seed.reset();
      return true;
    }
    double number = 0.0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != value.data() + value.size() || !(number >= 0.0) || number > 1e9) {
      return false;
    }
    if (name == "temperature" && number <= 2.0) {
      params_.temperature = number;
    } else if (name == "top_p" && number > 0.0 && number <= 1.0) {
      params_.top_p = number;
    } else if (name == "min_p" && number <= 1.0) {
      params_.min_p = number;
    } else if (name == "repeat_penalty" && number > 0.0 && number <= 10.0) {
      params_.repeat_penalty = number;
    } else if (name == "top_k") {
      params_.top_k = static_cast<int>(number);
    } else if (name == "max_tokens") {
      params_.max_tokens = static_cast<int>(number);
    } else if (name == "seed") {
      params_.seed = static_cast<std::int64_t>(number);
    } else {
      return false;
    }
    return true;
  }

  void Save(const std::string& path) {
    if (path.empty()) {
      std::cout << "Where to? /save FILE\n";
      return;
    }
    std::error_code error;
    if (std::filesystem::exists(path, error)) {
      std::cout << path << " is there already; choose another name.\n";
      return;
    }
    api::JsonWriter json;
    json.BeginObject().Key("messages").BeginArray();
    if (!system_.empty()) json.BeginObject().Field("role", "system").Field("content", system_).EndObject();
    for (const assistant::Message& message : history_) {
      json.BeginObject().Field("role", message.role).Field("content", message.content).EndObject();
    }
    json.EndArray().EndObject();
    std::ofstream file(path, std::ios::binary);
    file << json.Take() << '\n';
    file.close();
    std::cout << (file ? "Saved to " + path : path + " cannot be written") << '\n';
  }

 public:
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  ChatSession& session_;
  ChatParams params_;
  std::string system_;
  const Signals& signals_;
  const bool terminal_;
  bool failed_ = false;
  LineEditor editor_;
  std::vector<assistant::Message> history_;
};

/// The first key of the file, or the environment's.
std::string FindApiKey(const std::string& file_name) {
  if (file_name.empty()) {
    const char* key = std::getenv("BOWHEAD_API_KEY");
    return key == nullptr ? std::string() : std::string(key);
  }
  std::ifstream file(file_name);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.empty() && line.front() != '#') return line.substr(0, line.find_first_of(" \t\r"));
  }
  return {};
}

base::Result<std::unique_ptr<ChatSession>> Open(const ChatOptions& options, const Signals& signals) {
  if (!options.url.empty()) {
    return ConnectSession(options.url, options.remote_model, FindApiKey(options.api_key_file));
  }
  const bool bar = isatty(STDERR_FILENO) != 0;
  const auto progress = [&](double fraction) {
    if (bar) std::cerr << "\rPreparing the model " << ProgressBar(fraction) << std::flush;
    return signals.Wait(std::chrono::milliseconds(0)) == 0;
  };
  std::unique_ptr<telemetry::ServingMetrics> no_metrics;
  auto model = LoadServedModel(options.model, nullptr, no_metrics, progress,
                               [](const std::string& warning) { std::cerr << "\rbowhead chat: " << warning << '\n'; });
  if (bar) std::cerr << "\r\x1b[K" << std::flush;
  if (!model.ok()) return model.status();
  return MakeLocalSession(std::move(*model));
}

}  // namespace

int RunChat(int argc, char** argv) {
  ChatOptions options;
  CLI::App app("Chat in the terminal", "bowhead chat");
  auto* model = app.add_option("model", options.model.path,
                               "A GGUF file, or the name of one in the cache folder; default: the one of `make run`")
                    ->type_name("MODEL");
  auto* url = app.add_option("--url", options.url, "A running server instead of a file, e.g. http://127.0.0.1:8080")
                  ->type_name("URL")
                  ->excludes(model);
  app.add_option("--model", options.remote_model, "Which of the server's models")->type_name("NAME")->needs(url);
  app.add_option("--api-key-file", options.api_key_file, "A file with the server's key (else BOWHEAD_API_KEY)")
      ->type_name("FILE")
      ->needs(url);
  app.add_option("--system", options.system, "The system prompt")->type_name("TEXT");
  app.add_option("--temp,--temperature", options.params.temperature, "0 always takes the likeliest token")
      ->check(CLI::Range(0.0, 2.0))
      ->capture_default_str();
  app.add_option("--top-p", options.params.top_p)->check(CLI::Range(0.001, 1.0))->capture_default_str();
  app.add_option("-n,--max-tokens", options.params.max_tokens, "Most tokens of one answer (0: what fits)")
      ->check(CLI::Range(0, 1 << 24));
  app.add_option("--seed", options.params.seed, "The same seed gives the same answers")->type_name("N");
  AddModelOptions(app, options.model);
  try {
    app.parse(argc, argv);
    if (options.model.path.empty() && options.url.empty()) {
      throw CLI::RequiredError("a model file or --url");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const Signals signals;
  base::Result<std::unique_ptr<ChatSession>> session = Open(options, signals);
  if (!session.ok()) {
    std::cerr << "bowhead chat: " << session.status().message() << '\n';
    return session.status().code() == base::StatusCode::kUnavailable ? kExitUnavailable : kExitFailure;
  }
  Chat chat(**session, options, signals);
  chat.Run();
  return chat.failed() ? kExitFailure : kExitOk;
}

}  // namespace bowhead::cli
