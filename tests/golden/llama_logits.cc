// Logits of llama.cpp for the golden numbers, over its public C API. Built by record.py, never by CMake.
//   llama_logits MODEL IDS OUT CHUNK [f32|f16] [threads]
//   llama_logits MODEL TEXT OUT 0
// IDS: int32 token ids, cut into sequences of CHUNK tokens that each start at position 0. OUT: float32 [ids,
// vocabulary]. The second form
// writes the int32 token ids of a text, with the tokens that the model wants before it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "llama.h"

int main(int argc, char** argv) {
  if (argc < 5) return std::fputs("usage: llama_logits MODEL IDS OUT CHUNK [f32|f16] [threads]\n", stderr), 2;
  const int chunk = std::atoi(argv[4]);
  const bool f32_cache = argc > 5 && std::string(argv[5]) == "f32";
  const int threads = argc > 6 ? std::atoi(argv[6]) : 2;
  std::ifstream in(argv[2], std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
  std::vector<llama_token> ids(bytes.size() / sizeof(llama_token));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(ids.data()));

  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level >= GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
      },
      nullptr);
  llama_backend_init();
  llama_model* model = llama_model_load_from_file(argv[1], llama_model_default_params());
  if (model == nullptr) return 1;
  const llama_vocab* vocabulary = llama_model_get_vocab(model);
  if (chunk == 0) {
    std::vector<llama_token> tokens(bytes.size() + 8);
    const int n = llama_tokenize(vocabulary, bytes.data(), static_cast<std::int32_t>(bytes.size()), tokens.data(),
                                 static_cast<std::int32_t>(tokens.size()), true, false);
    std::ofstream(argv[3], std::ios::binary)
        .write(reinterpret_cast<const char*>(tokens.data()), static_cast<std::streamsize>(sizeof(llama_token)) * n);
    return n > 0 ? 0 : 1;
  }
  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = static_cast<std::uint32_t>(chunk);
  params.n_threads = params.n_threads_batch = threads;
  params.flash_attn_type = f32_cache ? LLAMA_FLASH_ATTN_TYPE_DISABLED : LLAMA_FLASH_ATTN_TYPE_AUTO;
  params.type_k = params.type_v = f32_cache ? GGML_TYPE_F32 : GGML_TYPE_F16;
  llama_context* context = llama_init_from_model(model, params);
  if (context == nullptr) return 1;
  const int vocab = llama_vocab_n_tokens(vocabulary);

  std::ofstream out(argv[3], std::ios::binary);
  for (std::size_t start = 0; start < ids.size(); start += static_cast<std::size_t>(chunk)) {
    const int n = static_cast<int>(std::min(ids.size() - start, static_cast<std::size_t>(chunk)));
    llama_memory_clear(llama_get_memory(context), true);
    llama_batch batch = llama_batch_init(n, 0, 1);
    batch.n_tokens = n;
    for (int i = 0; i < n; ++i) {
      batch.token[i] = ids[start + static_cast<std::size_t>(i)];
      batch.pos[i] = i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = 1;
    }
    if (llama_decode(context, batch) != 0) return 1;
    for (int i = 0; i < n; ++i) {
      out.write(reinterpret_cast<const char*>(llama_get_logits_ith(context, i)),
                static_cast<std::streamsize>(sizeof(float)) * vocab);
    }
    llama_batch_free(batch);
  }
  llama_free(context);
  llama_model_free(model);
  return out.good() ? 0 : 1;
}
