#!/usr/bin/env python3
"""gRPC against REST on the same work: one server, the two load programs in turn, medians of their rounds.

    bench/grpc_against_rest.py [--rounds 4] [--model MODEL]

Needs build/release with -DBOWHEAD_BENCH=ON. Both send the same prompts, streamed, greedy, end tokens ignored.
"""
import argparse
import json
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "release"
TOKENS = 128


def prompts(folder, count):
    path = Path(folder) / f"{count}.jsonl"
    path.write_text("".join(json.dumps({
        "prompt": f"Story number {i}: once upon a time there was a whale who", "max_tokens": TOKENS, "temperature": 0,
        "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True}}) + "\n" for i in range(count)))
    return path


def measure(program, *flags):
    run = subprocess.run([BUILD / "bench" / program, *map(str, flags)], capture_output=True, text=True, check=True)
    result = json.loads(run.stdout)
    ttft = result["ttft_p50_ms"] if "ttft_p50_ms" in result else result["ttft_ms"]["p50"]
    return result["tokens_per_second"], ttft, result["own_cpu_seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--model", default=str(Path.home() / ".cache/bowhead/models/SmolLM2-135M-Instruct.Q4_1.gguf"))
    options = parser.parse_args()
    server = subprocess.Popen([BUILD / "bowhead", "serve", options.model, "--port", "0"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    try:
        url = next(found.group(1) for line in server.stderr if (found := re.search(r"url=(\S+)", line)))
        server.stdout.readline()  # ready
        port = url.rsplit(":", 1)[1]
        print("| clients | | tokens/s | to the first token, ms | client's processor, s |\n|---|---|---|---|---|")
        with tempfile.TemporaryDirectory() as folder:
            for clients, requests in ((1, 8), (8, 16)):
                rest_flags = ("--url", url + "/v1/completions", "--clients", clients, "--requests", requests,
                              "--prompt-file", prompts(folder, requests))
                grpc_flags = ("--port", port, "--clients", clients, "--requests", requests, "--max-tokens", TOKENS)
                measure("http_load", *rest_flags)  # the prompts are in the cache from here on, for both
                rounds = [(measure("http_load", *rest_flags), measure("grpc_load", *grpc_flags))
                          for _ in range(options.rounds)]
                for name, side in (("REST", 0), ("gRPC", 1)):
                    speed, ttft, cpu = (statistics.median(each[side][i] for each in rounds) for i in range(3))
                    print(f"| {clients} | {name} | {speed:.1f} | {ttft:.3f} | {cpu:.2f} |")
                ratio = statistics.median(each[1][0] / each[0][0] for each in rounds)
                added = statistics.median(each[1][1] - each[0][1] for each in rounds)
                print(f"| {clients} | gRPC against REST | {ratio:.3f}× | {added:+.3f} | |", flush=True)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
