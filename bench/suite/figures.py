"""The figures of the table, computed from the measurements. What is wanted of each stands in bench/thresholds.toml."""
import statistics
from typing import NamedTuple

from suite.results import OURS, geomean

WIDE_TYPES = ("q4_1", "q5_k_m", "q6_k", "q8_0")  # that the peer does not repack on x86
SHARE_MODELS, PREFILL_MODELS = 0.45e9, 0.95e9    # parameters: "0.5B and more", "1B and more" as models are called


class Figure(NamedTuple):
    key: str
    title: str
    unit: str         # "×", "%" (a share of 1), "µs", "" (yes or no)
    compute: object   # (Run) -> (value, where it was found) or None


class Run(NamedTuple):
    """What the figures are computed from."""
    results: object
    models: list
    machine: object


def typical(run, measure, models=None):
    ratios = run.results.ratios(measure, run.models if models is None else models)
    return (geomean(ratios.values()), f"{len(ratios)} files" if len(ratios) > 1 else next(iter(ratios))) if ratios else None


def lowest(run, measure, models=None):
    ratios = run.results.ratios(measure, run.models if models is None else models)
    return min((ratio, key) for key, ratio in ratios.items()) if ratios else None


def inverse(found):
    """A ratio of times as "so much of the peer's", of how many times faster we are."""
    return found and (1 / found[0], found[1])


def lowest_per_type(run, measure, kinds):
    """The lowest geomean of the types; the files of each are averaged."""
    found = [(typical(run, measure, [m for m in run.models if m.kind == kind]), kind) for kind in kinds]
    found = [(value[0], kind) for value, kind in found if value]
    return min(found) if found else None


def lowest_share(run, share, smallest):
    """The lowest share of a limit among our models of a size; `share(model)` is None where it was not measured."""
    found = [(value, m.key) for m in run.models if m.parameters >= smallest and (value := share(m))]
    return min(found) if found else None


def decode_share(run, model, rate=None):
    rate, limit = rate or run.results.measured(model.key, "decode"), run.machine.bandwidth()
    return rate * model.decode_bytes / 1e9 / limit if rate and limit else None


def prefill_share(run, model, rate=None):
    """Of the int8 peak; a BF16 file's of the BF16 peak."""
    rate = rate or run.results.measured(model.key, "prefill")
    limit = run.machine.bf16_peak() if model.kind == "bf16" else run.machine.int8_peak()
    return 2 * rate * model.prompt_products / 1e12 / limit if rate and limit else None


def fact(run, name, reduce=statistics.median):
    values = run.results.facts.get(name)
    return (reduce(values), f"{len(values)} rounds" if len(values) > 1 else "one round") if values else None


def newcomer(run):
    """The highest time to first token of a newcomer beside a stream, over the same prompt's on an idle server."""
    found = []
    for model in run.models:
        beside, alone = (run.results.measured(model.key, measure) for measure in ("newcomer_ttft", "alone_ttft"))
        if beside and alone:
            found.append((beside / alone, model.key))
    return max(found) if found else None


def fact_of_models(run, name, worst):
    """The worst median of a fact that was measured for several models."""
    found = [(statistics.median(values), key.removeprefix(name + ".")) for key, values in run.results.facts.items()
             if key.startswith(name + ".")]
    return worst(found) if found else None


def resident(run):
    """Peak resident memory over the file's size, the highest."""
    found = [(run.results.measured(m.key, "rss") * 1e6 / m.size, m.key) for m in run.models if run.results.measured(m.key, "rss")]
    return max(found) if found else None


def startup(run):
    found = [(1 / ratio, key) for key, ratio in run.results.ratios("start", run.models).items()]
    return max(found) if found else None


def quantized(run):
    return [m for m in run.models if m.kind != "bf16"]


FIGURES = (
    Figure("decode_geomean", "Decode, one stream, geomean over files and types", "×", lambda r: typical(r, "decode")),
    Figure("decode_lowest", "Decode, one stream, lowest cell", "×", lambda r: lowest(r, "decode")),
    Figure("decode_bandwidth", "Decode against the read bandwidth, models from 0.5B, lowest", "%",
           lambda r: lowest_share(r, lambda m: decode_share(r, m), SHARE_MODELS)),
    Figure("prefill_geomean", "Prefill of 512, geomean over files and types", "×", lambda r: typical(r, "prefill")),
    Figure("prefill_types", "Prefill of 512, lowest of Q4_1, Q5_K, Q6_K, Q8_0", "×", lambda r: lowest_per_type(r, "prefill", WIDE_TYPES)),
    Figure("gemm_peak", "Prefill's matrix product against the int8 peak", "%", lambda r: fact(r, "gemm_share")),
    Figure("prefill_peak", "Whole prefill against the int8 peak, models from 1B, lowest", "%",
           lambda r: lowest_share(r._replace(models=quantized(r)), lambda m: prefill_share(r, m), PREFILL_MODELS)),
    *(Figure(f"clients_{n}", f"{n} clients with different prompts, tokens/s together, lowest", "×",
             lambda r, n=n: lowest(r, f"clients{n}")) for n in (2, 4, 8, 16, 32)),
    Figure("gap_worst", "Worst gap of a stream while a 4k prompt arrives, of the peer's", "×", lambda r: inverse(lowest(r, "gap_worst"))),
    Figure("gap_p99", "p99 gap of a stream while a 4k prompt arrives, of the peer's", "×", lambda r: inverse(lowest(r, "gap_p99"))),
    Figure("gap_newcomer", "The newcomer's time to first token, of the one unchunked on an idle server", "×", newcomer),
    Figure("prefix_ttft", "16 clients share a 2k prefix: median time to first token, of the peer's", "×",
           lambda r: inverse(lowest(r, "prefix_ttft"))),
    Figure("prefix_total", "16 clients share a 2k prefix: tokens/s together", "×", lambda r: lowest(r, "prefix_total")),
    Figure("context_decode", "Decode after 16k tokens", "×", lambda r: lowest(r, "context_decode")),
    Figure("context_prefill", "Prefill of 16k tokens", "×", lambda r: lowest(r, "context_prefill")),
    Figure("start", "Process start to first token, warm page cache, of the peer's, highest", "×", startup),
    Figure("rss", "Peak resident memory over the file's size, highest", "×", resident),
    Figure("http_1", "HTTP tokens/s over in-process tokens/s, 1 client, lowest", "×", lambda r: fact_of_models(r, "http_tax_1", min)),
    Figure("http_32", "HTTP tokens/s over in-process tokens/s, 32 clients, lowest", "×", lambda r: fact_of_models(r, "http_tax_32", min)),
    Figure("http_ttft", "HTTP's addition to the time to first token, median, highest", "µs", lambda r: fact_of_models(r, "http_added_ttft_us", max)),
    Figure("neighbours", "Two busy neighbours, lowest", "×", lambda r: lowest(r, "neighbours")),
    Figure("lookup", "Copy-heavy prompts, prompt lookup over without", "×", lambda r: fact(r, "lookup_speedup")),
    Figure("lookup_worst", "Other prompts, prompt lookup over without, lowest", "×", lambda r: fact(r, "lookup_other", min)),
    Figure("quality", "KL to F32 over llama.cpp's KL, highest", "×", lambda r: fact(r, "kl_ratio", max)),
    Figure("identical", "Answers identical for every batch size, thread count and cache state", "", lambda r: fact(r, "identical", min)),
    Figure("overload", "Goodput under tenfold overload, of the peak", "%", lambda r: fact(r, "overload_goodput")),
)


def all_values(run):
    """{key: (value, where)} of the figures that were measured."""
    return {figure.key: found for figure in FIGURES if (found := figure.compute(run)) is not None}


def limits_of(run, model):
    """(side, decode's share of the bandwidth, prefill's share of the peak) of ours and of the best peer."""
    rows = [(OURS, decode_share(run, model), prefill_share(run, model))]
    rates = []
    for measure in ("decode", "prefill"):
        _, values = run.results.best(model.key, measure)
        rates.append(statistics.median(values) if values else None)
    rows.append(("llama.cpp", *(share(run, model, rate) if rate else None
                                for share, rate in zip((decode_share, prefill_share), rates))))
    return rows
