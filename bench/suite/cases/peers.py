"""Engines other than llama.cpp, on the files that they load."""
from suite.cases.in_process import engine_bench
from suite.environment import BenchError
from suite.peers import optional
from suite.results import OURS

GRID = ("llama-3.2-1b.q8_0",)  # of the files with random weights


def peers(context):
    """Decode and prefill of other engines, where they are installed and load the file"""
    prompt, tokens = context.size(512, 32), context.size(64, 4)
    for peer in optional.installed(context.results):
        for model in (*context.real(), *(m for m in context.grid() if m.key in GRID)):
            if model.kind not in peer.kinds:
                continue
            with context.guard("peers", model):
                for _ in range(context.few() if model.real else 1):
                    try:
                        theirs = optional.measure(peer, model, context.threads, prompt, tokens)
                    except BenchError as error:  # what it does not load is no failure of ours
                        context.results.skipped.append(f"{peer.title} does not run {model.title}: {str(error).splitlines()[-1][:200]}")
                        break
                    ours = engine_bench(model, context.threads, prompt, tokens)
                    context.results.add(model.key, "decode", OURS, ours[1])
                    context.results.add(model.key, "prefill", OURS, ours["prefill"])
                    for measure, value in theirs.items():
                        context.results.add(model.key, measure, peer.name, value)
