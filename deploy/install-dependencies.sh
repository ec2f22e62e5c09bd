#!/usr/bin/env bash
# Installs what Skerry needs to build, test and run its demo on Debian 12.
set -euo pipefail

usage() {
  cat <<'END'
Usage: deploy/install-dependencies.sh [--dev] [--help]

Installs the Debian 12 packages that building, testing and the demo need.
Says nothing and changes nothing when all of them are there already.

  --dev   also the formatter and linter (clang-format-14, clang-tidy-14), and a
          peer that `skerry bench plans` compares with (libpagmo-dev)
  --help  this text

Needs root, or sudo, only when a package is missing.
END
}

fail() {
  echo "install-dependencies: $1" >&2
  exit "${2:-1}"
}

packages=(
  g++ cmake ninja-build ccache # to build
  libfmt-dev libcli11-dev nlohmann-json3-dev zlib1g-dev
  libprotobuf-dev protobuf-compiler libgrpc++-dev protobuf-compiler-grpc
  libcaf-dev librocksdb-dev libtomlplusplus-dev libspdlog-dev libssl-dev
  libjemalloc-dev
  # to train: OpenBLAS is 4 to 5 times faster than the BLAS that comes along
  libtorch-dev libopenblas0-pthread
  doctest-dev librapidcheck-dev # to test
  # deploy/demo.sh and tests/faults: clients of the API, network namespaces
  jq python3 python3-grpcio python3-protobuf iproute2
)
dev_packages=(clang-format-14 clang-tidy-14 libpagmo-dev)

while (($#)); do
  case "$1" in
    --dev) packages+=("${dev_packages[@]}") ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) fail "unknown argument $1 (see --help)" 2 ;;
  esac
  shift
done

if ! command -v dpkg-query >/dev/null; then
  fail "this is not Debian; install the counterparts of: ${packages[*]}"
fi

is_installed() {
  [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" \
    == installed ]]
}

missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
((${#missing[@]})) || exit 0

# In a subshell: os-release sets many variables.
release="$( . /etc/os-release && echo "${ID:-unknown} ${VERSION_ID:-}")" \
  || release="unknown"
if [[ "$release" != "debian 12" ]]; then
  fail "this is ${release}, not Debian 12; install by hand: ${missing[*]}"
fi

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null \
    || fail "missing ${missing[*]}; run this as root, or install sudo"
  as_root=(sudo)
fi

apt_get() {
  # The lock is waited for: a fresh machine often updates itself just now.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >/dev/null
}

echo "install-dependencies: installing ${missing[*]}" >&2
apt_get update || fail "apt-get update failed; is there a network?"
apt_get install --no-install-recommends "${missing[@]}" \
  || fail "apt-get could not install ${missing[*]}"
