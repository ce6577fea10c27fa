"""What a user's type checker must accept, and what it must refuse; checked with mypy --strict against the installed wheel."""
from __future__ import annotations

from typing import Any

import bowhead


def sync(model: bowhead.Model) -> str:
    answer: bowhead.Answer = model.generate("x", max_tokens=3, temperature=0.5, stop=["a"], logit_bias={3: 1.0})
    pieces = [chunk.text for chunk in model.stream_chat([{"role": "user", "content": "x"}], tools=[{"type": "function"}])]
    vectors: list[list[float]] = model.embed(["a", "b"])
    vector: list[float] = model.embed("a")
    parsed: Any = answer.parse()
    return answer.text + "".join(pieces) + str(len(vectors) + len(vector)) + str(parsed)


async def asynchronous(model: bowhead.Model) -> int:
    async with model:
        async for chunk in model.astream("x", seed=1):
            print(chunk.text)
        answers = await model.abatch_chat(["a", "b"], json_schema={"type": "object"})
    return sum(answer.usage.total_tokens for answer in answers)


def refused(model: bowhead.Model) -> None:
    model.generate("x", temperature="hot")  # type: ignore[arg-type]
    model.generate("x", tempreature=1)  # type: ignore[call-arg]
    model.generate("x", tools=[])  # type: ignore[call-arg]
    bowhead.load_model("x", threads="many")  # type: ignore[arg-type]
