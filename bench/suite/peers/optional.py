"""Peers that are measured where they are installed, each in a Python environment of its own in the cache folder.

`python3 -m venv ~/.cache/bowhead/peers/openvino-genai && ~/.cache/bowhead/peers/openvino-genai/bin/pip install openvino-genai`
docs/benchmarks.md says which others were tried and why they are not here.
"""
import json
from pathlib import Path
from typing import NamedTuple

from suite.environment import CACHE, output_of


class Peer(NamedTuple):
    name: str      # of its side in the results
    title: str
    package: str   # what pip installs; also the folder of its environment
    program: str   # beside this file: (model, threads, prompt, tokens) -> JSON with `decode` and `prefill`
    kinds: tuple   # element types that it reads

    def python(self):
        return CACHE / "peers" / self.package / "bin" / "python"


PEERS = (Peer("openvino", "OpenVINO GenAI", "openvino-genai", "openvino_bench.py", ("q4_0", "q4_1", "q4_k_m", "q8_0")),)


def installed(results):
    """The peers that can be measured; of the others the results say why not."""
    found = [peer for peer in PEERS if peer.python().is_file()]
    results.skipped += [f"{peer.title} is not installed: bench/suite/peers/optional.py says how" for peer in PEERS if peer not in found]
    return found


def measure(peer, model, threads, prompt, tokens):
    """{"decode": tokens per second, "prefill": tokens per second} of one fresh process."""
    text = output_of(peer.python(), Path(__file__).with_name(peer.program), model.path, threads, prompt, tokens, timeout=300)
    return parse(text)


def parse(text):
    """The last line that a peer's program prints; libraries may have printed before it."""
    row = json.loads(text.strip().splitlines()[-1])
    return {measure: float(row[measure]) for measure in ("decode", "prefill")}
