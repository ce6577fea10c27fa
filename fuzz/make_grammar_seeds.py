#!/usr/bin/env python3
"""Write seeds for grammar_fuzz: the schemas of tests/grammar, expressions and grammars.  make_grammar_seeds.py FOLDER"""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXPRESSIONS = [r"^(\d{3}-)?[a-z]+$", r"(a|b)*c{2,5}[^x-z]\w\s\S", r"\u{1F600}|\p{Lu}+?", "(?:x(?<n>y)){0,3}."]
GRAMMARS = ['root ::= "a" b* | [^x-z]{2,3}\nb ::= "(" root ")" | "\\n"\n', 'start: a " " /[0-9]+/ | "X"i~1..3\na: ["b"] -> c\n']


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    seeds = [b"\x00\x01" + text.encode() for text in EXPRESSIONS] + [b"\x01\x02" + text.encode() for text in GRAMMARS]
    for path in sorted((ROOT / "tests/grammar/schemas").glob("*.jsonl")):
        for line in path.read_text().splitlines()[::4]:
            seeds.append(b"\x02\x03" + json.dumps(json.loads(line)["schema"]).encode())
    for number, seed in enumerate(seeds):
        (folder / f"seed{number}").write_bytes(seed)


if __name__ == "__main__":
    main()
