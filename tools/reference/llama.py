"""llama, and mistral, tinyllama and smollm, which use its files. Conversion reorders q and k for interleaved RoPE."""
from .blocks import attention, gated_feed_forward, heads_of, rms_norm, rope_angles, rope_interleaved, silu


def forward(weights, ids):
    heads, kv_heads = weights.key("attention.head_count"), weights.key("attention.head_count_kv")
    epsilon = weights.key("attention.layer_norm_rms_epsilon")
    dim = weights.key("attention.key_length", weights.key("embedding_length") // heads)
    angles = rope_angles(weights, len(ids), dim)
    x = weights["token_embd.weight"][ids]
    for layer in range(weights.key("block_count")):
        b = f"blk.{layer}"
        h = rms_norm(x, weights[f"{b}.attn_norm.weight"], epsilon)
        q = rope_interleaved(heads_of(weights.linear(f"{b}.attn_q", h), heads), angles)
        k = rope_interleaved(heads_of(weights.linear(f"{b}.attn_k", h), kv_heads), angles)
        v = heads_of(weights.linear(f"{b}.attn_v", h), kv_heads)
        x = x + weights.linear(f"{b}.attn_output", attention(q, k, v, dim**-0.5))
        h = rms_norm(x, weights[f"{b}.ffn_norm.weight"], epsilon)
        x = x + gated_feed_forward(weights, b, h, silu)
    return weights.output(rms_norm(x, weights["output_norm.weight"], epsilon))
