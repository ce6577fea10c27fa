"""A plain NumPy forward pass in F32, the independent reference for logits.

Written to be checked by eye, not to be fast: no cache, no batching, one sequence at a time, weights dequantized by the
`gguf` package. One file per architecture; blocks.py holds what they share. `python -m tools.reference --help`.
"""
from . import gemma3, llama, qwen2, qwen3
from .weights import Weights

ARCHITECTURES = {"llama": llama.forward, "qwen2": qwen2.forward, "qwen3": qwen3.forward, "gemma3": gemma3.forward}


def logits(path_or_weights, ids):
    """Logits [len(ids), vocab] after each token of one sequence that starts at position 0."""
    weights = path_or_weights if isinstance(path_or_weights, Weights) else Weights(path_or_weights)
    return ARCHITECTURES[weights.architecture](weights, ids)
