"""The command line: dispatch, version, and inspect on good, damaged and hostile files."""
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "fuzz"))
import make_gguf_seeds as gguf  # noqa: E402

BINARY = os.environ.get("BOWHEAD_BIN") or ROOT / "build" / "release" / "bowhead"
MODELS = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead") / "models"


def run(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


def model(name):
    path = MODELS / name
    if not path.exists():
        pytest.skip(f"{name} is not in the cache folder; tools/fetch.py gets it")
    return path


def test_help_lists_every_command():
    result = run("--help")
    assert result.returncode == 0 and result.stderr == ""
    for name in ("serve", "chat", "generate", "inspect", "tokenize", "version"):
        assert f"\n  {name} " in result.stdout
        each = run(name, "--help")
        assert each.returncode == 0 and "Usage: bowhead" in each.stdout, name


def test_no_command_is_a_usage_error():
    result = run()
    assert result.returncode == 2 and "Usage:" in result.stderr and result.stdout == ""


@pytest.mark.parametrize("typed, meant", [("inspct", "inspect"), ("sever", "serve"), ("chatt", "chat"), ("vers", "version")])
def test_unknown_command_names_the_nearest(typed, meant):
    result = run(typed)
    assert result.returncode == 2 and f"'{meant}'" in result.stderr


def test_unknown_flag_is_a_usage_error():
    assert run("version", "--loud").returncode == 2
    assert run("inspect").returncode == 2
    assert run("inspect", "x.gguf", "--ctx", "0").returncode == 2


def test_version():
    plain = run("version")
    assert plain.returncode == 0 and plain.stdout.startswith("bowhead ") and plain.stdout.count("\n") == 1
    assert run("--version").stdout == plain.stdout
    facts = json.loads(run("version", "--json").stdout)
    assert "scalar" in facts["isa"] and "llama" in facts["architectures"]
    verbose = run("version", "--verbose").stdout
    assert facts["compiler"] in verbose and all(name in verbose for name in facts["architectures"])


def kv_bytes(tokens, bytes_per_token):
    """Blocks of 16 tokens, each an odd number of pages."""
    return tokens // 16 * (-(-16 * bytes_per_token // 4096) | 1) * 4096


def test_inspect_real_model():
    path = model("SmolLM2-135M-Instruct.Q4_1.gguf")
    report = json.loads(run("inspect", path, "--json", "--ctx", 4096).stdout)
    assert report["parameters"] == 134515008 and report["gguf_version"] == 3
    assert report["types"]["Q4_1"]["tensors"] == 210
    assert report["memory"]["context_length"] == 4096
    # 30 layers, K and V, 3 heads of 64, two bytes each.
    assert report["memory"]["kv_bytes"] == kv_bytes(4096, 30 * 2 * 3 * 64 * 2)
    assert report["memory"]["kv_type"] == "f16"
    # One byte each, and scales of four bytes: two for a key, one for a value.
    q8 = json.loads(run("inspect", path, "--json", "--ctx", 4096, "--kv-type", "q8").stdout)["memory"]
    assert (q8["kv_type"], q8["kv_bytes"]) == ("q8", kv_bytes(4096, 30 * 3 * (2 * 64 + 3 * 4)))
    refused = run("inspect", path, "--kv-type", "q4")
    assert refused.returncode == 2 and "q8" in refused.stderr
    assert report["memory"]["weight_bytes"] >= report["tensor_bytes"]
    assert report["metadata"]["llama.block_count"] == 30
    assert report["metadata"]["tokenizer.ggml.tokens"]["length"] == 49152
    assert len(report["tensors"]) == 272
    text = run("inspect", path).stdout
    assert "llama.block_count = 30" in text and "token_embd.weight" in text and "KV cache" in text
    full = json.loads(run("inspect", path, "--json", "--full", "--metadata").stdout)
    assert len(full["metadata"]["tokenizer.ggml.tokens"]) == 49152 and "tensors" not in full


def test_inspect_sections():
    path = model("SmolLM2-135M-Instruct.Q4_1.gguf")
    metadata, tensors = run("inspect", path, "--metadata").stdout, run("inspect", path, "--tensors").stdout
    assert metadata.startswith("Metadata") and "Tensors (" not in metadata
    assert tensors.startswith("Tensors") and "Metadata (" not in tensors


def test_inspect_header_of_a_cut_off_file():
    path = model("DeepSeek-R1-Distill-Qwen-7B.Q4_K_M.header.part")
    damaged = run("inspect", path)
    assert damaged.returncode == 1
    assert "4583458528 bytes further" in damaged.stderr and "--header-only" in damaged.stderr
    report = json.loads(run("inspect", path, "--header-only", "--json", "--ctx", 1024).stdout)
    assert report["parameters"] == 7615616512 and report["memory"]["kv_bytes"] == kv_bytes(1024, 28 * 2 * 4 * 128 * 2)


def test_inspect_header_only_of_a_whole_file():
    path = model("SmolLM2-135M-Instruct.Q4_1.gguf")
    assert run("inspect", path, "--header-only").returncode == 0


@pytest.mark.parametrize("content, part", [
    (b"", "is empty"), (b"GG", "too short"), (b"PK\x03\x04" + bytes(40), "zip archive"), (bytes(64), "no model file"),
    (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"), (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "claims"),
])
def test_inspect_names_what_is_wrong(tmp_path, content, part):
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    result = run("inspect", path)
    assert result.returncode == 1 and part in result.stderr and result.stdout == ""


def test_inspect_missing_file_and_folder(tmp_path):
    assert "does not exist" in run("inspect", tmp_path / "none.gguf").stderr
    assert "is a directory" in run("inspect", tmp_path).stderr


def test_inspect_does_not_obey_the_file(tmp_path):
    """Escape sequences, control characters and bytes that are no UTF-8 reach neither the terminal nor the JSON."""
    value = b"a\x1b[2Jb\x07\xc2\x9bc\xff\n"
    raw = struct.pack("<Q", len(value)) + value
    pairs = [gguf.pair("general.architecture", 8, gguf.string("unknown\x1b]0;x\x07")), gguf.pair("general.name", 8, raw)]
    path = tmp_path / "hostile.gguf"
    path.write_bytes(gguf.file(pairs, [("t", (4,), 0)]))
    text = run("inspect", path)
    assert text.returncode == 0
    assert not set(text.stdout) & {"\x1b", "\x07", "\x9b", "\xff"}
    assert "a\\x1b[2Jb\\x07\\xc2\\x9bc\\xff\\n" in text.stdout
    assert "Cannot be served" in text.stdout
    report = json.loads(run("inspect", path, "--json").stdout)
    assert report["name"].startswith("a\x1b[2Jb") and "cannot_be_served" in report
