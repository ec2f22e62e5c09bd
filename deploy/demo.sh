#!/usr/bin/env bash
# Shows Skerry at its main job on this machine: a live cluster of three servers.
# The story itself is told by deploy/python/demo.py.
set -euo pipefail

usage() {
  cat <<'END'
Usage: deploy/demo.sh [options]

Installs what is missing and builds. Then, on loopback and with mutual TLS: three
servers, 1213 simulated nodes and this machine as a real one, a stream of jobs,
decisions asked for by the command line and by a Python client, one server
killed and brought back in the middle. Ends with a summary and stops cleanly.

  --json FILE         also write the summary as JSON
  --keep              keep logs and state, and say where they are
  --short             fewer nodes and jobs: a smoke test
  --openb-nodes FILE  simulate the nodes of an openb node list
  --help              this text

A figure that the product cannot give yet is null in the JSON and `-` in the
summary. Needs half a minute once built.
END
}

fail() {
  echo "deploy/demo.sh: $1" >&2
  exit "${2:-1}"
}

options=()
while (($#)); do
  case "$1" in
    --json | --openb-nodes)
      (($# > 1)) || fail "$1 needs a file (see --help)" 2
      options+=("$1" "$(realpath -m -- "$2")")
      if [[ "$1" == --json && ! -d "$(dirname "${options[-1]}")" ]]; then
        fail "no directory for $2" 2
      fi
      if [[ "$1" == --openb-nodes && ! -r "$2" ]]; then
        fail "cannot read $2" 2
      fi
      shift
      ;;
    --keep) options+=(--keep) ;;
    --short) options+=(--jobs 900 --nodes 300) ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) fail "unknown argument $1 (see --help)" 2 ;;
  esac
  shift
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
deploy/install-dependencies.sh

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
echo "Building ..." >&2
{ cmake --preset release && cmake --build --preset release --target skerry; } \
  >"$log" 2>&1 || {
  cat "$log" >&2
  fail "the build failed"
}

/usr/bin/python3 -B deploy/python/demo.py "${options[@]}"
