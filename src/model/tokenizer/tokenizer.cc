#include "model/tokenizer/tokenizer.h"

#include "model/tokenizer/bpe_tokenizer.h"
#include "model/tokenizer/spm_tokenizer.h"

namespace bowhead::model {

base::Result<std::unique_ptr<const Tokenizer>> Tokenizer::Create(const Metadata& metadata) {
  const std::string* model = metadata.GetString("tokenizer.ggml.model");
  if (model == nullptr) {
    return base::InvalidArgument("the file has no tokenizer (tokenizer.ggml.model); convert the model again with it");
  }
  if (*model == "gpt2" || *model == "gemma4") return BpeTokenizer::Create(metadata);
  if (*model == "llama") return SpmTokenizer::Create(metadata);
  return base::Unimplemented("tokenizer model '" + *model +
                             "' is not known; known are: gemma4, gpt2 (byte-pair), llama (SentencePiece)");
}

}  // namespace bowhead::model
