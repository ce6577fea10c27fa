"""The results as Markdown: the table of figures, the machine, and every cell."""
import datetime
import statistics

from suite import figures as all_figures
from suite import machine as machines
from suite.peers import llama_cpp
from suite.results import MEASURES, OURS, THEIRS, spread

BEGIN, END = "<!-- measured by bench/run.py: begin -->", "<!-- measured by bench/run.py: end -->"


def table(head, rows):
    """A Markdown table."""
    def line(cells):
        return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"

    return "\n".join([line(head), "|" + "---|" * len(head), *map(line, rows)])


def shown(value, unit):
    """A figure's value with its unit."""
    if value is None:
        return "–"
    if unit == "":
        return "yes" if value else "no"
    if unit == "%":
        return f"{value:.0%}"
    if unit == "µs":
        return f"{value:.0f} µs"
    return f"{value:.3f}×" if value < 0.1 or 0.9 < value < 1.1 else f"{value:.2f}×"


def wanted(value, unit, lower):
    return "" if value is None else ("yes" if unit == "" else f"{'≤' if lower else '≥'} " + shown(value, unit).replace(".00×", "×").replace("00×", "×"))


def figure_rows(values, thresholds):
    rows = []
    for figure in all_figures.FIGURES:
        limit = thresholds[figure.key]
        value, where = values.get(figure.key, (None, ""))
        rows.append((figure.title, wanted(limit.must, figure.unit, limit.lower_is_better),
                     wanted(limit.aim, figure.unit, limit.lower_is_better), shown(value, figure.unit), where,
                     limit.verdict(value) if value is not None else "not measured"))
    return rows


def figure_table(values, thresholds):
    return table(("figure", "must", "aim", "measured", "where", "result"), figure_rows(values, thresholds))


def machine_lines(machine):
    lines = [*machines.facts(machine.threads), f"Bowhead at commit {machines.commit()}; {llama_cpp.VERSION}"]
    for key, title, unit in machines.LIMITS:
        if values := machine.all_of(key):
            lines.append(f"{title.replace('N threads', f'{machine.threads} threads')}, {unit}: {spread(values, 2)} in {len(values)} probes")
    lines.append(f"Clock drift between probes: {machine.drift():.1%}; time stolen by the host: {machine.stolen():.2f} s")
    if machine.drift() > machines.MAX_DRIFT:
        lines.append("**The clock drifted by more than 5 %: only the ratios count, and those with caution.**")
    return "\n".join(f"- {line}" for line in lines)


def cell_rows(run, measure):
    """A row per model of one measure."""
    results, rows = run.results, []
    for model in run.models:
        ours, (side, theirs), ratio = results.ours(model.key, measure), results.best(model.key, measure), results.ratio(model.key, measure)
        if not ours and not theirs:
            continue
        digits, share = int(statistics.median(ours or theirs) < 100), ""
        if measure in ("decode", "prefill"):
            shares = [row[1 if measure == "decode" else 2] for row in all_figures.limits_of(run, model)]
            share = " / ".join("–" if s is None else f"{s:.0%}" for s in shares)
        rows.append((model.title, spread(ours, digits), spread(theirs, digits), (side or "")[len(THEIRS):].strip(),
                     f"{ratio:.2f}×" if ratio else "–", *([share] if measure in ("decode", "prefill") else [])))
    return rows


def cell_sections(run):
    parts = []
    for measure, about in MEASURES.items():
        if rows := cell_rows(run, measure):
            share = {"decode": ("of the read bandwidth, ours / theirs",), "prefill": ("of the peak, ours / theirs",)}.get(measure, ())
            parts.append(f"### {about.title}, {about.unit}\n\n"
                         + table(("model", "Bowhead", "llama.cpp", "its flags", "ratio", *share), rows))
    return parts


def peer_section(run):
    """Other peers, where one was installed: the measures that it has."""
    rows = []
    for peer in run.results.peers():
        if peer == THEIRS:
            continue
        for model in run.models:
            for measure in run.results.values.get(model.key, {}):
                side, values = run.results.best(model.key, measure, peer)
                if values and (ratio := run.results.ratio(model.key, measure, peer)):
                    rows.append((side, model.title, f"{MEASURES[measure].title}, {MEASURES[measure].unit}", spread(run.results.ours(model.key, measure), 1),
                                 spread(values, 1), f"{ratio:.2f}×"))
    lines = [f"- {line}" for line in run.results.skipped]
    if not rows and not lines:
        return []
    return ["### Other peers\n\n" + "\n\n".join(([table(("peer", "model", "measure", "Bowhead", "peer", "ratio"), rows)] if rows else [])
                                                  + (["\n".join(lines)] if lines else []))]


def other_lines(results):
    """Facts that belong to no table."""
    lines = []
    if share := results.facts.get("load_generator_share"):
        lines.append(f"The load generator itself took {statistics.median(share):.1%} of the processors at 32 clients.")
    for key in sorted(k for k in results.facts if k.startswith("http_added_ttft_us.")):
        model = key.split(".", 1)[1]
        one, many = (statistics.median(results.facts.get(f"http_tax_{n}.{model}", [0])) for n in (1, 32))
        lines.append(f"HTTP over in process, {model}: {one:.3f} with 1 client, {many:.3f} with 32; "
                     f"{statistics.median(results.facts[key]):.0f} µs more to the first token.")
    if refused := results.facts.get("overload_refused_share"):
        waits = results.facts.get("overload_refusal_ms", [0])
        lines.append(f"Under overload {statistics.median(refused):.0%} of the requests got 429 with `Retry-After`, after "
                     f"{statistics.median(waits):.1f} ms at the median.")
    lines += [f"Failed: {e['case']}, {e['model']}: {' '.join(e['message'].split())[:300]}" for e in results.errors]
    return "\n".join(f"- {line}" for line in lines)


def document(run, values, thresholds, command, seconds):
    """What stands between the marks of docs/benchmarks.md."""
    parts = [BEGIN, f"Measured on {datetime.date.today()} by `{command}` in {seconds / 60:.0f} minutes. Against llama.cpp unless it says "
             "otherwise; medians (lowest–highest).", figure_table(values, thresholds), machine_lines(run.machine),
             *filter(None, [other_lines(run.results)]), *cell_sections(run), *peer_section(run), END]
    return "\n\n".join(parts)


def put(path, text):
    """Replaces what stands between the marks; the rest of the document is written by hand."""
    old = path.read_text() if path.is_file() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    if BEGIN not in old or END not in old:
        old += f"\n{BEGIN}\n{END}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(old[:old.index(BEGIN)] + text + old[old.index(END) + len(END):])


def comparison(lines):
    """The table of `--compare`: results.compared's lines, the largest changes first."""
    rows = [(model, MEASURES[measure].title, f"{old:.1f}", f"{new:.1f}", f"{change:.2f}×")
            for model, measure, old, new, change in sorted(lines, key=lambda line: line[4])]
    return table((OURS, "measure", "before", "now", "now over before (above 1: better)"), rows)
