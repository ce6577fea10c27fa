"""Over HTTP: `bowhead serve` against `llama-server`, both with the same clients on the same processors."""
import contextlib
import json
import statistics

from suite import load
from suite.cases import ENGINE_BENCH, SERVER
from suite.cases.in_process import show
from suite.environment import WORK, BenchError, output_of, server
from suite.flood import flood
from suite.peers import llama_cpp
from suite.results import OURS

CLIENTS = (1, 2, 4, 8, 16, 32)
NEWCOMER_TOKENS, PREFIX_TOKENS = 4096, 2048


def ours(model, threads, *flags):
    """Our server. Without prompt lookup where a peer is measured, whose server has it off: greedy answers of small models
    repeat themselves, which it would profit from."""
    return server([SERVER, "serve", model.path, "--port", "PORT", "--threads", threads, *flags], "/ready")


@contextlib.contextmanager
def both(context, model, slots=0, slot_context=0):
    """((side, port), (side, port)) of the two servers, both running and warm; an idle one takes no processor time."""
    flash = llama_cpp.better_flash(context.results, model)
    theirs = server(llama_cpp.server_command(model, context.threads, flash, slots, slot_context), "/health")
    with ours(model, context.threads, "--speculate", "off") as our_port, theirs as their_port:
        sides = ((OURS, our_port), (llama_cpp.side_of(flash), their_port))
        for _, port in sides:
            load.answered(load.crowd(port, [load.body(load.prompt_text(i, 20), 8, model.banned) for i in range(2)]))
        yield sides


def bodies(model, count, words, tokens, seed, prefix=""):
    return [load.body(load.prompt_text(seed + i, words, prefix), tokens, model.banned) for i in range(count)]


def clients(context):
    """Tokens per second of 1 to 32 clients with different prompts, and the time to the first token of 500"""
    tokens, seed = context.size(64, 4), 1000
    for model in context.real():
        with context.guard("clients", model), both(context, model, 32, 512) as sides:
            for _ in range(context.few()):
                for count in context.size(CLIENTS, (1, 2)):
                    seed += 100
                    for side, port in sides:
                        length = tokens * (2 if count == 1 else 1)
                        report = load.answered(load.crowd(port, bodies(model, count, 24, length, seed)))
                        context.results.add(model.key, f"clients{count}", side, report["tokens_per_second"])
                        if side == OURS and count == max(CLIENTS):
                            context.results.add_fact("load_generator_share",
                                                     report["own_cpu_seconds"] / report["seconds"] / context.threads)
                for side, port in sides:
                    report = load.answered(load.crowd(port, bodies(model, 1, context.size(490, 20), 4, seed + 90)))
                    context.results.add(model.key, "ttft", side, report["ttft_ms"]["p50"])
            show(context.results, model, *(f"clients{count}" for count in CLIENTS), "ttft")


def tax(context):
    """What HTTP costs: tokens per second over it and in process, at 1 and 32 clients, and the added time to first token"""
    tokens, file = context.size(96, 8), WORK / "prompts.txt"
    large = [m for m in context.grid() if m.key == "llama-3.2-1b.q4_k_m"]
    for model in (*context.real(), *large):
        with context.guard("tax", model), ours(model, context.threads) as port:
            load.answered(load.crowd(port, bodies(model, 2, 20, 8, 1)))
            for number in range(context.few(3 if model.real else 1)):
                seed = 5000 + 1000 * number
                for count in context.size((1, 32), (1,)):
                    length = tokens * (4 if count == 1 else 1)
                    inside, over = both_ways(context, model, port, file, [load.prompt_text(seed + i, 12) for i in range(count)], length, count)
                    context.results.add_fact(f"http_tax_{count}.{model.key}", over["tokens_per_second_from_first"] / inside["tokens_per_second"])
                texts = [load.prompt_text(seed + 100 + i, 12) for i in range(context.size(60, 4))]
                inside, over = both_ways(context, model, port, file, texts, 2, 1)
                context.results.add_fact(f"http_added_ttft_us.{model.key}", 1e3 * (over["ttft_ms"]["p50"] - inside["first_token_ms"]))


def both_ways(context, model, port, file, texts, tokens, clients):
    """The same prompts, sampled in the same way, through the engine in process and over HTTP."""
    file.write_text("".join(text + "\n" for text in texts))
    report = json.loads(output_of(ENGINE_BENCH, model.path, "--threads", context.threads, "--engine-only", "--reps",
                                  len(texts) // clients, "--sequences", clients, "--steps", tokens, "--prompt-file", file))
    requests = [json.dumps({"model": "default", "prompt": text, "max_tokens": tokens, "temperature": 1, "seed": i % clients,
                            "ignore_eos": True, "stream": True}) for i, text in enumerate(texts)]
    return report["engine"][0], load.answered(load.crowd(port, requests, clients))


def gap(context):
    """Gaps between the tokens of a running stream while a prompt of 4k tokens arrives; the newcomer's first token"""
    words = context.size(4080, 60)
    for model in context.real():
        with context.guard("gap", model), both(context, model) as sides:
            for number in range(context.few()):
                for side, port in sides:
                    alone = load.one(port, load.body(load.prompt_text(7000 + number, words), 2, model.banned))
                    context.results.add(model.key, "alone_ttft", side, alone.ttft_ms())
                    worst, p99, ttft = arrival(port, model, 8000 + number, words, context.size(3000, 40))
                    context.results.add(model.key, "gap_worst", side, worst)
                    context.results.add(model.key, "gap_p99", side, p99)
                    context.results.add(model.key, "newcomer_ttft", side, ttft)
            show(context.results, model, "gap_worst", "gap_p99", "newcomer_ttft", "alone_ttft")


def arrival(port, model, seed, words, tokens):
    """(worst gap, p99 gap, time to first token) in ms of a stream and of a long prompt that arrives beside it."""
    running = load.Stream(port, load.body(load.prompt_text(seed, 16), tokens, model.banned))
    running.start()
    running.wait(running.first, 120)
    newcomer = load.Stream(port, load.body(load.prompt_text(seed + 500, words), 2, model.banned))
    newcomer.start()
    newcomer.wait(newcomer.ended, 900)
    running.stop()
    running.wait(running.ended, 120)
    if not newcomer.times or not running.times:
        raise BenchError("a stream had no token")
    gaps = load.gaps_ms(running.times, newcomer.started, newcomer.times[0])
    if not gaps:
        raise BenchError("the running stream ended before the newcomer's first token")
    return max(gaps), load.quantile(gaps, 0.99), newcomer.ttft_ms()


def prefix(context):
    """16 clients whose prompts share their first 2k tokens: median time to first token, and tokens per second together"""
    count, tokens = context.size(16, 2), context.size(32, 4)
    for model in context.real()[:1]:
        with context.guard("prefix", model), both(context, model, count, 4096) as sides:
            for number in range(context.few(1)):
                shared = load.prompt_text(20_000 + number, context.size(2040, 40))
                for side, port in sides:
                    report = load.answered(load.crowd(port, bodies(model, count, 16, tokens, 21_000 + 100 * number, shared)))
                    context.results.add(model.key, "prefix_ttft", side, report["ttft_ms"]["p50"])
                    context.results.add(model.key, "prefix_total", side, report["tokens_per_second"])
            show(context.results, model, "prefix_ttft", "prefix_total")


def overload(context):
    """Requests at ten times the rate that the server can answer: answered tokens per second over those at its best"""
    running, tokens = context.size(16, 2), context.size(32, 4)
    for model in context.real()[:1]:
        flags = ("--max-running", running, "--max-queue", running, "--speculate", "off")
        with context.guard("overload", model), ours(model, context.threads, *flags) as port:
            for number in range(context.few()):
                seed = 30_000 + 10_000 * number
                best = load.answered(load.crowd(port, bodies(model, 8 * running, 16, tokens, seed), clients=running))
                rate = 10 * best["tokens_per_second"] / tokens
                texts = [load.body(load.prompt_text(seed + 1000 + i, 16), tokens, model.banned, stream=False)
                         for i in range(int(rate * context.size(5, 0.5)))]
                add_overload(context.results, *flood(port, texts, rate), best["tokens_per_second"])


def add_overload(results, replies, seconds, best):
    refused = [reply for reply in replies if reply.status == 429]
    if other := {reply.status for reply in replies} - {200, 429}:
        raise BenchError(f"under overload {other} came instead of 200 or 429 (0: a connection broke)")
    if not all(reply.retry_after for reply in refused):
        raise BenchError("a 429 without Retry-After")
    results.add_fact("overload_goodput", sum(reply.tokens for reply in replies) / seconds / best)
    results.add_fact("overload_refused_share", len(refused) / len(replies))
    if refused:
        results.add_fact("overload_refusal_ms", statistics.median(reply.seconds for reply in refused) * 1e3)
