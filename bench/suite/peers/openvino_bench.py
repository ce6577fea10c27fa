"""Decode and prefill of OpenVINO GenAI on a GGUF file, as JSON. Runs in the peer's own Python; see peers/optional.py.

    openvino_bench.py MODEL THREADS PROMPT TOKENS
"""
import json
import sys

import numpy as np
import openvino
import openvino_genai


def main():
    model, threads, prompt, tokens = sys.argv[1], *map(int, sys.argv[2:5])
    pipeline = openvino_genai.LLMPipeline(model, "CPU", INFERENCE_NUM_THREADS=threads, KV_CACHE_PRECISION="f16")
    config = openvino_genai.GenerationConfig()
    config.do_sample, config.ignore_eos = False, True
    rows = {}
    for length, count in ((32, 4), (prompt, 2), (32, tokens)):  # the first one warms up
        ids = np.random.default_rng(length).integers(1000, 20000, (1, length), dtype=np.int64)
        config.max_new_tokens = count
        metrics = pipeline.generate(openvino_genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(np.ones_like(ids))),
                                    config).perf_metrics
        rows[length, count] = metrics.get_ttft().mean, metrics.get_tpot().mean
    print(json.dumps({"version": openvino_genai.__version__, "prefill": prompt / rows[prompt, 2][0] * 1e3,
                      "decode": 1e3 / rows[32, tokens][1]}))


if __name__ == "__main__":
    main()
