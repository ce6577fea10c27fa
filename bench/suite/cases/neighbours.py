"""Two processes that compute all the time share the processors with the engine."""
import contextlib
import subprocess
import sys

from suite.cases.in_process import engine_bench, show
from suite.environment import BenchTimeout, output_of
from suite.peers import llama_cpp
from suite.results import OURS

PATIENCE = 20  # seconds for the peer, whose barriers wait for threads that do not run


@contextlib.contextmanager
def busy(count=2):
    """That many processes that never sleep, of the usual priority."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def theirs(model, threads, tokens, flash, poll):
    """Tokens per second of the peer; where it takes longer than PATIENCE, the most that it can have had."""
    command = (llama_cpp.BIN / "llama-bench", "-m", model.path, "-t", threads, "-r", 1, "--no-warmup", "-p", 0, "-n", tokens,
               "-fa", flash, "--poll", poll, "-o", "json")
    try:
        return llama_cpp.parse_bench(output_of(*command, timeout=PATIENCE))[0][-1]
    except BenchTimeout:
        return tokens / PATIENCE


def neighbours(context):
    """Decode while two other processes keep the processors busy; the peer with its barriers spinning and not"""
    tokens = context.size(24, 4)
    for model in context.real():
        with context.guard("neighbours", model), busy():
            for _ in range(context.few()):
                ours = engine_bench(model, context.threads, 32, tokens)
                context.results.add(model.key, "neighbours", OURS, ours[1])
                for poll in (0, 50):
                    rate = theirs(model, context.threads, tokens, llama_cpp.better_flash(context.results, model), poll)
                    context.results.add(model.key, "neighbours", f"{llama_cpp.THEIRS} --poll {poll}", rate)
            show(context.results, model, "neighbours")
