#!/usr/bin/env python3
"""Looks at the committed files: no paths or registries of one machine, no overlong source files, and documents that
name only paths and commands that exist.

Usage: tests/hygiene/check_text.py REPOSITORY
"""
import re
import subprocess
import sys
from pathlib import Path

# Spelled so that this file does not match itself.
MACHINE = [re.compile(p) for p in (r"(?<![\w.~$}/-])/(ro{2}t|wo{1}rk)/", r"(?<![\w.~$}/-])/ho{1}me/\w", r"(?<![\w.])/tm{1}p/bh")]
REGISTRY = re.compile(r"\b(pypi\.o{1}rg|files\.pythonhosted\.o{1}rg|npmjs\.o{1}rg|deb\.debian\.o{1}rg|huggingface\.c{1}o/api)\b")
# Seeds of fuzzers, and files that tools write.
SKIPPED = re.compile(r"(^fuzz/corpus/|(^|/)(package-lock\.json|LICENSE|.*\.(npz|bin|png|jpg|svg|gz|woff2?|ico))$)")
SOURCE = {".h", ".cc", ".py", ".ts", ".svelte", ".js", ".cmake"}
WARN_LINES = 400
MAX_LINES = 800
CODE = re.compile(r"`([^`\n]+)`")
# A path of this repository: starts with one of its folders.
PATH = re.compile(r"^(\.ci|bench|cmake|docs|fuzz|src|tests|tools|web)/[\w./+-]*$")
GENERATED = ("web/dist", "web/node_modules")


def tracked(root: Path) -> list[str]:
    out = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    return sorted(name for name in out.split("\0") if name and (root / name).is_file())


def check_machine(name: str, text: str) -> list[str]:
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        for pattern in MACHINE:
            if match := pattern.search(line):
                problems.append(f"{name}:{number}: names a path of one machine ({match[0]})")
        if match := REGISTRY.search(line):
            problems.append(f"{name}:{number}: names a package registry ({match[0]})")
    return problems


def check_length(name: str, text: str) -> tuple[list[str], list[str]]:
    """(problems, warnings). A longer file says on one of its first two lines why, with the words "long because" or "generated"."""
    lines = text.count("\n")
    head = "\n".join(text.splitlines()[:2]).lower()
    if Path(name).suffix not in SOURCE or lines <= WARN_LINES or "generated" in head or "long because" in head:
        return [], []
    message = f"{name}: {lines} lines; look for a seam"
    # Tests may be long lists of cases.
    is_test = name.startswith("tests/") or "_test." in name or ".test." in name
    return ([message], []) if lines > MAX_LINES and not is_test else ([], [message])


def commands(root: Path) -> set[str]:
    text = (root / "src/cli/main.cc").read_text(encoding="utf-8")
    return set(re.findall(r'Command\{"([\w-]+)"', text))


def make_targets(root: Path) -> set[str]:
    makefile = root / "Makefile"
    if not makefile.is_file():
        return set()
    return set(re.findall(r"^([\w-]+):", makefile.read_text(encoding="utf-8"), re.MULTILINE))


def code_of(text: str) -> list[str]:
    """Inline code and the lines of code blocks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return CODE.findall(rest) + [line.strip() for block in blocks for line in block.splitlines()]


def check_document(root: Path, name: str, text: str, known: set[str], targets: set[str]) -> list[str]:
    problems = []
    for code in code_of(text):
        for word in code.split():
            word = word.rstrip(".,:;)")
            if "NAME" in word or "*" in word:  # stands for any name
                continue
            if PATH.match(word) and not word.startswith(GENERATED) and not (root / word).exists():
                problems.append(f"{name}: {word} does not exist")
        if match := re.match(r"(?:\S*/)?bowhead ([a-z]+)\b", code):
            if match[1] not in known:
                problems.append(f"{name}: there is no command 'bowhead {match[1]}'")
        if match := re.match(r"make ([a-z][\w-]*)$", code):
            if match[1] not in targets:
                problems.append(f"{name}: there is no target 'make {match[1]}'")
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        if "://" not in target and not target.startswith("mailto:") and not (root / name).parent.joinpath(target).exists():
            problems.append(f"{name}: the link to {target} leads nowhere")
    return problems


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    problems, warnings = [], []
    known, targets = commands(root), make_targets(root)
    for name in tracked(root):
        if SKIPPED.search(name):
            continue
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            problems.append(f"{name}: is neither UTF-8 nor a known binary file")
            continue
        problems += check_machine(name, text)
        too_long, long = check_length(name, text)
        problems += too_long
        warnings += long
        if name.endswith(".md") and not name.startswith("tests/regressions/"):
            problems += check_document(root, name, text, known, targets)
    for warning in warnings:
        print("note:", warning)
    print("\n".join(problems) or "the text is clean")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
