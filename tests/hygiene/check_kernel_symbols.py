#!/usr/bin/env python3
"""Looks at the objects of files that are compiled for an instruction set of their own (*_avx2.cc, *_avx512.cc,
*_avx512bf16.cc).

An inline function or template that such an object emits is a weak symbol. The linker keeps one copy of each, and where it
keeps the AVX-512 one for the whole program, older processors die on it. So these objects may define no weak symbols, no
std:: functions, and no code that runs before main.

Usage: tests/hygiene/check_kernel_symbols.py OBJECT...
"""
import re
import subprocess
import sys

ISA_FILE = re.compile(r"_(avx2|avx512|avx512bf16)\.cc\.o(bj)?$")
WEAK = set("WVuvw")


def check(path: str) -> list[str]:
    out = subprocess.run(["nm", "-C", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    problems = []
    for line in out.splitlines():
        _, kind, name = line.split(maxsplit=2)
        if kind in WEAK and not name.startswith("DW.ref."):
            problems.append(f"{path}: weak symbol {name}; give it internal linkage or force it inline")
        elif kind in "Tt" and re.match(r"(\w+ )*std::", name):
            problems.append(f"{path}: {name} is a function of the standard library, built for this instruction set")
        elif name.startswith("_GLOBAL__sub_I") or "__static_initialization" in name:
            problems.append(f"{path}: {name} runs before main; make its object constinit")
    return problems


def main() -> int:
    objects = [path for path in sys.argv[1:] if ISA_FILE.search(path)]
    if not objects:
        print("no object of a *_avx2.cc or *_avx512.cc file was given")
        return 1
    problems = [problem for path in objects for problem in check(path)]
    print("\n".join(problems) or f"{len(objects)} objects keep their code to themselves")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
