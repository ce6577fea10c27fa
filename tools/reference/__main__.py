"""python -m tools.reference MODEL --ids 1,2,3 --out logits.npy"""
import argparse
from pathlib import Path

import numpy as np

from . import ARCHITECTURES, logits
from .weights import Weights


def main():
    parser = argparse.ArgumentParser(description="Logits of a GGUF model by a plain NumPy forward pass in F32.")
    parser.add_argument("model")
    parser.add_argument("--ids", required=True, help="token ids: 1,2,3 or @FILE with little-endian int32 numbers")
    parser.add_argument("--out", metavar="FILE.npy", help="float32 [tokens, vocabulary]")
    parser.add_argument("--greedy", type=int, default=0, metavar="N", help="also print N greedy tokens that follow")
    arguments = parser.parse_args()
    weights = Weights(arguments.model)
    if weights.architecture not in ARCHITECTURES:
        parser.error(f"no reference for {weights.architecture}; there are {', '.join(ARCHITECTURES)}")
    if arguments.ids.startswith("@"):
        ids = np.frombuffer(Path(arguments.ids[1:]).read_bytes(), "<i4").tolist()
    else:
        ids = [int(i) for i in arguments.ids.split(",")]
    rows = logits(weights, ids)
    if arguments.out:
        np.save(arguments.out, rows)
    best = np.argsort(-rows[-1])[:5]
    print("likeliest next:", ", ".join(f"{i} ({rows[-1, i]:.4f})" for i in best))
    for _ in range(arguments.greedy):
        ids.append(int(np.argmax(logits(weights, ids)[-1])))
        print(ids[-1], end=" ", flush=True)


if __name__ == "__main__":
    main()
