"""Independent tokenizers built from nothing but the vocabulary and the merges or scores in a model file."""
import re
import struct

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{CONTRACTIONS}?|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{CONTRACTIONS}?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = O200K.replace(CONTRACTIONS + "?", "").replace(r"\p{N}{1,3}", r"\p{N}")
DEEPSEEK_V3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
               r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
BLOOM = " ?[^(\\s|.,!?…。，、।۔،)]+"
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
# The cased letters that DeepSeek LLM's own expression lists, as ranges of code points.
DEEPSEEK_LETTERS = "".join("-".join(chr(int(end, 16)) for end in part.split("-")) for part in (
    "41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C "
    "38E-3A1 3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B "
    "1D6B-1D77 1D79-1D9A 1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 "
    "1FB6-1FBC 1FBE 1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 "
    "2115 2119-211D 2124 2126 2128 212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B "
    "2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 "
    "FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF "
    "1E900-1E943").split())

DEEPSEEK_PUNCTUATION = "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"


def splits(*expressions, end=BYTES):
    parts = [pre_tokenizers.Split(Regex(e), "isolated") if isinstance(e, str) else e for e in expressions]
    return pre_tokenizers.Sequence([*parts, end])


DIGITS_GPT2 = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), GPT2])
GPT2_EXPRESSION = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
PRE_TOKENIZERS = {
    "bloom": splits(BLOOM),
    "command-r": DIGITS_GPT2,
    "deepseek-coder": splits("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"),
    "deepseek-llm": splits("[\r\n]", rf"\s?[{DEEPSEEK_LETTERS}]+", DEEPSEEK_PUNCTUATION, r"\s+$", CJK, r"\p{N}+"),
    "deepseek-r1-qwen": splits(QWEN2),
    "deepseek-v3": splits(r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK_V3),
    "default": splits(r"[\p{P}\$\+<=>\^~\|]+", GPT2_EXPRESSION, r"\p{N}+", "[0-9][0-9][0-9]"),
    "falcon": splits(r"[\p{P}\$\+<=>\^~\|`]+", GPT2_EXPRESSION, "[0-9][0-9][0-9]"),
    "gpt-2": pre_tokenizers.Sequence([GPT2]),
    "gpt-4o": splits(O200K),
    "llama-bpe": splits(LLAMA3),
    "mpt": pre_tokenizers.Sequence([GPT2]),
    "qwen2": splits(QWEN2),
    "qwen35": splits(QWEN35),
    "refact": DIGITS_GPT2,
    "smollm": DIGITS_GPT2,
    "starcoder": DIGITS_GPT2,
    "tekken": splits(TEKKEN),
}
IGNORE_MERGES = {"llama-bpe", "tekken"}


class BytePair:
    """The `tokenizers` library. encode(texts, special) -> ids of each text."""

    def __init__(self, vocabulary, pre=None):
        pre = pre or vocabulary.pre
        gemma4 = vocabulary.model == "gemma4"
        merges = [tuple(merge[1:].split(" ", 1)) for merge in vocabulary.merges]
        merges = [(whole[0] + left, right) for whole, (left, right) in zip(vocabulary.merges, merges)]
        ids = {token: i for i, token in enumerate(vocabulary.tokens)}

        def build(added):
            model = models.BPE(ids, merges, ignore_merges=pre in IGNORE_MERGES, byte_fallback=gemma4)
            tokenizer = Tokenizer(model)
            if gemma4:
                tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
            else:
                tokenizer.pre_tokenizer = PRE_TOKENIZERS[pre]
            tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in added])
            return tokenizer

        self.text, self.all = build(vocabulary.plain), build(vocabulary.plain + vocabulary.special)

    def encode(self, texts, special):
        chosen = self.all if special else self.text
        return [encoding.ids for encoding in chosen.encode_batch(texts, add_special_tokens=False)]


def varint(number):
    out = b""
    while number >= 128:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def number_field(field, value):
    return varint(field << 3) + varint(value)


def bytes_field(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


class SentencePiece:
    """The `sentencepiece` library with a model (a protocol buffer) made of pieces, scores and types of the file."""

    def __init__(self, vocabulary):
        self.vocabulary = vocabulary
        out = []
        for token, score, kind in zip(vocabulary.tokens, vocabulary.scores, vocabulary.types):
            if kind == vocabulary.USER_DEFINED:
                # The library knows escaped spaces only; structural tokens are recognised by us in trusted text.
                kind = vocabulary.CONTROL if vocabulary.is_special(token, kind) else kind
                token = token.replace(" ", "\u2581")
            if token == vocabulary.tokens[vocabulary.unknown]:
                kind = vocabulary.UNKNOWN
            elif kind == vocabulary.UNKNOWN:
                kind = vocabulary.CONTROL  # the library allows one unknown piece
            piece = bytes_field(1, token.encode()) + varint(2 << 3 | 5) + struct.pack("<f", score)
            out.append(bytes_field(1, piece + number_field(3, kind)))
        byte_pair, has_bytes = 2, int(vocabulary.BYTE in vocabulary.types)
        trainer = number_field(3, byte_pair) + number_field(35, has_bytes) + number_field(40, vocabulary.unknown)
        prefix = int(vocabulary.add_space_prefix)
        normalizer = bytes_field(1, b"identity") + number_field(3, prefix) + number_field(4, 0) + number_field(5, 1)
        out += [bytes_field(2, trainer), bytes_field(3, normalizer)]
        self.processor = sentencepiece.SentencePieceProcessor()
        self.processor.LoadFromSerializedProto(b"".join(out))
        longest_first = sorted(vocabulary.special, key=len, reverse=True)
        self.special = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")
        self.ids = {token: i for i, token in enumerate(vocabulary.tokens)}

    def encode(self, texts, special):
        if not special:
            return self.processor.encode(texts, num_threads=1)
        return [[i for part in self.special.split(text) if part
                 for i in ([self.ids[part]] if self.special.fullmatch(part) else self.processor.encode(part))]
                for text in texts]


def reference(vocabulary):
    return SentencePiece(vocabulary) if vocabulary.model == "llama" else BytePair(vocabulary)
