"""Cases that a measuring program of their own does: start-up, matrix products, speculation."""
import json
import statistics
import sys

from suite.environment import BUILD, ROOT, BenchError, output_of
from suite.cases.in_process import show
from suite.results import OURS, THEIRS

# Of the matrix product's figure: a layer of a 1B model, in 4-bit and 8-bit types. Whole prompts multiply 512 columns.
GEMM = ("--types", "q4_0,q4_1,q4_k,q5_k,q6_k,q8_0", "--shapes", "2048x8192,8192x2048", "--columns", "512", "--from", "memory")


def start(context):
    """Process start to first token with the file in the page cache, and peak memory: bench/startup.py"""
    large = [m for m in context.grid() if m.key == "llama-3.2-1b.q4_k_m"]
    for model in (*context.real(), *large):
        with context.guard("start", model):
            report = json.loads(output_of(sys.executable, ROOT / "bench" / "startup.py", model.path, "--rounds", context.few(3),
                                          "--threads", context.threads))
            add_start(context.results, model.key, report)
            show(context.results, model, "start", "rss")


def add_start(results, key, report):
    """bench/startup.py's report as measures of a model."""
    for name, side in report["sides"].items():
        side_name = OURS if name == "bowhead" else name.replace("llama-server", THEIRS)
        for value in side["first_token_ms"]:
            results.add(key, "start", side_name, value)
        results.add(key, "rss", side_name, side["peak_rss_bytes"] / 1e6)


def gemm(context):
    """The matrix product of a long prompt alone against the int8 peak: bench/kernel_bench.cc"""
    print("  kernel_bench", flush=True)
    report = json.loads(output_of(BUILD / "bench" / "kernel_bench", "--threads", context.threads, *GEMM, "--ms",
                                  context.size(200, 5)))
    shares = [row["share_of_peak"] for row in report["products"]]
    if not shares:
        raise BenchError("kernel_bench measured nothing")
    context.results.add_fact("gemm_share", statistics.median(shares))
    context.results.facts["gemm"] = {f"{row['type']} {row['k']}x{row['rows']}": row["share_of_peak"] for row in report["products"]}


def lookup(context):
    """Prompt lookup over no speculation, on prompts that the answer copies and on others: bench/speculation_bench.cc"""
    for model in context.real()[:1]:
        with context.guard("lookup", model):
            report = json.loads(output_of(BUILD / "bench" / "speculation_bench", model.path, "--threads", context.threads, "--reps",
                                          context.size(3, 1), "--tokens", context.size(256, 16)))
            add_lookup(context.results, report)


def add_lookup(results, report):
    """speculation_bench's report as facts: prompts whose text the answer copies, and those it has nothing to do with."""
    if not report["same_answers"]:
        raise BenchError("speculation changed an answer")
    for row in report["cases"]:
        results.add_fact("lookup_other" if row["case"].startswith("unrelated") else "lookup_speedup", row["ratio"])
    results.facts["lookup"] = {row["case"]: row["ratio"] for row in report["cases"]}


