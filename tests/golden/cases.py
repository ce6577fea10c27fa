"""What the golden numbers cover; record.py and tests/e2e/test_logits.py agree on it here."""
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead")
SHAPES = ("tiny-llama", "tiny-llama-linear", "tiny-qwen2", "tiny-qwen2-yarn", "tiny-qwen3", "tiny-gemma3")
TYPES = ("f32", "f16", "bf16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "iq4_nl", "q2_k", "q3_k_m", "q4_k_m", "q5_k_m", "q6_k")
POSITIONS = (0, 100, 399)  # whose rows are checked in; the others are compared with a fresh run of the reference
LENGTH = 400               # tokens of the tiny models' sequence: 25 KV blocks, 25 windows of tiny-gemma3
REAL = {"smollm2": "SmolLM2-135M-Instruct.Q4_1.gguf", "gemma3": "gemma-3-270m.Q4_K_M.gguf"}
SEQUENCE = 1024            # tokens of each real sequence: twice Gemma's window; there are two


def tiny_ids():
    return np.random.default_rng(20261124).integers(0, 269, LENGTH).astype("<i4")


def tiny_model(shape, kind):
    """The model's file in the cache folder, made when it is missing or made by an older make_model.py."""
    maker = ROOT / "tools" / "make_model.py"
    version = hashlib.sha256(maker.read_bytes()).hexdigest()[:12]
    path = CACHE / "tiny" / version / f"{shape}.{kind}.gguf"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, maker, shape, "--type", kind, "-o", path], check=True, stdout=subprocess.DEVNULL)
    return path


def real_model(name):
    return CACHE / "models" / REAL[name]


def real_ids(name):
    """[2, SEQUENCE] token ids of our own text, recorded with llama.cpp's tokenizer."""
    return np.fromfile(GOLDEN / f"ids_{name}.bin", "<i4").reshape(-1, SEQUENCE)
