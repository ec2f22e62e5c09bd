#!/usr/bin/env bash
# From a bare Debian 12 to the result of every test; ends with ctest's summary.
set -euo pipefail

usage() {
  cat <<'END'
Usage: tests/run.sh [options]

Installs what is missing, builds, and runs the tests.

  --preset NAME   release (default), debug or asan-ubsan
  --full          also the long tests, labelled `full`
  --filter REGEX  only the tests whose name matches
  --jobs N        build and test N at a time (default: the number of CPUs)
  --help          this text

Exits 0 if every test passed, 2 on wrong usage, otherwise with 1 or the status
of the step that failed.
END
}

usage_error() {
  echo "tests/run.sh: $1 (see --help)" >&2
  exit 2
}

preset=release
filter=
jobs="$(nproc)"
full=false

while (($#)); do
  case "$1" in
    --preset | --filter | --jobs)
      (($# > 1)) || usage_error "$1 needs a value"
      declare "${1#--}=$2"
      shift
      ;;
    --full) full=true ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) usage_error "unknown argument $1" ;;
  esac
  shift
done

case "$preset" in
  release | debug | asan-ubsan) ;;
  *) usage_error "no preset $preset" ;;
esac
[[ "$jobs" =~ ^[1-9][0-9]*$ ]] || usage_error "--jobs $jobs is no number"

cd "$(dirname "${BASH_SOURCE[0]}")/.."
deploy/install-dependencies.sh
cmake --preset "$preset"
cmake --build --preset "$preset" --parallel "$jobs"

# --no-tests=error: a filter that matches nothing must not look like success.
selection=(--no-tests=error)
"$full" || selection+=(--label-exclude '^full$')
[[ -z "$filter" ]] || selection+=(--tests-regex "$filter")
ctest --preset "$preset" --parallel "$jobs" "${selection[@]}"
