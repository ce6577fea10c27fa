"""qwen3: RMS norms of each head's q and k before RoPE, no biases, and heads whose width is not embedding / heads."""
from .blocks import attention, gated_feed_forward, heads_of, rms_norm, rope_angles, rope_halves, silu


def forward(weights, ids):
    heads, kv_heads = weights.key("attention.head_count"), weights.key("attention.head_count_kv")
    epsilon = weights.key("attention.layer_norm_rms_epsilon")
    dim = weights.key("attention.key_length", weights.key("embedding_length") // heads)
    angles = rope_angles(weights, len(ids), dim)
    x = weights["token_embd.weight"][ids]
    for layer in range(weights.key("block_count")):
        b = f"blk.{layer}"
        h = rms_norm(x, weights[f"{b}.attn_norm.weight"], epsilon)
        q = rms_norm(heads_of(weights.linear(f"{b}.attn_q", h), heads), weights[f"{b}.attn_q_norm.weight"], epsilon)
        k = rms_norm(heads_of(weights.linear(f"{b}.attn_k", h), kv_heads), weights[f"{b}.attn_k_norm.weight"], epsilon)
        v = heads_of(weights.linear(f"{b}.attn_v", h), kv_heads)
        mixed = attention(rope_halves(q, angles), rope_halves(k, angles), v, dim**-0.5)
        x = x + weights.linear(f"{b}.attn_output", mixed)
        h = rms_norm(x, weights[f"{b}.ffn_norm.weight"], epsilon)
        x = x + gated_feed_forward(weights, b, h, silu)
    return weights.output(rms_norm(x, weights["output_norm.weight"], epsilon))
