// POST /tokenize, /detokenize and /v1/embeddings.
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "api/api_server.h"
#include "api/completion_request.h"
#include "api/request_tables.h"

namespace bowhead::api {

namespace {

constexpr std::size_t kMaxEmbeddingInputs = 2048;
constexpr std::size_t kEmbeddingsAtOnce = 8;  // of one call, so that a long list does not fill the engine's queue

constexpr std::array kTokenizeParams = {
    Honoured("content", schema::kString, "or prompt: one of them is needed"),
    Honoured("prompt", schema::kString),
    Honoured("model", schema::kString),
    Honoured("add_special", schema::kBool),
    Honoured("parse_special", schema::kBool),
    Honoured("with_pieces", schema::kBool),
};
constexpr std::array kDetokenizeParams = {
    Honoured("tokens", R"({"type":"array","items":{"type":"integer","minimum":0}})"),
    Honoured("model", schema::kString),
    Honoured("with_special", schema::kBool),
};
constexpr std::array kEmbeddingParams = {
    Honoured("input", kInputsSchema),
    Honoured("model", schema::kString),
    Honoured("encoding_format", R"({"enum":["float","base64"]})"),
    Honoured("dimensions", schema::kTokenCount, "the model's own number only"),
    Harmless("user", schema::kString),
};
constexpr std::array kTables = {
    ParamTable{"TokenizeRequest", kTokenizeParams},
    ParamTable{"DetokenizeRequest", kDetokenizeParams, "tokens"},
    ParamTable{"EmbeddingRequest", kEmbeddingParams, "input"},
};

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8U) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(i + k > bytes.size() ? '=' : kAlphabet[(group >> (18U - 6U * k)) & 63U]);
    }
  }
  return out;
}

std::string EmbeddingsBody(const ApiServer::Embeddings& embeddings, bool base64) {
  JsonWriter json;
  json.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (std::size_t i = 0; i < embeddings.vectors.size(); ++i) {
    const std::vector<float>& vector = embeddings.vectors[i];
    json.BeginObject().Field("object", "embedding").Field("index", static_cast<std::int64_t>(i)).Key("embedding");
    if (base64) {
      // Little-endian floats, which is how every machine that we build for keeps them.
      static_assert(std::endian::native == std::endian::little);
      std::string bytes(vector.size() * sizeof(float), '\0');
      if (!bytes.empty()) std::memcpy(bytes.data(), vector.data(), bytes.size());
      json.String(Base64(bytes));
    } else {
      json.BeginArray();
      for (const float value : vector) json.Double(static_cast<double>(value));
      json.EndArray();
    }
    json.EndObject();
  }
  json.EndArray().Field("model", embeddings.model).Key("usage").BeginObject();
  json.Field("prompt_tokens", embeddings.num_tokens);
  json.Field("total_tokens", embeddings.num_tokens).EndObject().EndObject();
  return json.Take();
}

/// The inputs of one call, some of them in the engine at any time. The last one to be done answers.
class EmbeddingJob : public std::enable_shared_from_this<EmbeddingJob> {
 public:
  using Done = std::function<void(ApiServer::Embeddings)>;

  EmbeddingJob(std::shared_ptr<Call> call, std::shared_ptr<const serving::ServedModel> model, Done done,
               std::vector<std::vector<model::TokenId>> inputs, std::shared_ptr<serving::TaskQueue> workers)
      : call_(std::move(call)),
        model_(std::move(model)),
        report_(std::move(done)),
        inputs_(std::move(inputs)),
        workers_(std::move(workers)),
        vectors_(inputs_.size()) {
    for (const auto& input : inputs_) num_tokens_ += input.size();
  }

  void Start() {
    for (std::size_t i = 0; i < kEmbeddingsAtOnce; ++i) Next();
  }

 private:
  class Listener final : public engine::Backend::EmbeddingListener {
   public:
    Listener(std::shared_ptr<EmbeddingJob> job, std::size_t index) : job_(std::move(job)), index_(index) {}
    void OnDone(base::Result<std::vector<float>> embedding) override {
      // On the engine's thread: the rest is for a worker.
      // The job holds the model: this thread, the engine's own, must not be the last to let go of it.
      const std::shared_ptr<EmbeddingJob> job = std::move(job_);
      auto done = [job, index = index_, result = std::move(embedding)]() mutable {
        job->OnDone(index, std::move(result));
      };
      if (!job->workers_->Post(std::move(done))) {
        job->Fail(base::ResourceExhausted("too many requests are waiting; try again soon"));
      }
    }

   private:
    std::shared_ptr<EmbeddingJob> job_;
    const std::size_t index_;
  };

  void Next() {
    std::size_t index = 0;
    {
      const std::lock_guard lock(mutex_);
      if (failed_ || next_ == inputs_.size()) return;
      index = next_++;
    }
    const base::Status status =
        model_->backend->Embed(std::move(inputs_[index]), std::make_shared<Listener>(shared_from_this(), index));
    if (!status.ok()) Fail(status);
  }

  void OnDone(std::size_t index, base::Result<std::vector<float>> embedding) {
    if (!embedding.ok()) {
      Fail(embedding.status());
      return;
    }
    bool last = false;
    {
      const std::lock_guard lock(mutex_);
      vectors_[index] = std::move(*embedding);
      last = ++done_ == inputs_.size();
    }
    if (last) {
      report_({model_->id, static_cast<std::int64_t>(num_tokens_), std::move(vectors_)});
    } else {
      Next();
    }
  }

  void Fail(const base::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(failed_, true)) return;
    }
    ApiError error = FromRefusal(status, *model_->backend, call_->tenant());
    if (error.status == 400) error.param = "input";
    call_->Fail(error);
  }

  const std::shared_ptr<Call> call_;
  const std::shared_ptr<const serving::ServedModel> model_;
  const Done report_;
  std::vector<std::vector<model::TokenId>> inputs_;  // each is moved out by the one that sends it
  const std::shared_ptr<serving::TaskQueue> workers_;
  std::size_t num_tokens_ = 0;
  std::mutex mutex_;
  std::size_t next_ = 0;                     // guarded by mutex_
  std::size_t done_ = 0;                     // guarded by mutex_
  bool failed_ = false;                      // guarded by mutex_
  std::vector<std::vector<float>> vectors_;  // guarded by mutex_ until all are done
};

}  // namespace

std::span<const ParamTable> TextTables() {
  return kTables;
}

void ApiServer::Tokenize(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  ParamReader reader(*body.AsObject(), kTokenizeParams);
  const std::string* text = reader.String("content");
  const std::string* other = reader.String("prompt");
  if (text != nullptr && other != nullptr) reader.Fail("prompt", "'content' and 'prompt' are the same; give one");
  if (text == nullptr) text = other;
  if (text == nullptr) reader.Fail("content", "'content' is missing");
  const std::string* name = reader.String("model");
  const bool add_special = reader.Bool("add_special").value_or(false);
  const bool parse_special = reader.Bool("parse_special").value_or(false);
  const bool with_pieces = reader.Bool("with_pieces").value_or(false);
  if (reader.error()) {
    call->Fail(*reader.error());
    return;
  }
  const ModelPtr model = FindModel(call, name == nullptr ? std::string_view() : *name);
  if (model == nullptr) return;
  const model::Tokenizer& tokenizer = model->backend->tokenizer();
  const auto tokens = tokenizer.Encode(*text, {.add_special = add_special, .parse_special = parse_special});
  JsonWriter json;
  json.BeginObject().Field("count", static_cast<std::int64_t>(tokens.size()));
  json.Field("context_length", model->backend->info().context_length).Key("tokens").BeginArray();
  for (const model::TokenId token : tokens) json.Int(token);
  json.EndArray();
  if (with_pieces) {
    json.Key("pieces").BeginArray();
    for (const model::TokenId token : tokens) json.String(tokenizer.TokenBytes(token));
    json.EndArray();
  }
  call->SendJson(200, json.EndObject().Take());
}

void ApiServer::Detokenize(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  ParamReader reader(*body.AsObject(), kDetokenizeParams);
  std::vector<model::TokenId> tokens;
  const JsonArray* list = reader.Array("tokens");
  if (list == nullptr) reader.Fail("tokens", "'tokens' is missing");
  const std::string* name = reader.String("model");
  const bool with_special = reader.Bool("with_special").value_or(true);
  if (reader.error()) {
    call->Fail(*reader.error());
    return;
  }
  const ModelPtr model = FindModel(call, name == nullptr ? std::string_view() : *name);
  if (model == nullptr) return;
  const model::Tokenizer& tokenizer = model->backend->tokenizer();
  for (const JsonValue& item : *list) {
    const std::int64_t* id = item.AsInt();
    if (id == nullptr || *id < 0 || static_cast<std::uint64_t>(*id) >= tokenizer.vocab_size()) {
      call->Fail(
          BadParameter("tokens", "'tokens' must be token ids from 0 to " + std::to_string(tokenizer.vocab_size() - 1)));
      return;
    }
    tokens.push_back(static_cast<model::TokenId>(*id));
  }
  JsonWriter json;
  json.BeginObject().Field("content", tokenizer.Decode(tokens, with_special)).EndObject();
  call->SendJson(200, json.Take());
}

void ApiServer::CreateEmbeddings(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  const JsonValue* format = FindKey(*body.AsObject(), "encoding_format");
  const bool base64 = format != nullptr && format->AsString() != nullptr && *format->AsString() == "base64";
  RunEmbedding(call, body, [call, base64](const Embeddings& embeddings) {
    call->SendJson(200, EmbeddingsBody(embeddings, base64));
  });
}

void ApiServer::RunEmbedding(const CallPtr& call, const JsonValue& body, std::function<void(Embeddings)> done) {
  ParamReader reader(*body.AsObject(), kEmbeddingParams);
  const std::vector<TextOrTokens> inputs = ReadInputs(reader, "input", kMaxEmbeddingInputs);
  const std::string* name = reader.String("model");
  const std::string* format = reader.String("encoding_format");
  if (format != nullptr && *format != "float" && *format != "base64") {
    reader.Fail("encoding_format", "'encoding_format' must be 'float' or 'base64'");
  }
  const auto dimensions = reader.Int("dimensions", 1, kMaxTokens);
  static_cast<void>(reader.String("user"));
  if (reader.error()) {
    call->Fail(*reader.error());
    return;
  }
  const ModelPtr model = FindModel(call, name == nullptr ? std::string_view() : *name);
  if (model == nullptr) return;
  const engine::ModelInfo& info = model->backend->info();
  if (dimensions && *dimensions != info.embedding_length) {
    call->Fail(BadParameter("dimensions", "'dimensions' can only be " + std::to_string(info.embedding_length) +
                                              ": this model's embeddings cannot be shortened"));
    return;
  }
  std::vector<std::vector<model::TokenId>> tokens;
  for (const TextOrTokens& input : inputs) {
    auto encoded = ToTokens(input, model->backend->tokenizer(), /*parse_special=*/false);
    if (!encoded.ok()) {
      call->Fail(BadParameter("input", encoded.status().message()));
      return;
    }
    if (encoded->size() > static_cast<std::size_t>(info.context_length)) {
      ApiError error =
          FromStatus(base::OutOfRange("the context of this model is " + std::to_string(info.context_length) +
                                      " tokens, but an input has " + std::to_string(encoded->size())));
      error.param = "input";
      call->Fail(error);
      return;
    }
    tokens.push_back(std::move(*encoded));
  }
  std::make_shared<EmbeddingJob>(call, model, std::move(done), std::move(tokens), workers_)->Start();
}

}  // namespace bowhead::api
