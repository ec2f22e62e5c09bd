#!/usr/bin/env bash
# Holds the C++ of the tree against .clang-format and .clang-tidy.
set -euo pipefail

usage() {
  cat <<'END'
Usage: tests/lint.sh [--format | --tidy] [--fix] [--help] [FILE...]

Checks the layout of every C++ file with clang-format, and every source in
build/release's compilation database with clang-tidy; both by default. With
FILEs it checks only these.

  --format  only clang-format; exit 77 (for ctest: skipped) without it
  --tidy    only clang-tidy
  --fix     let clang-format rewrite the files
  --help    this text

The tools come from deploy/install-dependencies.sh --dev.
END
}

fail() {
  echo "tests/lint.sh: $1" >&2
  exit "${2:-1}"
}

format=true
tidy=true
mode=(--dry-run)
files=()
while (($#)); do
  case "$1" in
    --format) tidy=false ;;
    --tidy) format=false ;;
    --fix) mode=(-i) ;;
    --help | -h)
      usage
      exit 0
      ;;
    -*) fail "unknown argument $1 (see --help)" 2 ;;
    *) files+=("$(realpath -- "$1")") ;;
  esac
  shift
done
"$format" || "$tidy" || fail "--format and --tidy exclude each other" 2

cd "$(dirname "${BASH_SOURCE[0]}")/.."
database=build/release
if ((${#files[@]} == 0)); then
  # Not git's list: the check also works in a tree without .git.
  readarray -d '' -t files < <(find . -name '.?*' -prune -o -name 'build*' \
    -prune -o -name '*.[ch]pp' -print0 | sort -z)
fi

if "$format"; then
  if ! command -v clang-format-14 >/dev/null; then
    echo "SKIPPED: clang-format-14 is not installed," \
      "so the layout of the code is NOT checked" >&2
    "$tidy" || exit 77
    exit 1
  fi
  clang-format-14 "${mode[@]}" -Werror "${files[@]}"
fi

if "$tidy"; then
  command -v clang-tidy-14 >/dev/null || fail "clang-tidy-14 is not installed"
  [[ -f "$database/compile_commands.json" ]] \
    || fail "no $database/compile_commands.json; run tests/run.sh first"
  sources=()
  for file in "${files[@]}"; do
    [[ "$file" != *.cpp ]] || sources+=("$file")
  done
  ((${#sources[@]} == 0)) || printf '%s\0' "${sources[@]}" \
    | xargs -0 -n 1 -P "$(nproc)" clang-tidy-14 --quiet -p "$database" \
      2> >(grep -v '^[0-9]* warnings\? generated\.$' >&2)
fi
