// A tiny random model in memory, whole or damaged in one chosen place.
#pragma once

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "model/format/gguf_builder_for_test.h"
#include "model/format/model_file.h"

namespace bowhead::model {

/// Describes the file; tests change it before Build.
struct TinyModel {
  std::string architecture = "llama";
  int vocab = 48;
  int tokens = 48;  // of the tokenizer
  int embd = 64;
  int layers = 2;
  int heads = 4;
  int kv_heads = 2;
  int feed_forward = 96;
  int window = 0;
  std::map<std::string, std::vector<std::uint64_t>> other_shapes;  // instead of the right ones
  std::string left_out;                                            // a tensor that is missing
  std::string poisoned;                                            // a tensor that starts with NaN
  std::vector<std::byte> bytes;

  base::Result<std::shared_ptr<const ModelFile>> Build() {
    random_.seed(1);  // every Build gives the same model
    GgufBuilder builder;
    const std::string p = architecture + ".";
    builder.Text("general.architecture", architecture).Text("general.name", "tiny");
    builder.U32(p + "context_length", 512).U32(p + "block_count", U(layers)).U32(p + "embedding_length", U(embd));
    builder.U32(p + "feed_forward_length", U(feed_forward)).U32(p + "attention.head_count", U(heads));
    builder.U32(p + "attention.head_count_kv", U(kv_heads)).U32(p + "attention.key_length", 32);
    builder.U32(p + "attention.value_length", 32);
    if (window > 0) builder.U32(p + "attention.sliding_window", U(window));
    builder.Texts("tokenizer.ggml.tokens", std::vector<std::string>(static_cast<std::size_t>(tokens), "t"));
    const auto e = U64(embd);
    const auto q = U64(heads * 32);
    const auto kv = U64(kv_heads * 32);
    const auto ff = U64(feed_forward);
    Add(builder, "token_embd.weight", {e, U64(vocab)});
    for (int i = 0; i < layers; ++i) {
      const std::string b = "blk." + std::to_string(i) + ".";
      for (const char* norm : {"attn_norm", "ffn_norm"}) Add(builder, b + norm + ".weight", {e});
      Add(builder, b + "attn_q.weight", {e, q});
      Add(builder, b + "attn_k.weight", {e, kv});
      Add(builder, b + "attn_v.weight", {e, kv});
      Add(builder, b + "attn_output.weight", {q, e});
      Add(builder, b + "ffn_gate.weight", {e, ff});
      Add(builder, b + "ffn_up.weight", {e, ff});
      Add(builder, b + "ffn_down.weight", {ff, e});
      if (architecture != "gemma3") continue;
      for (const char* norm : {"attn_q_norm", "attn_k_norm"}) Add(builder, b + norm + ".weight", {32});
      for (const char* norm : {"post_attention_norm", "post_ffw_norm"}) Add(builder, b + norm + ".weight", {e});
    }
    Add(builder, "output_norm.weight", {e});
    bytes = builder.Build();
    return ModelFile::Parse(bytes);
  }

 private:
  static std::uint32_t U(int value) { return static_cast<std::uint32_t>(value); }
  static std::uint64_t U64(int value) { return static_cast<std::uint64_t>(value); }

  void Add(GgufBuilder& builder, const std::string& name, std::vector<std::uint64_t> shape) {
    if (name == left_out) return;
    if (const auto it = other_shapes.find(name); it != other_shapes.end()) shape = it->second;
    std::uint64_t n = 1;
    for (const std::uint64_t size : shape) n *= size;
    std::normal_distribution<float> normal(0.0F, 1.0F / std::sqrt(static_cast<float>(shape[0])));
    std::vector<float> values(n);
    for (float& value : values) value = shape.size() == 1 ? 1.0F + 0.1F * normal(random_) : normal(random_);
    if (name == poisoned) values[0] = std::nanf("");
    builder.Tensor(name, shape, 0, std::as_bytes(std::span<const float>(values)));
  }

  std::mt19937 random_{1};
};

}  // namespace bowhead::model
