#include "mcp/server_config.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "mcp/json_rpc.h"

namespace bowhead::mcp {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxLabel = 32;

bool IsLabelChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kMaxLabel && std::all_of(label.begin(), label.end(), IsLabelChar);
}

bool IsUrl(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

/// A label out of a host or a path of a program.
std::string MakeLabel(std::string_view name) {
  name = name.substr(name.find_last_of('/') + 1);
  std::string label;
  for (const char c : name.substr(0, kMaxLabel)) label += IsLabelChar(c) ? c : '_';
  return label.empty() ? "mcp" : label;
}

std::string_view HostOf(std::string_view url) {
  url.remove_prefix(url.find("//") + 2);
  url = url.substr(0, url.find_first_of("/?#"));
  return url.substr(url.find('@') + 1);
}

base::Result<std::vector<std::string>> SplitCommand(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      in_word = true;
    } else if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) return base::InvalidArgument("a quote in the command is not closed");
  if (in_word) words.push_back(std::move(word));
  if (words.empty()) return base::InvalidArgument("there is no command after 'stdio:'");
  return words;
}

std::optional<Consent> ParseConsent(const Json& json) {
  if (!json.is_string()) return std::nullopt;
  for (const Consent consent : {Consent::kNever, Consent::kAlways}) {
    if (json == ConsentName(consent)) return consent;
  }
  return std::nullopt;
}

/// Reads one entry of mcpServers. The first mistake is kept.
class EntryReader {
 public:
  EntryReader(const std::string& label, const Json& json) : json_(json) { config_.label = label; }

  base::Result<ServerConfig> Read() {
    if (!IsLabel(config_.label)) Fail("names of servers have 1 to 32 letters, digits, '_' or '-'");
    if (!json_.is_object()) {
      Fail("must be an object");
    } else {
      for (const auto& [key, value] : json_.items()) ReadKey(key, value);
    }
    if (config_.url.empty() == config_.command.empty()) Fail("give either 'url' or 'command'");
    if (config_.command.empty() && has_args_) Fail("'args' needs 'command'");
    if (!status_.ok()) return status_.WithContext("mcpServers." + config_.label);
    return std::move(config_);
  }

  [[nodiscard]] bool disabled() const { return disabled_; }

 private:
  void Fail(std::string why) {
    if (status_.ok()) status_ = base::InvalidArgument(std::move(why));
  }

  void ReadKey(const std::string& key, const Json& value) {
    if (key == "url") {
      config_.url = Text(key, value);
      if (!IsUrl(config_.url)) Fail("'url' must begin with http:// or https://");
    } else if (key == "command") {
      config_.command.insert(config_.command.begin(), Text(key, value));
    } else if (key == "args") {
      has_args_ = true;
      if (!value.is_array()) return Fail("'args' must be a list of strings");
      for (const Json& item : value) config_.command.push_back(Text(key, item));
    } else if (key == "headers" || key == "env") {
      if (!value.is_object()) return Fail("'" + key + "' must be an object of strings");
      for (const auto& [name, text] : value.items()) {
        if (key == "env") {
          config_.environment[name] = Text(key, text);
        } else {
          config_.headers.emplace_back(name, Text(key, text));
        }
      }
    } else if (key == "consent") {
      SetConsent(value, &config_.consent);
    } else if (key == "tools") {
      if (!value.is_object()) return Fail("'tools' must be an object of names and consents");
      for (const auto& [name, consent] : value.items()) SetConsent(consent, &config_.tools[name]);
    } else if (key == "timeout_ms") {
      if (!value.is_number_unsigned() || value > 3'600'000 || value == 0) {
        return Fail("'timeout_ms' must be 1 to 3600000");
      }
      config_.timeout = std::chrono::milliseconds(value.get<std::int64_t>());
    } else if (key == "disabled") {
      if (!value.is_boolean()) return Fail("'disabled' must be true or false");
      disabled_ = value;
    } else if (key == "type") {
      if (value != "http" && value != "streamable-http" && value != "stdio") {
        Fail("'type' must be 'http', 'streamable-http' or 'stdio'");
      }
    } else {
      Fail("'" + key.substr(0, 50) + "' is not a key of a server");
    }
  }

  void SetConsent(const Json& value, Consent* out) {
    if (const std::optional<Consent> consent = ParseConsent(value)) {
      *out = *consent;
    } else {
      Fail("a consent is 'never' or 'always'");
    }
  }

  /// A string with our environment's variables filled in.
  std::string Text(const std::string& key, const Json& value) {
    if (!value.is_string()) {
      Fail("'" + key + "' takes strings");
      return {};
    }
    std::string text = value.get<std::string>();
    std::string filled;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t open = text.find("${", at);
      const std::size_t close = open == std::string::npos ? open : text.find('}', open);
      if (close == std::string::npos) return filled + text.substr(at);
      const std::string name = text.substr(open + 2, close - open - 2);
      const char* variable = std::getenv(name.c_str());
      if (variable == nullptr) Fail("the environment has no variable '" + name.substr(0, 50) + "'");
      filled += text.substr(at, open - at) + (variable == nullptr ? "" : variable);
      at = close + 1;
    }
    return filled;
  }

  const Json& json_;
  ServerConfig config_;
  bool has_args_ = false;
  bool disabled_ = false;
  base::Status status_;
};

}  // namespace

std::string_view ConsentName(Consent consent) {
  switch (consent) {
    case Consent::kNever:
      return "never";
    case Consent::kAlways:
      return "always";
  }
  return "never";
}

Consent ServerConfig::ConsentOf(std::string_view tool) const {
  const auto found = tools.find(std::string(tool));
  return found == tools.end() ? consent : found->second;
}

base::Result<ServerConfig> ParseServerSpec(std::string_view spec) {
  ServerConfig config;
  const std::size_t equals = spec.find('=');
  if (equals != std::string_view::npos && IsLabel(spec.substr(0, equals))) {
    config.label = spec.substr(0, equals);
    spec.remove_prefix(equals + 1);
  }
  if (spec.starts_with("stdio:")) {
    auto command = SplitCommand(spec.substr(6));
    if (!command.ok()) return command.status();
    config.command = std::move(*command);
    if (config.label.empty()) config.label = MakeLabel(config.command.front());
    return config;
  }
  if (!IsUrl(spec) || HostOf(spec).empty()) {
    return base::InvalidArgument("'" + std::string(spec.substr(0, 80)) +
                                 "' is neither http://…, https://… nor stdio:COMMAND, with LABEL= before it or not");
  }
  config.url = spec;
  if (config.label.empty()) config.label = MakeLabel(HostOf(spec));
  return config;
}

base::Result<std::vector<ServerConfig>> ParseConfig(std::string_view json) {
  if (!DepthIsBounded(json)) return base::InvalidArgument("the file is nested too deep");
  const Json root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("mcpServers") || !root["mcpServers"].is_object() || root.size() != 1) {
    return base::InvalidArgument("the file must be JSON of the form {\"mcpServers\": {\"NAME\": {…}}}");
  }
  std::vector<ServerConfig> servers;
  for (const auto& [label, entry] : root["mcpServers"].items()) {
    EntryReader reader(label, entry);
    auto config = reader.Read();
    if (!config.ok()) return config.status();
    if (!reader.disabled()) servers.push_back(std::move(*config));
  }
  return servers;
}

base::Status Allow(std::vector<ServerConfig>& servers, std::string_view rule) {
  const std::size_t slash = rule.find('/');
  if (slash == std::string_view::npos || slash + 1 == rule.size()) {
    return base::InvalidArgument("'" + std::string(rule.substr(0, 80)) + "' must be SERVER/TOOL or SERVER/*");
  }
  const std::string_view label = rule.substr(0, slash);
  const std::string tool(rule.substr(slash + 1));
  for (ServerConfig& server : servers) {
    if (server.label != label) continue;
    if (tool == "*") {
      server.consent = Consent::kAlways;
    } else {
      server.tools[tool] = Consent::kAlways;
    }
    return base::OkStatus();
  }
  std::string known;
  for (const ServerConfig& server : servers) known += (known.empty() ? "" : ", ") + server.label;
  return base::InvalidArgument("there is no MCP server '" + std::string(label.substr(0, 40)) +
                               "'; there are: " + known);
}

base::Status CheckLabels(const std::vector<ServerConfig>& servers) {
  for (std::size_t i = 1; i < servers.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (servers[i].label == servers[k].label) {
        return base::InvalidArgument("two MCP servers are called '" + servers[i].label +
                                     "'; give one another name with LABEL=…");
      }
    }
  }
  return base::OkStatus();
}

}  // namespace bowhead::mcp
