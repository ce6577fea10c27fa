#!/usr/bin/env python3
"""Enforces layers.toml: who may include whom, and where heavy headers may appear.

Usage: tests/hygiene/check_layers.py REPOSITORY
"""
import re
import sys
import tomllib
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes(path: Path) -> list[tuple[bool, str]]:
    """(quoted, name) of each include of a file."""
    return [(quote == '"', name) for quote, name in INCLUDE.findall(path.read_text(encoding="utf-8"))]


def check_order(layers: dict) -> list[str]:
    """Every folder of may_include stands below the folder that includes it, so there can be no circle of layers."""
    order = layers["order"]
    problems = [f"layers.toml: {name} is in may_include but not in order" for name in layers["may_include"]
                if name not in order]
    for upper, lowers in layers["may_include"].items():
        for lower in lowers:
            if lower not in order or order.index(lower) <= order.index(upper):
                problems.append(f"layers.toml: {upper} may not include {lower}, which is not below it")
    return problems


def check_file(path: Path, src: Path, layers: dict) -> list[str]:
    name = path.relative_to(src).as_posix()
    layer = name.split("/")[0]
    allowed = {layer, *layers["may_include"].get(layer, [])}
    problems = []
    for quoted, target in includes(path):
        if not quoted:
            problems += check_heavy(name, target, layers)
            continue
        other = target.split("/")[0]
        if "/" not in target or not (src / target).is_file():
            if (path.parent / target).is_file() or target.startswith("../"):
                problems.append(f"src/{name}: include \"{target}\" by its path from src/")
            else:
                problems.append(f"src/{name}: \"{target}\" is no header of src/")
        elif other not in allowed:
            problems.append(f"src/{name}: {layer} may not include {other} (\"{target}\"); see layers.toml")
    return problems


def check_heavy(name: str, target: str, layers: dict) -> list[str]:
    if name.endswith(("_test.cc", "_for_test.h")) or "/testing/" in name:
        return []
    for prefix, places in layers.get("headers", {}).items():
        if target.startswith(prefix) and not any(name.startswith(place) for place in places):
            return [f"src/{name}: <{target}> may appear only under {', '.join(places) or 'tests'}; see layers.toml"]
    return []


def find_circle(src: Path) -> list[str]:
    """A circle among the headers themselves, if there is one."""
    edges = {path.relative_to(src).as_posix(): [t for quoted, t in includes(path) if quoted and t.endswith(".h")]
             for path in src.rglob("*.h")}
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> list[str]:
        if name in trail:
            return trail[trail.index(name):] + [name]
        if name in done or name not in edges:
            return []
        for target in edges[name]:
            if circle := visit(target, trail + [name]):
                return circle
        done.add(name)
        return []

    for header in sorted(edges):
        if circle := visit(header, []):
            return ["circle of includes: " + " -> ".join(circle)]
    return []


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    src = root / "src"
    layers = tomllib.loads((root / "layers.toml").read_text(encoding="utf-8"))
    problems = check_order(layers)
    folders = {path.name for path in src.iterdir() if path.is_dir()}
    problems += [f"src/{name}: this folder is not in layers.toml" for name in sorted(folders - set(layers["order"]))]
    files = sorted(path for path in src.rglob("*") if path.suffix in (".h", ".cc"))
    for path in files:
        problems += check_file(path, src, layers)
    problems += find_circle(src)
    print("\n".join(problems) or f"{len(files)} files keep to layers.toml")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
