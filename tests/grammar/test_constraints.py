"""Constraints against an independent validator: what random walks over the token mask write is valid, what is known to be
valid is accepted, what is known to be invalid is not.

Each line of schemas/*.jsonl is a schema with values; refused.jsonl lists schemas that must be refused, naming the keyword.
"""
import json
import os
import re
import subprocess
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BOWHEAD_BUILD", ROOT / "build" / "release"))
CACHE = Path(os.environ.get("BOWHEAD_CACHE", Path.home() / ".cache" / "bowhead"))
MODEL = CACHE / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
SCHEMAS = Path(__file__).parent / "schemas"
WALKS = int(os.environ.get("BOWHEAD_CONSTRAINT_WALKS", "3"))
LAYOUTS = ({"separators": (",", ":")}, {}, {"indent": 2})


class Tool:
    """tests/tools/constrain, one question after the other."""

    def __init__(self):
        self.process = subprocess.Popen([BUILD / "tests" / "constrain", MODEL], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, encoding="utf-8")

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def compile(self, schema, **options):
        return self.ask(kind="schema", source=json.dumps(schema), **options)


@pytest.fixture(scope="module")
def tool():
    tool = Tool()
    yield tool
    tool.process.stdin.close()
    assert tool.process.wait(30) == 0


def pattern_as_ecma(validator, pattern, instance, schema):
    """Python's re means other things by \\d, \\w, \\s, $ and \\u{}; translate to what ECMA-262 means."""
    if validator.is_type(instance, "string") and not re.search(translate(pattern), instance, re.ASCII):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def translate(pattern):
    pattern = re.sub(r"\\u\{([0-9A-Fa-f]+)\}", lambda m: re.escape(chr(int(m[1], 16))), pattern)
    pattern = pattern.replace(r"\p{Lu}", "[" + "".join(re.escape(chr(c)) for c in range(0x20000) if UPPER(c)) + "]")
    pattern = re.sub(r"(?<!\\)\$", r"\\Z", pattern)
    pattern = pattern.replace(r"\s", "[\\t-\\r \\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]")
    return re.sub(r"(?<![\\\[])\.(?![^\[]*\])", "[^\\\\n\\\\r\\\\u2028\\\\u2029]", pattern)


def UPPER(code):
    import unicodedata
    return unicodedata.category(chr(code)) == "Lu"


Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern_as_ecma})
CHECKER = jsonschema.Draft202012Validator.FORMAT_CHECKER


def forbid_twice(pairs):
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), f"a key twice: {names}"
    return dict(pairs)


def with_null(schema):
    """`nullable` is OpenAPI's, not JSON Schema's."""
    if isinstance(schema, dict) and schema.get("nullable") and isinstance(schema.get("type"), str):
        return {**{k: v for k, v in schema.items() if k != "nullable"}, "type": [schema["type"], "null"]}
    return schema


def required_names(schema):
    if isinstance(schema, dict):
        names = schema.get("required", []) if isinstance(schema.get("required"), list) else []
        return [*names, *(n for value in schema.values() for n in required_names(value))]
    return [n for value in schema for n in required_names(value)] if isinstance(schema, list) else []


def cases(pattern="*.jsonl"):
    for path in sorted(SCHEMAS.glob(pattern)):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield pytest.param(json.loads(line), id=f"{path.stem}-{number}")


@pytest.mark.parametrize("case", [c for c in cases() if not c.id.startswith("refused")])
def test_schema(tool, case):
    schema = case["schema"]
    validator = Validator(with_null(schema), format_checker=CHECKER)
    answer = tool.compile(schema)
    assert answer.get("ok"), answer
    for value in case["valid"]:
        validator.validate(value)
        for layout in LAYOUTS:
            text = json.dumps(value, ensure_ascii=False, **layout)
            assert tool.ask(accept=text)["accepted"], text
    for value in case["invalid"]:
        assert "format" in json.dumps(schema) or not validator.is_valid(value), value  # its email check is lax
        for layout in LAYOUTS:
            text = json.dumps(value, ensure_ascii=False, **layout)
            assert not tool.ask(accept=text)["accepted"], text
    for seed in range(WALKS):
        walk = tool.ask(walk=seed, tokens=[5, 25, 80][seed % 3], names=required_names(schema),
                        endings=[json.dumps(value, ensure_ascii=False) for value in case["valid"]])
        assert walk.get("ended"), walk
        validator.validate(json.loads(walk["text"], object_pairs_hook=forbid_twice))


@pytest.mark.parametrize("case", cases("refused.jsonl"))
def test_refused(tool, case):
    answer = tool.compile(case["schema"])
    assert answer.get("code") == "UNIMPLEMENTED", answer
    assert f"'{case['keyword']}' at #" in answer["error"], answer


def test_there_are_many():
    assert len(list(cases())) >= 300


GRAMMARS = [
    ("regex", r"[A-Z]{2}\d{3}(-[a-f]+)?", r"[A-Z]{2}[0-9]{3}(-[a-f]+)?"),
    ("regex", r"(yes|no), (because|although) \w+\.", r"(yes|no), (because|although) [A-Za-z0-9_]+\."),
    ("regex", "[^\\n]{0,20}", r"[^\n]{0,20}"),
    ("ebnf", 'root ::= "(" root ")" | [a-c]+ ("," [0-9])*', None),
    ("ebnf", 'root ::= item{2,3} "."\nitem ::= "x" | "yz"? "w"  # a comment\n', r"(x|(yz)?w){2,3}\."),
    ("ebnf", 'start: greeting " " NAME ("!" | "?")~1..2\ngreeting: "hello"i -> hi | "hey"\nNAME: /[A-Z][a-z]{0,8}/\n',
     r"([hH][eE][lL][lL][oO]|hey) [A-Z][a-z]{0,8}[!?]{1,2}"),
    ("choice", ["yes", "no", "maybe", "may be", "\u00fcber"], "yes|no|maybe|may be|\u00fcber"),
]


@pytest.mark.parametrize("kind, source, pattern", GRAMMARS)
def test_other_constraints(tool, kind, source, pattern):
    answer = tool.ask(kind=kind, source=source)
    assert answer.get("ok"), answer
    for seed in range(4 * WALKS):
        walk = tool.ask(walk=seed, tokens=10, endings=[".", "0"])
        assert walk.get("ended"), walk
        if pattern:
            assert re.fullmatch(pattern, walk["text"]), walk["text"]


def test_any_object(tool):
    assert tool.ask(kind="object").get("ok")
    for seed in range(4 * WALKS):
        walk = tool.ask(walk=seed, tokens=40)
        assert walk.get("ended"), walk
        assert isinstance(json.loads(walk["text"], object_pairs_hook=forbid_twice), dict)
    assert not tool.ask(accept="[]")["accepted"]


def test_compact_layout(tool):
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}, "required": ["a"]}
    assert tool.compile(schema, compact=True).get("ok")
    assert tool.ask(accept='{"a":[1,2]}')["accepted"]
    assert not tool.ask(accept='{"a": [1,2]}')["accepted"]
