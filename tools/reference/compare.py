"""How far one engine's logits are from the reference's."""
from typing import NamedTuple

import numpy as np


class Difference(NamedTuple):
    kl: float          # mean over positions of KL(reference || other), in nats
    top1: float        # share of positions with the same likeliest token
    max_error: float   # largest absolute difference of two logits


def log_softmax(rows):
    rows = rows.astype(np.float64) - rows.max(axis=-1, keepdims=True)
    return rows - np.log(np.exp(rows).sum(axis=-1, keepdims=True))


def difference(reference, other, rows_at_once=64):
    """Compares two arrays [positions, vocabulary]; memory maps are read in pieces."""
    if reference.shape != other.shape:
        raise ValueError(f"logits have the shapes {reference.shape} and {other.shape}")
    kl = top1 = error = 0.0
    for start in range(0, len(reference), rows_at_once):
        a, b = reference[start:start + rows_at_once], other[start:start + rows_at_once]
        if not np.isfinite(b).all():
            raise ValueError(f"logits that are not finite at positions {start} to {start + len(b) - 1}")
        p, q = log_softmax(a), log_softmax(b)
        kl += float((np.exp(p) * (p - q)).sum())
        top1 += float((a.argmax(axis=-1) == b.argmax(axis=-1)).sum())
        error = max(error, float(np.abs(a - b).max()))
    return Difference(kl / len(reference), top1 / len(reference), error)
