"""Two processes that compute all the time share the processors with the engine."""
import contextlib
import subprocess
import sys

from suite.cases.in_process import engine_bench, show
from suite.environment import output_of
from suite.peers import llama_cpp
from suite.results import OURS


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


def neighbours(context):
    """Decode while two other processes keep the processors busy; the peer with its barriers spinning and not"""
    tokens = context.size(32, 4)
    for model in context.real():
        with context.guard("neighbours", model), busy():
            for _ in range(context.few(3)):
                ours = engine_bench(model, context.threads, 32, tokens)
                context.results.add(model.key, "neighbours", OURS, ours[1])
                for poll in (0, 50):
                    text = output_of(llama_cpp.BIN / "llama-bench", "-m", model.path, "-t", context.threads, "-r", 1, "-p", 0,
                                     "-n", tokens, "-fa", llama_cpp.better_flash(context.results, model), "--poll", poll, "-o", "json")
                    context.results.add(model.key, "neighbours", f"{llama_cpp.THEIRS} --poll {poll}", llama_cpp.parse_bench(text)[0][-1])
            show(context.results, model, "neighbours")
