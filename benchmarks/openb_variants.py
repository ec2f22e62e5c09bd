#!/usr/bin/env python3
"""Workloads like openb's that no policy has been trained on.

Writes, for each variant, nodes.csv, pods.csv, order.csv and nodeprio.csv as
`skerry simulate openb` takes them. Mixes are drawn with replacement from a
published list; names of GPU models, cluster sizes and orders differ, too.

Example:
  benchmarks/openb_variants.py --traces openb --out variants --seeds 101,102
"""
import argparse
import csv
import gzip
import pathlib
import random
import sys

# Arrivals go on until the GPUs asked for are this share of the cluster's.
OFFERED = 1.3


def kind(pod):
    if int(pod["num_gpu"]) == 0:
        return "none"
    if int(pod["num_gpu"]) > 1:
        return "several"
    return "one" if int(pod["gpu_milli"]) == 1000 else "share"


def gpus(pod):
    return int(pod["num_gpu"]) * int(pod["gpu_milli"]) / 1000


def with_models(pods, share, models, chance):
    """The same pods, some of which name a model that the cluster has."""
    named = []
    for pod in pods:
        wants = gpus(pod) > 0 and chance.random() < share
        named.append({**pod, "gpu_spec": chance.choice(models) if wants else ""})
    return named


def tilted(weights):
    """Pods of a kind so many times as frequent."""
    def change(pods, nodes, chance):
        del nodes
        return chance.choices(pods, [weights.get(kind(p), 1) for p in pods],
                              k=len(pods))
    return change


def named(share):
    def change(pods, nodes, chance):
        models = [n["model"] for n in nodes if int(n["gpu"]) > 0]
        return with_models(pods, share, models, chance)
    return change


def unchanged(pods, nodes, chance):
    del nodes, chance
    return pods


def all_nodes(nodes):
    return nodes


def part(of, start=0):
    return lambda nodes: nodes[start::of]


def twice(nodes):
    return nodes + [{**n, "sn": n["sn"] + "-b"} for n in nodes]


def without(model):
    return lambda nodes: [n for n in nodes if n["model"] != model]


# By name: the list, what becomes of its pods, and of the nodes.
VARIANTS = {
    "sharing-x3": ("default", tilted({"share": 3}), all_nodes),
    "several-x3": ("default", tilted({"several": 3}), all_nodes),
    "cpu-only-x3": ("default", tilted({"none": 3}), all_nodes),
    "one-gpu-x3": ("default", tilted({"one": 3}), all_nodes),
    "models-50": ("default", named(0.5), all_nodes),
    "models-90": ("default", named(0.9), all_nodes),
    "cluster-quarter": ("default", unchanged, part(4)),
    "cluster-half": ("gpushare40", unchanged, part(2, 1)),
    "cluster-double": ("default", unchanged, twice),
    "without-t4": ("multigpu20", unchanged, without("T4")),
}


def read(path):
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows, fields):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def order_of(pods, capacity, chance):
    """Rows in order of arrival: each once, then again at random."""
    rows = list(range(len(pods)))
    chance.shuffle(rows)
    order, offered = [], 0.0
    while offered < OFFERED * capacity:
        row = rows.pop() if rows else chance.randrange(len(pods))
        order.append(row)
        offered += gpus(pods[row])
    return order


def write_variant(traces, out, name, seeds):
    base, change_pods, change_nodes = VARIANTS[name]
    chance = random.Random(name)
    nodes = change_nodes(read(traces / "openb_node_list_gpu_node.csv.gz"))
    pods = change_pods(read(traces / f"lists/openb_pod_list_{base}.csv.gz"),
                       nodes, chance)
    pods = [{**pod, "name": f"pod-{row:05}"} for row, pod in enumerate(pods)]
    capacity = sum(int(node["gpu"]) for node in nodes)
    orders, ranks = [], []
    for seed in seeds:
        chance = random.Random(f"{name} {seed}")
        orders.append(order_of(pods, capacity, chance))
        rank = list(range(len(nodes)))
        chance.shuffle(rank)
        ranks.append(rank)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "nodes.csv", nodes, nodes[0].keys())
    write(folder / "pods.csv", pods, pods[0].keys())
    longest = max(len(order) for order in orders)
    write(folder / "order.csv",
          [{str(seed): order[k] if k < len(order) else ""
            for seed, order in zip(seeds, orders)} for k in range(longest)],
          [str(seed) for seed in seeds])
    write(folder / "nodeprio.csv",
          [{"sn": node["sn"],
            **{str(seed): rank[i] for seed, rank in zip(seeds, ranks)}}
           for i, node in enumerate(nodes)],
          ["sn", *[str(seed) for seed in seeds]])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=pathlib.Path, required=True,
                        help="the folder with openb's node list and lists/")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", default="101,102,103,104,105")
    flags = parser.parse_args()
    try:
        seeds = [int(seed) for seed in flags.seeds.split(",")]
    except ValueError:
        parser.error(f"--seeds {flags.seeds}: want whole numbers: 101,102")
    try:
        for name in VARIANTS:
            write_variant(flags.traces, flags.out, name, seeds)
            print(name)
    except OSError as fault:
        sys.exit(f"openb_variants: {fault}")


if __name__ == "__main__":
    main()
