"""A model file's metadata and its tensors, dequantized to F32 when asked for."""
from functools import cached_property

import numpy as np
from gguf import GGUFReader, dequantize


class Weights:
    def __init__(self, path):
        self._reader = GGUFReader(path)
        self._tensors = {t.name: t for t in self._reader.tensors}
        self._cache = {}
        self.architecture = self._reader.fields["general.architecture"].contents()

    def key(self, name, default=None):
        """The architecture's value, for example key("block_count")."""
        field = self._reader.fields.get(f"{self.architecture}.{name}")
        if field is None and default is None:
            raise KeyError(f"{self.architecture}.{name}")
        return default if field is None else field.contents()

    def __contains__(self, name):
        return name in self._tensors

    def __getitem__(self, name):
        """A matrix [out, in] or a vector."""
        if name not in self._cache:
            t = self._tensors[name]
            values = np.asarray(dequantize(t.data, t.tensor_type), dtype=np.float32)
            self._cache[name] = values.reshape(tuple(int(n) for n in reversed(t.shape)))
        return self._cache[name]

    @cached_property
    def types(self):
        """The names of the element types that occur."""
        return sorted({t.tensor_type.name for t in self._tensors.values()})

    def linear(self, name, x):
        """x [tokens, in] times the matrix `name`.weight, plus `name`.bias where the file has one."""
        y = x @ self[f"{name}.weight"].T
        return y + self[f"{name}.bias"] if f"{name}.bias" in self else y

    def output(self, x):
        """Logits: by the output matrix, or the embedding where the file ties the two."""
        name = "output.weight" if "output.weight" in self else "token_embd.weight"
        return x @ self[name].T
