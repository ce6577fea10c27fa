"""Speculation over the real binary: the same text with every drafter, and refusals that say what to do."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BOWHEAD_BIN") or ROOT / "build" / "release" / "bowhead"
MODELS = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead") / "models"
PROMPT = "Say it three times. one two three four five six seven eight. one two three four five six seven eight. one two"


def model(name):
    path = MODELS / name
    if not path.exists():
        pytest.skip(f"{name} is not in the cache folder; tools/fetch.py gets it")
    return path


def generate(*arguments):
    command = [BINARY, "generate", "--quiet", "-m", model("SmolLM2-135M-Instruct.Q4_1.gguf"), "--ctx", "512", "-p", PROMPT,
               "--max-tokens", "32", "--ignore-eos", "--seed", "7", *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=180, check=False)


@pytest.mark.parametrize("temperature", ["0", "0.8"])
def test_the_text_is_the_same_with_every_drafter(temperature):
    plain = generate("--temp", temperature, "--speculate", "off")
    assert plain.returncode == 0, plain.stderr
    draft = model("SmolLM2-135M-Instruct.Q4_1.gguf")  # it drafts for itself
    for flags in [(), ("--speculate", "lookup", "--draft-max", "5"), ("--speculate", "draft", "--draft-model", draft)]:
        assert generate("--temp", temperature, *flags).stdout == plain.stdout, flags


@pytest.mark.parametrize("flags, part", [
    (("--speculate", "draft"), "--draft-model"),
    (("--speculate", "off", "--draft-model", BINARY), "has no use"),
    (("--draft-model", "/nonexistent.gguf"), "/nonexistent.gguf"),
    (("--draft-max", "0"), "--draft-max"),
    (("--speculate", "sometimes"), "--speculate"),
    (("--draft-model", BINARY), "draft model"),
])
def test_refusals_say_what_to_do(flags, part):
    result = generate(*flags)
    assert result.returncode != 0 and part in result.stderr


def test_a_draft_model_needs_the_same_vocabulary():
    result = generate("--draft-model", model("gemma-3-270m.Q4_K_M.gguf"))
    assert result.returncode != 0 and "another vocabulary" in result.stderr
