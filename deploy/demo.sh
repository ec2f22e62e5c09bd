#!/usr/bin/env bash
# Shows Skerry at work on this machine. There is no live cluster yet, so the
# demo simulates one: the same core that will decide for real machines places a
# synthetic workload under several policies.
set -euo pipefail

usage() {
  cat <<'END'
Usage: deploy/demo.sh [options]

Installs what is missing, builds, simulates a cluster of CPU and GPU nodes
under several policies, and ends with a summary.

  --json FILE  also write the summary as JSON
  --keep       keep the simulator's full output and say where it is
  --short      a small cluster for one hour: a smoke test
  --help       this text

A figure that the product cannot give yet is null in the JSON and `-` in the
table.
END
}

fail() {
  echo "deploy/demo.sh: $1" >&2
  exit "${2:-1}"
}

json_file=
keep=false
nodes=200
hours=12
while (($#)); do
  case "$1" in
    --json)
      (($# > 1)) || fail "--json needs a file (see --help)" 2
      json_file="$(realpath -m -- "$2")"
      shift
      ;;
    --keep) keep=true ;;
    --short)
      nodes=40
      hours=1
      ;;
    --help | -h)
      usage
      exit 0
      ;;
    *) fail "unknown argument $1 (see --help)" 2 ;;
  esac
  shift
done
if [[ -n "$json_file" && ! -d "$(dirname "$json_file")" ]]; then
  fail "no directory for $json_file" 2
fi

cd "$(dirname "${BASH_SOURCE[0]}")/.."
deploy/install-dependencies.sh
work="$(mktemp -d -t skerry-demo.XXXXXX)"
"$keep" || trap 'rm -rf "$work"' EXIT

echo "Building ..." >&2
{ cmake --preset release && cmake --build --preset release; } \
  >"$work/build.log" 2>&1 || {
  cat "$work/build.log" >&2
  fail "the build failed"
}

skerry=build/release/cli/skerry
echo "Simulating $nodes nodes for $hours h, 5 policies, 3 seeds ..." >&2
"$skerry" simulate synthetic --nodes "$nodes" --hours "$hours" \
  --policy fgd,best-fit,best-fit-all,first-fit,worst-fit --seed 1,2,3 \
  -o json >"$work/runs.json" || fail "the simulation failed"

# What each policy did, as means over the seeds; the shortest wait is the best.
# A figure that the simulator promises and does not give is an error.
jq '
  def figure(name): getpath(name / ".") // error("no figure \(name)");
  def mean(name): map(figure(name)) | add / length;
  group_by(.policy) | map({
    policy: .[0].policy,
    submitted: mean("submitted"),
    placed: mean("placed"),
    finished: mean("finished"),
    refused: mean("refused"),
    wait_seconds_mean: mean("wait_seconds.mean")
  }) | sort_by(.wait_seconds_mean)
' "$work/runs.json" >"$work/policies.json"

# Counts are over all runs. A simulation has no processes: their figures are
# null until the demo runs a live cluster, and so is the policy yet to be shipped.
jq -s --argjson nodes "$nodes" '
  .[0] as $runs | .[1][0] as $best
  | def figure(name): getpath(name / ".") // error("no figure \(name)");
  def total(name): $runs | map(figure(name)) | add;
  {
    servers: null,
    agents: null,
    nodes: $nodes,
    jobs_submitted: total("submitted"),
    tasks_placed: total("placed"),
    tasks_finished: total("finished"),
    tasks_refused: total("refused"),
    decisions_per_second:
      ($runs | map(figure("decisions_per_second")) | add / length | round),
    decision_ms_p99:
      ($runs | map(figure("decision_us.p99")) | max / 1000),
    migrants_accepted: null,
    generations: null,
    experiences: null,
    learner_steps: null,
    policies_published: null,
    active_policy: null,
    objective: {
      skerry: null,
      best_baseline: $best.wait_seconds_mean,
      best_baseline_name: $best.policy
    }
  }
' "$work/runs.json" "$work/policies.json" >"$work/summary.json"

print_table() {
  local row
  while IFS=$'\t' read -r -a row; do
    printf '%-12s %10s %10s %10s %10s %12s\n' "${row[@]}"
  done < <(jq -r '
    ["policy", "submitted", "placed", "finished", "refused", "mean wait s"],
    (.[] | [.policy, (.submitted, .placed, .finished, .refused | round),
            (.wait_seconds_mean * 10 | round / 10)]) | @tsv' "$1")
}

echo
echo "Mean over 3 seeds, the shortest wait first:"
print_table "$work/policies.json"
echo
echo "Summary:"
jq -r 'paths(scalars or . == null) as $path | [($path | join(".")),
       (getpath($path) // "-")] | @tsv' "$work/summary.json" \
  | while IFS=$'\t' read -r name value; do
      printf '  %-28s %s\n' "$name" "$value"
    done
if [[ -n "$json_file" ]]; then
  cp "$work/summary.json" "$json_file"
  echo "Written to $json_file"
fi
! "$keep" || echo "The simulator's output is in $work"
