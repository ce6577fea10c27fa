#!/usr/bin/env bash
# Build llama.cpp, the comparator of bench/ and of the golden KL numbers, in the cache folder. Prints the folder of its
# programs. Arguments go to ninja (for example -j1).
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${BOWHEAD_CACHE:-$HOME/.cache/bowhead}
sources=$(python3 tools/fetch.py llama-cpp)/llama.cpp
build=$cache/build/llama.cpp
if [[ ! -f $build/build.ninja ]]; then
  cmake -S "$sources" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF \
    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DBUILD_SHARED_LIBS=OFF >&2
fi
ninja -C "$build" "$@" llama-server llama-bench llama-batched-bench llama-perplexity >&2
echo "$build/bin"
