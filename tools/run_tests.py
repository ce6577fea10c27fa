#!/usr/bin/env python3
"""Run every check of the repository and say what passed.  `make test` calls this after tools/setup.sh.

A section that fails does not stop the others. Output goes to build/test/SECTION.log; of a failed section the end is shown.
Tests are found, not listed: GoogleTest binaries and hygiene checks through ctest, tests/e2e and tests/grammar with pytest, tests/python where the
wheel is installed, `npm test` and
`npm run test:browser` of web/, the tests of tests/node, and each program of fuzz/.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test"
FUZZ_SECONDS = 5
# ccache ignores where the clone lies; sanitizers stop at the first report.
ENVIRONMENT = os.environ | {
    "BOWHEAD_CACHE": os.environ.get("BOWHEAD_CACHE") or str(Path.home() / ".cache" / "bowhead"),
    "BOWHEAD_BIN": str(ROOT / "build" / "release" / "bowhead"),
    "BOWHEAD_BUILD": str(ROOT / "build" / "release"),
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
    "ASAN_SYMBOLIZER_PATH": shutil.which("llvm-symbolizer-16") or "",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Run:
    """The counts so far, and the commands of the section that is running."""

    def __init__(self):
        self.passed, self.failed, self.skipped, self.failures = 0, 0, 0, []

    def begin(self, title):
        self.title, self.started = title, time.monotonic()
        self.log = LOGS / (re.sub(r"\W+", "-", title.lower()).strip("-") + ".log")
        self.log.write_text("")
        print(f"\n=== {title} ===", flush=True)

    def command(self, *arguments, cwd=ROOT, env=None, minutes=10):
        """Exit status of a command, its output appended to the section's log."""
        with open(self.log, "a") as log:
            log.write("$ " + " ".join(map(str, arguments)) + "\n")
            log.flush()
            try:
                return subprocess.run([*map(str, arguments)], cwd=cwd, env=ENVIRONMENT | (env or {}), stdout=log,
                                      stderr=subprocess.STDOUT, check=False, timeout=60 * minutes).returncode
            except subprocess.TimeoutExpired:
                log.write(f"ended after {minutes} minutes\n")
                return 124
            except OSError as error:
                log.write(f"{error}\n")
                return 127

    def count(self, passed=0, failed=(), skipped=0):
        """Add to the totals and print the section's line; `failed` names what failed."""
        failed = list(failed)
        self.passed, self.failed, self.skipped = self.passed + passed, self.failed + len(failed), self.skipped + skipped
        self.failures += [f"{self.title}: {name}" for name in failed]
        note = f", {skipped} skipped" if skipped else ""
        print(f"{passed} passed, {len(failed)} failed{note}  ({time.monotonic() - self.started:.0f} s)", flush=True)
        if failed:
            print("".join(f"  FAILED {name}\n" for name in failed) + f"--- end of {self.log.relative_to(ROOT)} ---")
            print("\n".join(self.log.read_text(errors="replace").splitlines()[-40:]), flush=True)

    def step(self, name, *arguments, **options):
        """A command as one test; True if it passed."""
        ok = self.command(*arguments, **options) == 0
        self.count(int(ok), [] if ok else [name])
        return ok


def junit(path):
    """Passed, failed names and skipped of a JUnit or GoogleTest XML file; None if there is none."""
    try:
        cases = list(ET.parse(path).getroot().iter("testcase"))
    except (OSError, ET.ParseError):
        return None
    failed = [c for c in cases if c.find("failure") is not None or c.find("error") is not None]
    skipped = [c for c in cases if c not in failed and (c.find("skipped") is not None or c.get("status") == "notrun")]
    return (len(cases) - len(failed) - len(skipped), [f"{c.get('classname')}.{c.get('name')}" for c in failed], len(skipped))


def build(run, preset, *targets):
    """Configure and build a preset as one counted step."""
    tests = "OFF" if preset == "fuzz" else "ON"  # `make run` configures the same folder without tests
    ok = run.command("cmake", "--preset", preset, f"-DBOWHEAD_TESTS={tests}") == 0
    ok = ok and run.command("cmake", "--build", "--preset", preset, *(["--target", *targets] if targets else []), minutes=15) == 0
    run.count(int(ok), [] if ok else ["build"])
    return ok


def unit_tests(run, preset):
    """All GoogleTest binaries of a preset; each test case counts. A crash without a report counts as one failure."""
    results, summary = LOGS / f"gtest-{preset}", LOGS / f"ctest-{preset}.xml"
    shutil.rmtree(results, ignore_errors=True)
    status = run.command("ctest", "--test-dir", f"build/{preset}", "-E", "^hygiene_", "--output-on-failure", "--timeout", "300",
                         "-j", os.cpu_count() or 1, "--output-junit", summary, env={"GTEST_OUTPUT": f"xml:{results}/"})
    reports = {path.stem: junit(path) for path in sorted(results.glob("*.xml"))}
    passed, failed, skipped = junit(summary) or (0, ["ctest"], 0)
    failed = [name.split(".")[-1] for name in failed]
    passed -= sum(1 for name, report in reports.items() if report and name not in failed)
    failed = [name for name in failed if not (reports.get(name) and reports[name][1])]
    for report in filter(None, reports.values()):
        passed, failed, skipped = passed + report[0], failed + report[1], skipped + report[2]
    run.count(passed, failed or (["ctest"] if status else []), skipped)


def sanitized_targets(preset):
    """The GoogleTest binaries, so that sanitizer builds leave out what they do not run."""
    listing = subprocess.run(["ninja", "-C", f"build/{preset}", "-t", "targets", "all"], cwd=ROOT, capture_output=True,
                             text=True, check=False).stdout
    return sorted(set(re.findall(r"^(\S*_test): CXX_EXECUTABLE_LINKER", listing, re.M)))


def section_build(run):
    run.begin("Release build")
    build(run, "release")


def section_unit(run):
    run.begin("Unit tests")
    unit_tests(run, "release")


def section_hygiene(run):
    """The checks of tests/hygiene, which CMake lists."""
    run.begin("Hygiene")
    summary = LOGS / "ctest-hygiene.xml"
    summary.unlink(missing_ok=True)
    status = run.command("ctest", "--test-dir", "build/release", "-R", "^hygiene_", "--output-on-failure", "--output-junit", summary)
    passed, failed, skipped = junit(summary) or (0, ["ctest"], 0)
    run.count(passed, failed or (["ctest"] if status or not passed else []), skipped)


def section_fetch(run):
    run.begin("Models and cases")
    run.step("fetch", sys.executable, "tools/fetch.py", "all")


def section_e2e(run):
    run.begin("End to end")
    report = LOGS / "e2e.xml"
    report.unlink(missing_ok=True)
    status = run.command(sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--durations=15",
                         f"--junitxml={report}", "tests/e2e", "tests/grammar", minutes=300 if os.environ.get("BOWHEAD_FULL") == "1" else 15)
    passed, failed, skipped = junit(report) or (0, ["pytest"], 0)
    run.count(passed, failed or (["pytest"] if status else []), skipped)


def section_python(run):
    """The wheel in an environment of its own, without a compiler; its types."""
    run.begin("Python package: wheel")
    place, report = ROOT / "build" / "test" / "wheel", LOGS / "python.xml"
    ok = run.command(sys.executable, "tools/make_wheel.py", minutes=15) == 0
    wheel = next((ROOT / "build" / "wheel" / "dist").glob("*.whl"), "no wheel") if ok else "no wheel"
    shutil.rmtree(place, ignore_errors=True)
    ok = ok and run.command(sys.executable, "-m", "venv", "--without-pip", place) == 0
    python = place / "bin" / "python"
    pytest = re.search(r"^pytest==\S+", (ROOT / "tests" / "requirements.txt").read_text(), re.M)[0]
    ok = ok and run.command(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet",
                            wheel, pytest) == 0
    run.count(int(ok), [] if ok else ["wheel"])
    run.begin("Python package: types")
    run.step("mypy", sys.executable, "-m", "mypy", "python/bowhead")
    if not ok:
        return
    run.step("mypy of a user", sys.executable, "-m", "mypy", "--python-executable", python, "tests/python/typing_sample.py")
    run.begin("Python package: tests")
    report.unlink(missing_ok=True)
    status = run.command(python, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider", "--durations=10", f"--junitxml={report}",
                         "tests/python", env={"PATH": str(python.parent)}, minutes=10)
    passed, failed, skipped = junit(report) or (0, ["pytest"], 0)
    run.count(passed, failed or (["pytest"] if status else []), skipped)


def section_web(run):
    package = ROOT / "web" / "package.json"
    if not package.is_file():
        return
    scripts = json.loads(package.read_text()).get("scripts", {})
    for title, script in (("Web page: types", "check"), ("Web page: unit tests", "test"), ("Web page: browser", "test:browser")):
        if script in scripts:
            run.begin(title)
            node_tests(run, "npm", "run", "--silent", script, cwd=package.parent, tries=2 if "browser" in script else 1)


def section_node(run):
    """Tests of the HTTP API with the Node client, where there are any: tests/node with a package.json and `npm test`."""
    folder = ROOT / "tests" / "node"
    if (folder / "package.json").is_file():
        run.begin("Node client")
        if run.command("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=folder):
            return run.count(0, ["npm ci"])
        node_tests(run, "npm", "test", "--silent", cwd=folder)


def node_tests(run, *arguments, cwd, tries=1):
    """A command that may print the summary of Node's test runner; without one it counts as a single test.

    A browser that shares two cores with the model may miss a deadline: with `tries` left it runs again, and says so.
    """
    status = run.command(*arguments, cwd=cwd)
    while status and tries > 1:
        tries -= 1
        first = run.log.with_suffix(".first.log")
        run.log.replace(first)
        run.log.write_text("")
        print(f"failed once ({first.relative_to(ROOT)}); again", flush=True)
        status = run.command(*arguments, cwd=cwd)
    text = run.log.read_text(errors="replace")
    counts = {k: sum(map(int, re.findall(rf"^\W*{k} (\d+)$", text, re.M))) for k in ("pass", "fail", "skipped")}
    if not counts["pass"] + counts["fail"]:
        return run.count(int(status == 0), ["exit status %d" % status] if status else [])
    names = [n.strip() for n in re.findall(r"^\s*(?:not ok \d+ -|✖) (.*)$", text, re.M)][:counts["fail"]]
    names += ["(unnamed)"] * (counts["fail"] - len(names))
    run.count(counts["pass"], names or (["exit status %d" % status] if status else []), counts["skipped"])


def section_sanitizer(run, preset):
    run.begin(f"Sanitizer build: {preset}")
    if run.command("cmake", "--preset", preset):
        return run.count(0, ["configure"])
    if build(run, preset, *sanitized_targets(preset)):
        run.begin(f"Unit tests: {preset}")
        unit_tests(run, preset)


def section_fuzz(run):
    targets = sorted(path.stem for path in (ROOT / "fuzz").glob("*_fuzz.cc"))
    run.begin("Fuzz targets: build")
    if not build(run, "fuzz", *targets):
        return
    run.begin(f"Fuzz targets: {FUZZ_SECONDS} s each")
    failed = []
    for target in targets:
        work = LOGS / "fuzz" / target
        shutil.rmtree(work, ignore_errors=True)
        (work / "corpus").mkdir(parents=True)
        maker = ROOT / "fuzz" / f"make_{target.removesuffix('_fuzz')}_seeds.py"
        if maker.is_file() and run.command(sys.executable, maker, work / "corpus"):
            failed.append(f"{target}: seeds")
            continue
        seeds = [p for p in (ROOT / "fuzz" / "corpus" / target, ROOT / "tests" / "regressions" / target.removesuffix("_fuzz")) if p.is_dir()]
        binary = next(iter((ROOT / "build" / "fuzz").rglob(target)), ROOT / "build" / "fuzz" / "fuzz" / target)
        dictionary = ROOT / "fuzz" / f"{target}.dict"
        if run.command(binary, work / "corpus", *seeds, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=3000",
                       f"-artifact_prefix={work}/", *([f"-dict={dictionary}"] if dictionary.is_file() else []), minutes=5):
            failed.append(target)
    run.count(len(targets) - len(failed), failed)


SECTIONS = {"build": section_build, "unit": section_unit, "hygiene": section_hygiene, "fetch": section_fetch,
            "e2e": section_e2e, "python": section_python, "web": section_web, "node": section_node,
            "asan-ubsan": lambda run: section_sanitizer(run, "asan-ubsan"),
            "tsan": lambda run: section_sanitizer(run, "tsan"), "fuzz": section_fuzz}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="some of: " + " ".join(SECTIONS) + " (default: all)")
    names = parser.parse_args().sections or list(SECTIONS)
    if unknown := set(names) - set(SECTIONS):
        parser.error(f"no section named {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    LOGS.mkdir(parents=True, exist_ok=True)
    run, started = Run(), time.monotonic()
    for name in names:
        SECTIONS[name](run)
    print(f"\n=== Result after {(time.monotonic() - started) / 60:.1f} minutes ===")
    for failure in run.failures:
        print(f"FAILED {failure}")
    if run.skipped:
        print(f"{run.skipped} skipped: this machine lacks what they need; the logs in build/test say what")
    print(f"{run.passed} passed, {run.failed} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
