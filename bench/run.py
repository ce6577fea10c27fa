#!/usr/bin/env python3
"""Measure Bowhead against llama.cpp and other engines, print the table of figures and write docs/benchmarks.md.

`make bench` calls this. Same file, machine and threads; the sides take turns (A/B/A/B) and medians count. The machine's own
limits are measured in the same run. The exit status is 1 if a figure is below its floor (bench/thresholds.toml), or if a
case failed. Run it on an idle machine.
"""
import argparse
import os
import signal
import sys
import time
from pathlib import Path

from suite import figures, machine, models, report, thresholds
from suite.cases import Context, all_cases
from suite.environment import ROOT, WORK, BenchError
from suite.results import Results, compared, from_json


def arguments():
    cases = all_cases()
    listing = "\n".join(f"  {case.name:12} {case.about}" for case in cases)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=f"cases:\n{listing}\n\nmodels: {', '.join(m.key for m in models.all_models())}")
    parser.add_argument("--only", nargs="+", metavar="CASE", choices=[case.name for case in cases], help="some of the cases below")
    parser.add_argument("--models", nargs="+", metavar="PATTERN", default=[], help="keys or patterns such as '*.q8_0'")
    parser.add_argument("--large", action="store_true", help="also the 7B shape (4.7 GB)")
    parser.add_argument("--rounds", type=int, default=3, help="of the quick cases; slow ones take one or two (default: 3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="one round of tiny sizes: shows that everything runs, measures nothing")
    parser.add_argument("--add", action="store_true", help="keep what the last run measured (build/bench/results.json) and replace "
                                                            "what is measured now")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="an earlier results.json: print what changed")
    parser.add_argument("--set-floors", action="store_true", help="write what was measured as the floors of bench/thresholds.toml")
    parser.add_argument("--out", type=Path, default=None, help="default: docs/benchmarks.md in a whole run, else no document")
    return parser.parse_args(), cases


def quick_models():
    return [models.REAL[0], models.random_model("qwen3-0.6b", "q4_k_m", 2)]


def measure(a, cases):
    """Runs the cases; an interrupted run (Ctrl-C, SIGTERM) ends its servers and reports what it has."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = models.select(a.models, a.large) if a.models or not a.quick else quick_models()
    results, before = from_json((WORK / "results.json").read_text()) if a.add else (Results(), {})
    results.measure_again([case.name for case in cases if not a.only or case.name in a.only])
    context = Context(results, machine.Machine(a.threads, a.quick), chosen, a.threads, 1 if a.quick else a.rounds, a.quick)
    context.machine.probes += before.get("probes", [])
    context.machine.build()
    context.machine.probe()
    begin = time.monotonic()
    try:
        for case in cases:
            if not a.only or case.name in a.only:
                print(f"[{time.monotonic() - begin:.0f} s] {case.name}: {case.about}", flush=True)
                try:
                    case.run(context)
                except (BenchError, OSError) as error:
                    context.results.error(case.name, "", str(error))
                context.machine.probe()
    except KeyboardInterrupt:
        context.results.error("run", "", "interrupted")
    return context, time.monotonic() - begin + before.get("seconds", 0)


def main():
    a, cases = arguments()
    WORK.mkdir(parents=True, exist_ok=True)
    wanted = thresholds.load()
    earlier = from_json(a.compare.read_text())[0] if a.compare else None
    try:
        context, seconds = measure(a, cases)
    except BenchError as error:
        sys.exit(f"bench: {error}")
    measured = models.of_results(context.models, context.results.values)
    run = figures.Run(context.results, measured, context.machine)
    values = figures.all_values(run)
    command = "make bench" if len(sys.argv) == 1 else "bench/run.py " + " ".join(sys.argv[1:])
    text = report.document(run, values, wanted, command, seconds)
    (WORK / "results.json").write_text(context.results.to_json(
        command=command, commit=machine.commit(), threads=a.threads, seconds=round(seconds), probes=context.machine.probes,
        figures={key: value for key, (value, _) in values.items()}))
    (WORK / "results.md").write_text(text + "\n")
    print(text)
    if earlier:
        print("\n" + report.comparison(compared(earlier, context.results)))
    if a.quick:
        return 1 if context.results.errors else 0
    whole = not (a.only or a.models or a.add)
    if a.out or whole:
        report.put(a.out or ROOT / "docs" / "benchmarks.md", text)
    if a.set_floors:
        thresholds.FILE.write_text(thresholds.with_floors(thresholds.FILE.read_text(), wanted, values))
    fallen = thresholds.regressions(wanted, values)
    print("\n".join(["", *(f"REGRESSION: {line}" for line in fallen), *(f"FAILED: {e['case']} {e['model']}: {e['message']}"
                                                                      for e in context.results.errors)]))
    return 1 if fallen or context.results.errors else 0


if __name__ == "__main__":
    sys.exit(main())
