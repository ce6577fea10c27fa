"""Writes seeds for block_record_fuzz: records without their hash, which the target adds."""

import pathlib
import struct
import sys


def record(payload: bytes, announced: int) -> bytes:
    return b"BHKVREC1" + bytes(range(32)) + struct.pack("<16i", *range(16)) + struct.pack("<Q", announced) + payload


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, seed in {
        "empty": record(b"", 0),
        "small": record(b"x" * 64, 64),
        "short": record(b"x" * 10, 64),
        "huge": record(b"x" * 10, 2**64 - 1),
    }.items():
        (folder / name).write_bytes(seed)


if __name__ == "__main__":
    main()
