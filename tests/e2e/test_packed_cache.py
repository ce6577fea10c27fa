"""Packed weights on disk: the same answers with and without them, damage found, what cannot be written told."""
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BOWHEAD_BIN") or ROOT / "build" / "release" / "bowhead"
MODEL = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead") / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"


def generate(cache, model=MODEL, **options):
    command = [BINARY, "generate", "-m", model, "-p", "The capital of France is", "-n", "8", "--ctx", "256", "--temp", "0", "--json",
               "--packed-cache", cache]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120, check=False, **options)


def text(result):
    assert result.returncode == 0, result.stderr
    return result.stdout.split('"finish_reason"')[0]


def test_a_cache_is_written_mapped_and_rebuilt(tmp_path):
    plain = text(generate("off"))
    assert text(generate(tmp_path)) == plain
    (cache,) = tmp_path.iterdir()
    first = cache.stat()
    assert text(generate(tmp_path)) == plain
    assert cache.stat().st_mtime_ns == first.st_mtime_ns, "the second start packs again"

    with open(cache, "r+b") as file:
        file.seek(first.st_size // 2)
        byte = file.read(1)
        file.seek(first.st_size // 2)
        file.write(bytes([byte[0] ^ 1]))
    damaged = generate(tmp_path)
    assert text(damaged) == plain and "damaged" in damaged.stderr
    assert cache.stat().st_ino != first.st_ino and cache.stat().st_size == first.st_size
    assert generate(tmp_path).stderr == ""


def test_auto_keeps_it_beside_the_model_and_inspect_shows_it(tmp_path):
    link = tmp_path / "model.gguf"
    os.link(MODEL, link) if MODEL.stat().st_dev == tmp_path.stat().st_dev else link.write_bytes(MODEL.read_bytes())
    text(generate("auto", link))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.gguf", "model.gguf.packed"]
    shown = subprocess.run([BINARY, "inspect", link], capture_output=True, text=True, check=True).stdout
    assert f"{link}.packed" in shown


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    nowhere = tmp_path / "file"
    nowhere.write_text("not a folder")
    result = generate(nowhere)
    assert result.returncode == 0 and "not kept for the next start" in result.stderr
