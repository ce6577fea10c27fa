"""Speed must not cost quality: divergence from the F32 reference, and answers that do not depend on who else is served."""
import concurrent.futures
import json
import os
import sys
import urllib.request

from suite import load
from suite.cases.http import ours
from suite.environment import BUILD, ROOT, WORK, BenchError, output_of

PROMPTS = 12  # of the check for identity


def quality(context):
    """KL divergence from the F32 reference over llama.cpp's own, on 2,048 positions; the numbers of tests/golden"""
    if context.quick:  # the reference takes a minute
        return
    sys.path.insert(0, str(ROOT))
    import numpy as np  # noqa: PLC0415 - only this case needs it, and the NumPy reference
    from tests.golden import cases  # noqa: PLC0415
    from tools import reference  # noqa: PLC0415
    from tools.reference.compare import difference  # noqa: PLC0415

    recorded = json.loads((cases.GOLDEN / "llama_cpp.json").read_text())
    for model in context.real():
        with context.guard("quality", model):
            weights, found = reference.Weights(model.path), []
            for ids in cases.real_ids(model.key):
                ids_file, out = WORK / "ids.bin", WORK / "logits.bin"
                np.asarray(ids, "<i4").tofile(ids_file)
                output_of(BUILD / "tests" / "dump_logits", model.path, ids_file, out, "--threads", context.threads)
                found.append(difference(reference.logits(weights, ids), np.memmap(out, "<f4", "r").reshape(len(ids), -1)))
                os.unlink(out)
            kl = float(np.mean([f.kl for f in found]))
            context.results.add_fact("kl_ratio", kl / recorded[model.key]["kl"])
            context.results.facts.setdefault("kl", {})[model.key] = [kl, recorded[model.key]["kl"]]
            print(f"    KL {kl:.5f}, llama.cpp's {recorded[model.key]['kl']:.5f}", flush=True)


def answer(port, text):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/completions", text.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as response:
        return json.loads(response.read())["choices"][0]["text"]


def together(port, texts):
    with concurrent.futures.ThreadPoolExecutor(len(texts)) as pool:
        return list(pool.map(lambda text: answer(port, text), texts))


def questions(model, tokens):
    """Half of them greedy, half sampled with a seed, which shows the smallest difference; some share a beginning."""
    texts = []
    for i in range(PROMPTS):
        shared = load.prompt_text(0, 60) if i % 3 == 0 else ""
        text = json.loads(load.body(load.prompt_text(40_000 + i, 20 + 7 * i, shared), tokens, model.banned, stream=False))
        texts.append(json.dumps(text | ({"temperature": 1.0, "seed": i} if i % 2 else {})))
    return texts


def identical(context):
    """Answers alone, again from the prefix cache, all at once, and with other threads and no prompt lookup: the same or not"""
    for model in context.real():
        with context.guard("identical", model):
            texts = questions(model, context.size(48, 8))
            with ours(model, context.threads) as port:
                alone = [answer(port, text) for text in texts]
                again = [answer(port, text) for text in texts]
                crowd = together(port, texts)
            with ours(model, max(1, context.threads // 2), "--speculate", "off") as port:
                fewer = together(port, texts)
            same = {"again": again == alone, "together": crowd == alone, "other threads, no lookup": fewer == alone}
            context.results.add_fact("identical", int(all(same.values())))
            if not all(same.values()):
                raise BenchError(f"answers differ: {', '.join(name for name, equal in same.items() if not equal)}")
