"""gemma3: scaled embeddings, norms before and after each block, q/k norms, GELU, and five windowed layers to one global.

Windowed layers use RoPE base 10,000 without scaling. Conversion has added 1 to the norm weights.
"""
from .blocks import F, attention, gated_feed_forward, gelu_tanh, heads_of, rms_norm, rope_angles, rope_halves

PATTERN = 6  # each sixth layer sees everything


def forward(weights, ids):
    heads, kv_heads = weights.key("attention.head_count"), weights.key("attention.head_count_kv")
    epsilon, width = weights.key("attention.layer_norm_rms_epsilon"), weights.key("embedding_length")
    dim = weights.key("attention.key_length", width // heads)
    window = weights.key("attention.sliding_window")
    everywhere = rope_angles(weights, len(ids), dim)
    nearby = rope_angles(weights, len(ids), dim, base=weights.key("rope.freq_base_swa", 10000.0), scaled=False)
    x = weights["token_embd.weight"][ids] * F(width**0.5)
    for layer in range(weights.key("block_count")):
        b = f"blk.{layer}"
        is_global = (layer + 1) % PATTERN == 0
        angles = everywhere if is_global else nearby
        h = rms_norm(x, weights[f"{b}.attn_norm.weight"], epsilon)
        q = rms_norm(heads_of(weights.linear(f"{b}.attn_q", h), heads), weights[f"{b}.attn_q_norm.weight"], epsilon)
        k = rms_norm(heads_of(weights.linear(f"{b}.attn_k", h), kv_heads), weights[f"{b}.attn_k_norm.weight"], epsilon)
        v = heads_of(weights.linear(f"{b}.attn_v", h), kv_heads)
        mixed = attention(rope_halves(q, angles), rope_halves(k, angles), v, dim**-0.5, 0 if is_global else window)
        x = x + rms_norm(weights.linear(f"{b}.attn_output", mixed), weights[f"{b}.post_attention_norm.weight"], epsilon)
        h = rms_norm(x, weights[f"{b}.ffn_norm.weight"], epsilon)
        h = gated_feed_forward(weights, b, h, gelu_tanh)
        x = x + rms_norm(h, weights[f"{b}.post_ffw_norm.weight"], epsilon)
    return weights.output(rms_norm(x, weights["output_norm.weight"], epsilon))
