#!/usr/bin/env python3
"""Writes the seed corpus of gguf_fuzz: small, valid GGUF files that use every value type and tensor type.

Usage: fuzz/make_gguf_seeds.py FOLDER
Then:  build/fuzz/fuzz/gguf_fuzz FOLDER -max_len=4096
"""
import struct
import sys
from pathlib import Path

# Code of a tensor type -> (elements, bytes) of a block.
TENSOR_TYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
                11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 30: (1, 2)}
# Code of a value type -> struct format.
NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def pair(key: str, code: int, value: bytes) -> bytes:
    return string(key) + struct.pack("<I", code) + value


def array(key: str, code: int, count: int, value: bytes) -> bytes:
    return pair(key, 9, struct.pack("<IQ", code, count) + value)


def file(pairs: list[bytes], tensors: list[tuple[str, tuple[int, ...], int]], version: int = 3,
         alignment: int = 32) -> bytes:
    table, data = b"", b""
    for name, shape, code in tensors:
        elements, size = TENSOR_TYPES[code]
        count = 1
        for n in shape:
            count *= n
        data += b"\0" * (-len(data) % alignment)
        table += string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, code, len(data))
        data += bytes(i % 251 for i in range(count // elements * size))
    out = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + b"".join(pairs) + table
    return out + b"\0" * (-len(out) % alignment) + data if data else out


def seeds() -> dict[str, bytes]:
    name = pair("general.architecture", 8, string("llama"))
    out = {"empty": file([], []), "name": file([name], []), "v2": file([name], [("a", (8,), 0)], version=2)}
    for code, fmt in NUMBERS.items():
        out[f"number_{code}"] = file([pair("n", code, struct.pack("<" + fmt, 1))], [])
        out[f"array_{code}"] = file([array("a", code, 3, struct.pack("<3" + fmt, 0, 1, 1))], [])
    out["strings"] = file([array("tokenizer.ggml.tokens", 8, 3, string("a") + string("") + string("tok"))], [])
    for code, (elements, _) in TENSOR_TYPES.items():
        out[f"tensor_{code}"] = file([name], [("t", (elements, 2), code), ("u", (elements,), code)])
    out["ranks"] = file([], [("a", (2, 1, 2, 1), 0), ("b", (3, 2, 2), 1), ("c", (1, 1), 30)])
    out["alignment"] = file([pair("general.alignment", 4, struct.pack("<I", 64))], [("a", (3,), 0), ("b", (1,), 0)],
                            alignment=64)
    out["split"] = file([pair("split.count", 2, struct.pack("<H", 1)), pair("split.no", 2, struct.pack("<H", 0)),
                         pair("split.tensors.count", 5, struct.pack("<i", 1))], [("a", (2,), 0)])
    return out


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
