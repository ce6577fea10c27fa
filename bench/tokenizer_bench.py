#!/usr/bin/env python3
"""Tokenizer throughput against the `tokenizers` and `sentencepiece` libraries, one thread each, in processor time.

Usage: tokenizer_bench.py [--build build/release] [--repeat 5]   (prints a Markdown table, MB/s)
The texts are this repository's own: prose (Markdown), code (C++), and Chinese (the translated README and page).
"""
import argparse
import os
import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PIECE = 8192  # bytes, about a long prompt
SIZE = 1 << 20


def pieces(paths):
    """Up to 1 MiB of the files' text, cut into prompts."""
    text = "\n".join(path.read_text(errors="ignore") for path in sorted(paths))
    assert text, "no text found"
    data = (text * (SIZE // len(text.encode()) + 1)).encode()[:SIZE]
    return [data[i:i + PIECE].decode(errors="ignore") for i in range(0, len(data), PIECE)]


def chinese():
    """Characters of the repository's Chinese texts in random order, with their punctuation."""
    paths = [*ROOT.glob("README.zh*.md"), *ROOT.glob("web/src/**/*zh*")]
    characters = [c for path in paths if path.is_file() for c in path.read_text() if ord(c) > 0x2FFF]
    characters = characters or list("你好，世界。")
    choose = random.Random(1)
    return ["".join(choose.choices(characters, k=PIECE // 3)) for _ in range(SIZE // PIECE)]


def best(run, repeat):
    times = []
    for _ in range(repeat):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build" / "release", type=Path)
    parser.add_argument("--repeat", default=5, type=int)
    options = parser.parse_args()
    os.environ |= {"BOWHEAD_BUILD": str(options.build), "TOKENIZERS_PARALLELISM": "false"}
    sys.path.insert(0, str(ROOT / "tests" / "e2e"))
    import test_tokenizer as tests  # noqa: PLC0415
    from tokenizer_support import references  # noqa: PLC0415

    prose = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    texts = {"prose": pieces(prose), "code": pieces(ROOT.glob("src/**/*.cc")), "Chinese": chinese()}
    print("| model | text | Bowhead MB/s | library MB/s | ratio |\n|---|---|---|---|---|")
    for name in [*tests.MODELS, "llama-bpe", "llama-spm"]:
        vocabulary = tests.Vocabulary(tests.path_of(name))
        library = references.reference(vocabulary)
        encode = library.text.encode if vocabulary.model == "gpt2" else library.processor.encode
        for kind, parts in texts.items():
            frames = [part.encode() for part in parts]
            size = sum(map(len, frames))
            seconds = tests.run_tool(vocabulary.path, frames, "--repeat", str(options.repeat)).stdout.split()
            ours = size / sum(map(float, seconds)) / 1e6
            theirs = size / best(lambda: [encode(part) for part in parts], options.repeat) / 1e6
            short = vocabulary.name.split(".")[0]
            print(f"| {short} | {kind} | {ours:.1f} | {theirs:.1f} | {ours / theirs:.1f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
