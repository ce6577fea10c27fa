"""Decode and prefill without a server: bench/engine_bench.cc against llama-bench and llama-batched-bench."""
import json

from suite import models as model_files
from suite.cases import ENGINE_BENCH
from suite.environment import output_of
from suite.peers import llama_cpp
from suite.results import OURS

DEPTH = 32       # tokens in the cache when decoding starts
SHORT = 32       # of a prompt that is not measured
CONTEXT = 16384  # of the case of long prompts
CONTEXT_LAYERS = 4  # of the 1B model: the peer takes ten minutes for one prompt of 16k tokens in all its layers


def engine_bench(model, threads, prompt, tokens, sequences=(1,), depth=DEPTH, timeout=900):
    """{"prefill": tokens per second, sequences: tokens per second}"""
    report = json.loads(output_of(ENGINE_BENCH, model.path, "--threads", threads, "--reps", 1, "--prefill", prompt, "--sequences",
                                  ",".join(map(str, sequences)), "--context", depth, "--steps", tokens, timeout=timeout))
    return {"prefill": report["prefill"][0]["tokens_per_second"]} | {r["sequences"]: r["tokens_per_second"] for r in report["decode"]}


def show(results, model, *measures):
    for measure in measures:
        if ratio := results.ratio(model.key, measure):
            side, theirs = results.best(model.key, measure)
            print(f"    {measure}: {results.measured(model.key, measure):.1f} against {sorted(theirs)[len(theirs) // 2]:.1f} "
                  f"({side}): {ratio:.2f}×", flush=True)


def real(context):
    """Decode and prefill of the real models, and eight sequences at once; the peer with two sizes of batch"""
    prompt, tokens = context.size(512, 64), context.size(128, 8)
    for model in context.real():
        with context.guard("real", model):
            for _ in range(context.rounds):
                ours = engine_bench(model, context.threads, prompt, tokens, (1, 8))
                for measure, key in (("decode", 1), ("prefill", "prefill"), ("batch8", 8)):
                    context.results.add(model.key, measure, OURS, ours[key])
                for row in llama_cpp.bench(model, context.threads, prompt, tokens, ubatch=(128, 512)):
                    context.results.add(model.key, *row)
                flash = llama_cpp.better_flash(context.results, model)
                row = llama_cpp.batched(model, context.threads, flash, DEPTH, tokens, 8)
                context.results.add(model.key, "batch8", llama_cpp.side_of(flash), row["speed_tg"])
            show(context.results, model, "decode", "prefill", "batch8")


def grid(context):
    """Decode and prefill of files with random weights: real shapes in every element type"""
    prompt, tokens = context.size(512, 32), context.size(32, 4)
    for model in context.grid():
        with context.guard("grid", model):
            for number in range(context.rounds + 1):
                # The prompt once, with both settings: a cell takes half a minute even so. Decoding in every round,
                # since it follows the memory's speed, which changes with what else runs on the host.
                length, flash = (prompt, (0, 1)) if number == 0 else (0, (llama_cpp.better_flash(context.results, model, "decode"),))
                ours = engine_bench(model, context.threads, length or SHORT, tokens)
                context.results.add(model.key, "decode", OURS, ours[1])
                if length:
                    context.results.add(model.key, "prefill", OURS, ours["prefill"])
                for row in llama_cpp.bench(model, context.threads, length, tokens, flash):
                    context.results.add(model.key, *row)
            show(context.results, model, "decode", "prefill")


def context(context):
    """A prompt of 16k tokens and decoding after it: the 1B shape in its first layers"""
    model = model_files.random_model("llama-3.2-1b", "q4_k_m", CONTEXT_LAYERS)
    depth, tokens = context.size(CONTEXT, 512), context.size(32, 4)
    with context.guard("context", model):
        ours = engine_bench(model, context.threads, depth, tokens, depth=depth)
        context.results.add(model.key, "context_prefill", OURS, ours["prefill"])
        context.results.add(model.key, "context_decode", OURS, ours[1])
        row = llama_cpp.batched(model, context.threads, 1, depth, tokens)
        context.results.add(model.key, "context_prefill", llama_cpp.side_of(1), row["speed_pp"])
        context.results.add(model.key, "context_decode", llama_cpp.side_of(1), row["speed_tg"])
        show(context.results, model, "context_prefill", "context_decode")
