"""What was measured: numbers per model, measure and side, kept as JSON so that a later run can be compared."""
import json
import math
import statistics
from typing import NamedTuple

OURS, THEIRS = "bowhead", "llama.cpp"
VERSION = 1  # of the JSON


class Measure(NamedTuple):
    """Something that is measured on both sides in the same unit."""
    title: str
    unit: str = "tokens/s"
    lower_is_better: bool = False


MEASURES = {
    "decode": Measure("Decode, one stream"),
    "prefill": Measure("Prefill, 512 tokens"),
    "batch8": Measure("Decode in process, 8 sequences"),
    **{f"clients{n}": Measure(f"{n} client{'s' * (n > 1)} over HTTP, different prompts") for n in (1, 2, 4, 8, 16, 32)},
    "ttft": Measure("Time to first token over HTTP, prompt of about 500 tokens", "ms", True),
    "gap_worst": Measure("Worst gap of a stream while a 4k prompt arrives", "ms", True),
    "gap_p99": Measure("p99 gap of a stream while a 4k prompt arrives", "ms", True),
    "newcomer_ttft": Measure("The 4k newcomer's time to first token", "ms", True),
    "alone_ttft": Measure("The same prompt's on an idle server", "ms", True),
    "prefix_ttft": Measure("16 clients sharing a 2k prefix: median time to first token", "ms", True),
    "prefix_total": Measure("16 clients sharing a 2k prefix: together"),
    "context_decode": Measure("Decode after 16k tokens"),
    "context_prefill": Measure("Prefill of 16k tokens"),
    "start": Measure("Process start to first token", "ms", True),
    "rss": Measure("Peak resident memory", "MB", True),
    "neighbours": Measure("Decode beside two busy processes"),
}


class Results:
    """values[model][measure][side] is a list of numbers; a side is `bowhead`, or a peer's name with its flags. facts[name] is
    a list of numbers too, or a table. Numbers of an earlier run (from_json) give way to the first new one of their kind."""

    def __init__(self):
        self.values, self.facts, self.errors, self.skipped = {}, {}, [], []
        self._of_this_run = set()

    def add(self, model, measure, side, value):
        self._list(self.values.setdefault(model, {}).setdefault(measure, {}), side, (model, measure, side)).append(value)

    def add_fact(self, name, value):
        self._list(self.facts, name, name).append(value)

    def _list(self, holder, key, tag):
        if tag not in self._of_this_run:
            self._of_this_run.add(tag)
            holder[key] = []
        return holder[key]

    def measure_again(self, cases):
        """Forgets what earlier runs of the cases could not measure."""
        self.errors = [e for e in self.errors if e["case"] not in cases]
        if "peers" in cases:
            self.skipped = []

    def error(self, case, model, message):
        self.errors.append({"case": case, "model": model, "message": message})

    def ours(self, model, measure):
        return self.values.get(model, {}).get(measure, {}).get(OURS, [])

    def best(self, model, measure, peer=THEIRS):
        """The peer's side with the best median and its samples; (None, []) if it was not measured."""
        sides = {s: v for s, v in self.values.get(model, {}).get(measure, {}).items() if s.split(" ")[0] == peer and v}
        pick = min if MEASURES[measure].lower_is_better else max
        return pick(sides.items(), key=lambda item: statistics.median(item[1])) if sides else (None, [])

    def ratio(self, model, measure, peer=THEIRS):
        """How many times better ours is (below 1: worse), or None."""
        ours, (_, theirs) = self.ours(model, measure), self.best(model, measure, peer)
        if not ours or not theirs or not statistics.median(theirs) or not statistics.median(ours):
            return None
        ratio = statistics.median(ours) / statistics.median(theirs)
        return 1 / ratio if MEASURES[measure].lower_is_better else ratio

    def ratios(self, measure, models):
        """{model key: ratio} of those of the models that have one."""
        found = {m.key: self.ratio(m.key, measure) for m in models}
        return {key: ratio for key, ratio in found.items() if ratio}

    def measured(self, model, measure):
        """The median of ours, or None."""
        values = self.ours(model, measure)
        return statistics.median(values) if values else None

    def peers(self):
        """Names of all sides that are not ours, without flags."""
        sides = (side for measures in self.values.values() for by_side in measures.values() for side in by_side)
        return sorted({side.split(" ")[0] for side in sides} - {OURS})

    def to_json(self, **more):
        return json.dumps({"version": VERSION, "values": self.values, "facts": self.facts, "errors": self.errors,
                           "skipped": self.skipped, **more}, indent=1)


def from_json(text):
    """(results, the rest of the document)"""
    document = json.loads(text)
    if document.get("version") != VERSION:
        raise ValueError(f"results of version {document.get('version')}, not {VERSION}: measure again")
    results = Results()
    results.values, results.facts, results.errors, results.skipped = (document.pop(k) for k in ("values", "facts", "errors", "skipped"))
    return results, document


def geomean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def spread(values, digits=0):
    """Median (lowest–highest)."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})" if values else "–"


def compared(old, new):
    """Lines of (model, measure, old median, new median, new over old as better-than), of what both runs measured."""
    lines = []
    for model, measures in new.values.items():
        for measure in measures:
            before, after = old.measured(model, measure), new.measured(model, measure)
            if before and after and measure in MEASURES:
                change = before / after if MEASURES[measure].lower_is_better else after / before
                lines.append((model, measure, before, after, change))
    return lines
