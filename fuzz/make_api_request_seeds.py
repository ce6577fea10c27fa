#!/usr/bin/env python3
"""Write seeds for api_request_fuzz: bodies that use every parameter.  Usage: make_api_request_seeds.py FOLDER"""
import json
import sys
from pathlib import Path

COMMON = {"model": "default", "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "typical_p": 0.9,
          "repeat_penalty": 1.1, "presence_penalty": 1, "frequency_penalty": -1, "logit_bias": {"5": -100, "7": 1.5}, "seed": 1,
          "n": 2, "stop": ["a", "b"], "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True},
          "user": "u", "metadata": {"a": "b"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}}}}
BODIES = [
    COMMON | {"messages": [{"role": "system", "content": "x"}, {"role": "user", "content": [{"type": "text", "text": "\u00e9\U0001f600"}]}],
              "logprobs": True, "top_logprobs": 3, "response_format": {"type": "text"}},
    {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]},
                  {"role": "tool", "content": "1", "tool_call_id": "1"}], "tools": [TOOL], "tool_choice": "auto"},
    COMMON | {"prompt": "x", "echo": True}, {"prompt": [[1, 2], [3]]}, {"prompt": ["a", "b"], "logprobs": 3, "best_of": 1},
    {"messages": [{"role": "user", "content": "x"}], "temprature": 1e308, "n": -1}, [], "x", 1.5, None,
]

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for index, body in enumerate(BODIES):
        (folder / f"body-{index}.json").write_text(json.dumps(body))
