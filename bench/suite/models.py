"""The models: two real ones, and files of real shapes with random weights, which tools/make_model.py writes once."""
import fnmatch
import functools
import hashlib
import math
import sys
from pathlib import Path
from typing import NamedTuple

from suite.environment import CACHE, ROOT, BenchError, output_of

TYPES = ("q4_0", "q4_1", "q4_k_m", "q5_k_m", "q6_k", "q8_0", "bf16")
TOKENIZER = "SmolLM2-135M-Instruct.Q4_1.gguf"  # of the random files; its end tokens are theirs
# Shape and types of the default run. The rest of the grid is measured when it is named (--models).
DEFAULT = {"llama-3.2-1b": TYPES, "qwen3-0.6b": TYPES, "qwen2.5-1.5b": ("q4_k_m", "q8_0")}
LARGE = {"qwen2.5-7b": ("q4_k_m",)}
TITLES = {"llama-3.2-1b": "Llama 3.2 1B", "qwen3-0.6b": "Qwen3 0.6B", "qwen2.5-1.5b": "Qwen2.5 1.5B", "qwen2.5-7b": "Qwen2.5 7B"}


class Model(NamedTuple):
    key: str
    title: str
    kind: str             # its element type, as in TYPES
    path: Path
    banned: tuple         # ids of its end tokens, so that every answer has its full length
    parameters: int
    decode_bytes: int     # weights that one token reads
    prompt_products: int  # multiplications of a prompt's token, without the output matrix
    real: bool
    shape: str = ""
    layers: int = 0       # of a random file; 0: all

    @property
    def size(self):
        return self.path.stat().st_size


REAL = (
    Model("smollm2", "SmolLM2 135M, Q4_1", "q4_1", CACHE / "models" / TOKENIZER, (0, 2), 134_515_008, 96_576_768, 106_168_320, True),
    Model("gemma3", "Gemma 3 270M, Q4_K_M", "q4_k_m", CACHE / "models" / "gemma-3-270m.Q4_K_M.gguf", (1, 106), 268_098_176,
          246_587_904, 100_270_080, True),
)


@functools.cache
def maker():
    sys.path.insert(0, str(ROOT / "tools"))
    import make_model  # noqa: PLC0415 - needs numpy and gguf, which reading results does not
    return make_model


def file_name(shape, kind, layers):
    """Names the options that make the bytes, so that a changed one makes another file."""
    options = f"{shape} {kind} {layers} seed=1 tokenizer={TOKENIZER} revision={maker().REVISION}"
    part = f"-{layers}layers" if layers else ""
    return f"{shape}{part}.{kind}.{hashlib.sha256(options.encode()).hexdigest()[:8]}.gguf"


@functools.cache
def random_model(shape, kind, layers=0):
    """A model of that shape; its file need not exist yet."""
    make = maker()
    s = make.shape_of(shape, layers)
    everything = [(t, make.tensor_type(t, s, kind)) for t in make.tensors(s)]
    matrices = [t for t, _ in everything if t.name.startswith("blk.") and len(t.ne) > 1]
    part = f", {layers} layers" if layers else ""
    return Model(
        key=f"{shape}{f'-{layers}layers' if layers else ''}.{kind}", title=f"{TITLES.get(shape, shape)}{part}, {kind.upper()}",
        kind=kind, path=CACHE / "models" / "random" / file_name(shape, kind, layers), banned=(0, 2),
        parameters=sum(math.prod(t.ne) for t, _ in everything),
        decode_bytes=sum(t.num_bytes(q) for t, q in everything if s.tied or t.name != "token_embd.weight"),
        prompt_products=sum(math.prod(t.ne) for t in matrices), real=False, shape=shape, layers=layers)


def all_models():
    return [*REAL, *(random_model(shape, kind) for shape in TITLES for kind in TYPES if shape not in LARGE or kind in LARGE[shape])]


def select(patterns=(), large=False):
    """The models of a run: the default ones, or those whose key matches a pattern (`qwen*`, `*.q8_0`)."""
    if patterns:
        chosen = [m for m in all_models() if any(fnmatch.fnmatch(m.key, p) for p in patterns)]
        if not chosen:
            raise BenchError(f"no model matches {' '.join(patterns)}; there are {', '.join(m.key for m in all_models())}")
        return chosen
    grid = DEFAULT | (LARGE if large else {})
    return [*REAL, *(random_model(shape, kind) for shape, kinds in grid.items() for kind in kinds)]


def prepare(model):
    """Makes the file if it is missing, and reads it once, so that it is in the page cache."""
    if not model.path.is_file():
        if model.real:
            raise BenchError(f"{model.path} is missing: tools/fetch.py all gets it")
        model.path.parent.mkdir(parents=True, exist_ok=True)
        print(f"  making {model.path.name}", flush=True)
        output_of(sys.executable, ROOT / "tools" / "make_model.py", model.shape, "--type", model.kind, "--layers", model.layers,
                  "--tokenizer", CACHE / "models" / TOKENIZER, "-o", model.path)
    with open(model.path, "rb", buffering=0) as file:
        while file.read(1 << 24):
            pass
    return model


def of_results(chosen, keys):
    """The models chosen, those of an earlier run, and those that a case chose by itself; in the order of all_models()."""
    wanted = {m.key for m in chosen} | set(keys)
    known = [m for m in all_models() if m.key in wanted]
    return [*known, *(m for m in parts_of_shapes(keys) if m not in known)]


def parts_of_shapes(keys):
    found = []
    for key in keys:
        shape, _, kind = key.rpartition(".")
        base, _, layers = shape.rpartition("-")
        if layers.endswith("layers"):
            found.append(random_model(base, kind, int(layers.removesuffix("layers"))))
    return found
