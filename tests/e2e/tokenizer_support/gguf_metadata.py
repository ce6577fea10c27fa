"""The key-value part of a GGUF file, also of one that is cut off after it."""
import struct
from pathlib import Path

FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def scalars(self, kind, count=1):
        form = f"<{count}{FORMATS[kind]}"
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return list(values)

    def string(self):
        (size,) = self.scalars(10)
        self.at += size
        return self.data[self.at - size:self.at].decode("utf-8", "surrogateescape")

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind != ARRAY:
            return self.scalars(kind)[0]
        (inner,), (count,) = self.scalars(4), self.scalars(10)
        return [self.string() for _ in range(count)] if inner == STRING else self.scalars(inner, count)


def read(path):
    with open(path, "rb") as file:
        reader = Reader(file.read(64 << 20))
    assert reader.data[:4] == b"GGUF", path
    reader.at = 4
    reader.scalars(4)
    _, count = reader.scalars(10, 2)
    values = {}
    for _ in range(count):
        key = reader.string()
        (kind,) = reader.scalars(4)
        values[key] = reader.value(kind)
    return values


class Vocabulary:
    """The tokenizer part of a file, with our own reading of which tokens are special."""
    NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

    def __init__(self, path):
        self.path, self.name = Path(path), Path(path).name
        values = read(path)

        def get(key, default=None):
            return values.get("tokenizer.ggml." + key, default)

        self.model, self.pre = get("model"), get("pre", "default")
        self.tokens, self.merges, self.scores = get("tokens"), get("merges"), get("scores")
        self.types = get("token_type") or [self.NORMAL] * len(self.tokens)
        self.add_space_prefix = get("add_space_prefix", self.model == "llama")
        self.templates = "\n".join(v for k, v in values.items()
                                   if k.startswith("tokenizer.chat_template") and isinstance(v, str))
        self.unknown = get("unknown_token_id", 0)
        if self.model == "gpt2":  # end markers that converters left as normal tokens, though no merge makes them
            made = {merge.replace(" ", "", 1) if merge[0] != " " else merge for merge in self.merges}
            named = {get(key) for key in ("bos_token_id", "eos_token_id")}
            for i, token in enumerate(self.tokens):
                if self.types[i] == self.NORMAL and token not in made and i in named:
                    self.types[i] = self.CONTROL
        self.special = [t for t, kind in zip(self.tokens, self.types) if self.is_special(t, kind)]
        self.plain = [t for t, kind in zip(self.tokens, self.types)
                      if kind == self.USER_DEFINED and not self.is_special(t, kind)]

    def is_special(self, token, kind):
        """Recognised only in trusted text: control tokens and user-defined ones that mark structure."""
        if kind in (self.CONTROL, self.UNKNOWN):
            return True
        if kind != self.USER_DEFINED or len(token.encode()) < 3:
            return False
        if token.startswith(("<|", "<\uff5c")) or token.endswith(("|>", "\uff5c>")):
            return True
        known = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>",
                 "<start_of_image>", "<end_of_image>")
        bracketed = token[0] + token[-1] in ("<>", "[]")
        return token in known or (bracketed and token in self.templates)
