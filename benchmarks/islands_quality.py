#!/usr/bin/python3
"""What a second server with islands brings in the same wall time.

Starts clusters of 1 and of 2 servers with one island each, which may take a
whole core, on a list of openb; after the given time brings their best policy
and judges it on fresh draws of the list. Prints a JSON line for each run.

Example:
  benchmarks/islands_quality.py --traces openb --list cpu250 --seconds 40 --seeds 1,2
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "deploy" / "python"))
from local_cluster import SKERRY, Cluster, wait_until  # noqa: E402


def skerry(*words):
    return subprocess.run([SKERRY, *map(str, words)], check=True,
                          capture_output=True, text=True).stdout


def run(traces, name, servers, seconds, seed):
    nodes = traces / "openb_node_list_gpu_node.csv.gz"
    pods = traces / "lists" / f"openb_pod_list_{name}.csv.gz"
    with tempfile.TemporaryDirectory(prefix="skerry-quality-") as folder:
        cluster = Cluster(folder, servers=servers, islands={
            "count": 1, "cpu_percent": 100, "seed": seed,
            "optimisers": ["cma-es"], "migration": "every=5,count=1",
            "objective": "traces", "trace_nodes": str(nodes),
            "trace_pods": [str(pods)]})
        cluster.start()
        first = cluster.servers[0]
        wait_until(lambda: len(cluster.all_islands(first)) == servers,
                   "the islands are there")
        time.sleep(seconds)
        islands = cluster.all_islands(first).values()
        policy = pathlib.Path(folder) / "best.policy"
        skerry("policy", "pull", "--address", first.api, "--out", policy)
        cluster.stop()
        judged = json.loads(skerry(
            "simulate", "openb", "--nodes", nodes, "--pods", pods, "--arrivals",
            traces / "orders" / f"order_{name}.csv.gz", "--tie-order",
            traces / "orders" / f"nodeprio_{name}.csv.gz", "--seed", "42,43,44",
            "--policy", policy, "-o", "json"))
        return {
            "servers": servers, "list": name, "seconds": seconds, "seed": seed,
            "evaluations": sum(i.evaluations for i in islands),
            "island_cpu_seconds": round(sum(i.cpu_seconds for i in islands), 1),
            "migrants_accepted": sum(i.migrants_accepted for i in islands),
            "best": round(min(i.best for i in islands), 4),
            "start": round(min(i.start_cost for i in islands), 4),
            "allocated_at_100": round(sum(
                r["allocated_gpu_percent"]["100"] for r in judged) / 3, 3)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--traces", type=pathlib.Path, required=True)
    parser.add_argument("--list", default="cpu250")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--servers", default="1,2")
    arguments = parser.parse_args()
    for seed in arguments.seeds.split(","):
        for servers in arguments.servers.split(","):
            try:
                print(json.dumps(run(arguments.traces, arguments.list,
                                     int(servers), arguments.seconds,
                                     int(seed))), flush=True)
            finally:
                Cluster.kill_all()


if __name__ == "__main__":
    main()
