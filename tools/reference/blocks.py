"""The parts that architectures are made of. Everything is float32; x is [tokens, width]."""
import math

import numpy as np

F = np.float32


def rms_norm(x, weight, epsilon):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + F(epsilon)) * weight


def silu(x):
    return x / (1 + np.exp(-x))


def gelu_tanh(x):
    return F(0.5) * x * (1 + np.tanh(F(math.sqrt(2 / math.pi)) * (x + F(0.044715) * x**3)))


def rope_angles(weights, num_tokens, dim, base=None, scaled=True):
    """Cosines and sines [tokens, dim / 2] of every position, with the scaling that the file asks for.

    `rope_freqs.weight` (Llama 3.1) divides the frequencies; "linear" divides all by the factor; "yarn" (arXiv 2309.00071)
    divides slow ones, leaves fast ones, blends between, and stretches the vectors by 1 + 0.1 ln(factor).
    """
    base = base or weights.key("rope.freq_base", 10000.0)
    frequency = base ** (-np.arange(0, dim, 2, dtype=np.float64) / dim)
    stretch = 1.0
    if scaled:
        if "rope_freqs.weight" in weights:
            frequency = frequency / weights["rope_freqs.weight"]
        kind, factor = weights.key("rope.scaling.type", "none"), weights.key("rope.scaling.factor", 1.0)
        if kind == "linear":
            frequency = frequency / factor
        elif kind == "yarn":
            context = weights.key("rope.scaling.original_context_length")

            def index_that_turns(times):  # the pair whose vector turns so often within the original context
                return dim * math.log(context / (times * 2 * math.pi)) / (2 * math.log(base))

            low = max(math.floor(index_that_turns(weights.key("rope.scaling.yarn_beta_fast", 32.0))), 0)
            high = min(math.ceil(index_that_turns(weights.key("rope.scaling.yarn_beta_slow", 1.0))), dim - 1)
            slow = np.clip((np.arange(dim // 2) - low) / max(high - low, 0.001), 0, 1)
            frequency = frequency / factor * slow + frequency * (1 - slow)
            stretch = (1 + 0.1 * math.log(factor)) * weights.key("rope.scaling.attn_factor", 1.0)
    angle = np.arange(num_tokens)[:, None] * frequency
    return (np.cos(angle) * stretch).astype(F), (np.sin(angle) * stretch).astype(F)


def rope_interleaved(x, angles):
    """Rotates the pairs (2i, 2i + 1) of x [tokens, heads, dim]."""
    cos, sin = (a[:, None, :] for a in angles)
    out = np.empty_like(x)
    out[..., 0::2] = x[..., 0::2] * cos - x[..., 1::2] * sin
    out[..., 1::2] = x[..., 0::2] * sin + x[..., 1::2] * cos
    return out


def rope_halves(x, angles):
    """Rotates the pairs (i, i + dim / 2) of x [tokens, heads, dim]."""
    cos, sin = (a[:, None, :] for a in angles)
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


def attention(q, k, v, scale, window=0):
    """Causal attention. q [tokens, heads, dim], k and v [tokens, kv heads, dim]; -> [tokens, heads * dim].

    With a window a token sees itself and the window - 1 tokens before it.
    """
    tokens, heads, dim = q.shape
    group = heads // k.shape[1]
    distance = np.arange(tokens)[:, None] - np.arange(tokens)[None, :]
    hidden = (distance < 0) | (distance >= window) if window else distance < 0
    out = np.empty((tokens, heads, v.shape[2]), F)
    for h in range(heads):
        scores = q[:, h] @ k[:, h // group].T * F(scale)
        scores[hidden] = -np.inf
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        out[:, h] = scores / scores.sum(axis=-1, keepdims=True) @ v[:, h // group]
    return out.reshape(tokens, -1)


def heads_of(x, count):
    return x.reshape(x.shape[0], count, -1)


def gated_feed_forward(weights, block, x, activation):
    gate = activation(weights.linear(f"{block}.ffn_gate", x))
    return weights.linear(f"{block}.ffn_down", gate * weights.linear(f"{block}.ffn_up", x))
