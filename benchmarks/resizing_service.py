#!/usr/bin/env python3
"""A small HTTP service whose CPU follows its load, beside fixed sizes.

Three copies of one service run side by side, each in its own cgroup under its
own skerry server and agent: with all its CPU reserved, resized by a threshold
rule, and resized by Skerry's shipped policy. One open-loop generator sends each
of them the same requests at the same times: a day's curve, compressed, with
bursts. Response times count from when a request was due, so a service that
falls behind cannot slow the load down.

A fourth variant, "skerry-p95", is the same policy as it was tuned for another
trade-off: 5 % of the work may be late instead of 1 %.

Prints a line of JSON for each variant and repetition, then a table of means.
Needs root (cgroups) and two cores; only the standard library.

    benchmarks/resizing_service.py --skerry build/release/cli/skerry \\
        --repetitions 2 --seed 1
"""

import argparse
import asyncio
import hashlib
import http.server
import json
import math
import os
import pathlib
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CORES = 0.6  # the most a service may have
LEAST = 0.06
# name: (the job's `resize`, lines of [resizing])
VARIANTS = {
    "full": ("off", 'policy = "full"'),
    "threshold": ("auto", 'policy = "threshold"'),
    "skerry": ("auto", 'policy = "window-sigma"'),
    "skerry-p95": ("auto", """policy = "window-sigma"
parameters = ["window=15", "half_life=35.9", "sigmas=0.945",
  "dead_band=0.126", "boost=1.17"]
safety = "1.01"
"""),
}
FIGURES = ("reserve_core_s", "used_core_s", "utilisation", "throttled",
           "p50_ms", "p95_ms", "p99_ms", "late", "resizes")


# -- the service --------------------------------------------------------------

class Answer(http.server.BaseHTTPRequestHandler):
    """Each request costs the same CPU, outside of Python's lock."""

    def do_GET(self):
        hashlib.pbkdf2_hmac("sha256", b"skerry", b"salt", self.server.rounds)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


def serve(port, rounds):
    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 1024
        daemon_threads = True
    server = Server(("127.0.0.1", port), Answer)
    server.rounds = rounds
    server.serve_forever()


def rounds_for(seconds):
    """Of the hash, that take so long on this machine: the fastest of several
    tries, as others may have run."""
    probe = 20_000
    fastest = min(timed(lambda: hashlib.pbkdf2_hmac("sha256", b"a", b"b", probe))
                  for _ in range(9))
    return max(1, round(probe * seconds / fastest))


def timed(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


# -- the load -----------------------------------------------------------------

def arrivals(seed, lead, day, peak):
    """Times of a Poisson process: the night's rate while sizes settle, then a
    day with its peak in the middle and four bursts of double rate."""
    rng = random.Random(seed)
    bursts = [lead + rng.uniform(0.05, 0.95) * day for _ in range(4)]
    length = day / 30

    def rate(t):
        phase = max(0.0, t - lead) / day
        level = 0.15 + 0.85 * math.sin(math.pi * phase) ** 2
        if any(start <= t < start + length for start in bursts):
            level = min(2 * level + 0.15, 1.6)
        return peak * level

    times, t = [], 0.0
    most = 1.6 * peak
    while True:  # thinning
        t += rng.expovariate(most)
        if t >= lead + day:
            return times
        if rng.random() * most < rate(t):
            times.append(t)


async def request(port, due, out, patience):
    """Adds (when it was due, how long it took, or None)."""
    loop = asyncio.get_running_loop()
    writer = None
    try:
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            if not (await reader.read()).endswith(b"ok"):
                raise OSError("a strange answer")
        out.append((due, loop.time() - due))
    except (OSError, TimeoutError):
        out.append((due, None))
    finally:
        if writer:
            writer.close()


async def load(times, ports, patience=10.0):
    """Sends every request to all ports when it is due."""
    loop = asyncio.get_running_loop()
    begin = loop.time() + 0.2
    results = {port: [] for port in ports}
    running = set()
    for t in times:
        due = begin + t
        if (wait := due - loop.time()) > 0:
            await asyncio.sleep(wait)
        for port in ports:
            task = asyncio.create_task(request(port, due, results[port],
                                               patience))
            running.add(task)
            task.add_done_callback(running.discard)
    if running:
        await asyncio.wait(running)
    return begin, results


# -- what the kernel says -----------------------------------------------------

class Group:
    """The cgroup of a process, version 2 or 1."""

    def __init__(self, pid):
        places = {}
        for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().split("\n"):
            if line:
                _, names, path = line.split(":", 2)
                for name in names.split(","):
                    places[name] = path
        root = pathlib.Path("/sys/fs/cgroup")
        self.cpu = root / "cpu" / places["cpu"][1:] if "cpu" in places else None
        if self.cpu and "skerry" in str(self.cpu):
            self.account = root / "cpuacct" / places["cpuacct"][1:]
        else:
            self.cpu, self.account = root / places[""][1:], None
            if not (self.cpu / "cpu.max").exists():
                sys.exit("the service is not in a cgroup; is this root?")

    def cores(self):
        if self.account:
            quota = int((self.cpu / "cpu.cfs_quota_us").read_text())
            period = int((self.cpu / "cpu.cfs_period_us").read_text())
        else:
            quota, period = (self.cpu / "cpu.max").read_text().split()
        return int(quota) / int(period)

    def stat(self):
        lines = (self.cpu / "cpu.stat").read_text().split("\n")
        return {key: int(value)
                for key, value in (line.split() for line in lines if line)}

    def used_seconds(self):
        if self.account:
            return int((self.account / "cpuacct.usage").read_text()) / 1e9
        return self.stat()["usage_usec"] / 1e6


class Watch(threading.Thread):
    """Integrates what a service may use."""

    def __init__(self, group):
        super().__init__(daemon=True)
        self.group = group
        self.core_seconds = 0.0
        self.changes = 0
        self.ended = threading.Event()

    def run(self):
        last, size = time.monotonic(), self.group.cores()
        while not self.ended.wait(0.05):
            now = time.monotonic()
            self.core_seconds += (now - last) * size
            fresh = self.group.cores()
            self.changes += fresh != size
            last, size = now, fresh


# -- the cluster --------------------------------------------------------------

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Variant:
    """A service under its own server and agent."""

    def __init__(self, name, folder, options, rounds):
        resize, rules = VARIANTS[name]
        self.name = name
        self.skerry = options.skerry
        self.folder = folder / name
        self.folder.mkdir()
        self.port = free_port()
        self.children = []
        api = f"127.0.0.1:{free_port()}"
        self.config = self.folder / "skerry.toml"
        self.config.write_text(f"""
[server]
name = "{name}"
data = "{self.folder}/server"
listen = "{api}"
mesh_listen = ""
[league]
mode = "off"
[resizing]
interval = "{options.interval}ms"
{rules}
[agent]
servers = ["{api}"]
data = "{self.folder}/agent"
user = "root"
usage_interval = "{options.interval // 2}ms"
stop_tasks_on_exit = true
[client]
addresses = ["{api}"]
""")
        job = {"id": "web", "cpu": CORES, "memory": "128MiB", "resize": resize,
               "minimum": {"cpu": LEAST, "memory": "128MiB"},
               "maximum": {"cpu": CORES, "memory": "128MiB"},
               "argv": [sys.executable, os.path.abspath(__file__), "--serve",
                        str(self.port), "--rounds", str(rounds)]}
        self.job = self.folder / "job.json"
        self.job.write_text(json.dumps(job))

    def run(self, *arguments, **how):
        return subprocess.run([self.skerry, "--config", self.config, *arguments],
                              check=True, capture_output=True, text=True, **how)

    def start(self):
        for role in ("server", "agent"):
            with open(self.folder / f"{role}.log", "wb") as log:
                self.children.append(subprocess.Popen(
                    [self.skerry, "--config", self.config, role],
                    stdout=log, stderr=log))
            self.wait(lambda: "\n" in self.run("get", "nodes").stdout.strip()
                      if role == "agent" else self.run("get", "servers"))
        self.run("submit", str(self.job))
        self.wait(lambda: socket.create_connection(("127.0.0.1", self.port),
                                                   0.2).close() is None)
        self.group = Group(self.pid())

    def pid(self):
        """Of the process that serves, not of its supervisor."""
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if (words[:1] == [os.fsencode(sys.executable)]
                        and str(self.port).encode() in words):
                    return int(entry.name)
        sys.exit(f"the service of {self.name} does not run")

    def wait(self, condition, patience=20):
        end = time.monotonic() + patience
        while True:
            try:
                if condition():
                    return
            except (OSError, subprocess.CalledProcessError):
                pass
            if time.monotonic() > end:
                sys.exit(f"{self.name} does not come up, see {self.folder}")
            time.sleep(0.1)

    def stop(self):
        for child in reversed(self.children):
            child.terminate()
            child.wait(20)


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(options, repetition):
    seed = options.seed + repetition
    folder = pathlib.Path(tempfile.mkdtemp(prefix="skerry-service-"))
    cost = options.cost_milliseconds / 1000
    rounds = rounds_for(cost)
    peak = options.peak * CORES / cost
    variants = [Variant(name, folder, options, rounds)
                for name in options.variants.split(",")]
    lines = []
    try:
        for variant in variants:
            variant.start()
        times = arrivals(seed, options.lead, options.day, peak)

        async def day():
            sending = asyncio.create_task(
                load(times, [v.port for v in variants]))
            await asyncio.sleep(0.2 + options.lead)
            before = []
            for variant in variants:
                variant.watch = Watch(variant.group)
                variant.watch.start()
                before.append((variant.group.used_seconds(),
                               variant.group.stat()))
            await asyncio.sleep(options.day)
            after = []
            for variant in variants:
                variant.watch.ended.set()
                after.append((variant.group.used_seconds(),
                              variant.group.stat()))
            return before, after, await sending

        before, after, (begin, results) = asyncio.run(day())
        for variant, (used, old), (used_now, new) in zip(variants, before,
                                                         after):
            scored = [took for due, took in results[variant.port]
                      if due >= begin + options.lead]
            took = [each for each in scored if each is not None]
            reserve = variant.watch.core_seconds
            periods = new["nr_periods"] - old["nr_periods"]
            throttled = new["nr_throttled"] - old["nr_throttled"]
            lines.append({
                "variant": variant.name, "seed": seed,
                "requests": len(scored), "failed": len(scored) - len(took),
                "reserve_core_s": reserve, "used_core_s": used_now - used,
                "utilisation": (used_now - used) / reserve,
                "throttled": throttled / max(1, periods),
                "p50_ms": 1000 * quantile(took, 0.5),
                "p95_ms": 1000 * quantile(took, 0.95),
                "p99_ms": 1000 * quantile(took, 0.99),
                "late": sum(each is None or each > options.objective / 1000
                            for each in scored) / len(scored),
                "resizes": variant.watch.changes})
            print(json.dumps(lines[-1]), flush=True)
    finally:
        for variant in variants:
            variant.stop()
    shutil.rmtree(folder, ignore_errors=True)
    return lines


def table(lines):
    rows = [("variant", "n", *FIGURES)]
    for name in dict.fromkeys(line["variant"] for line in lines):
        of = [line for line in lines if line["variant"] == name]
        cells = []
        for figure in FIGURES:
            values = [line[figure] for line in of]
            spread = statistics.stdev(values) if len(values) > 1 else 0
            cells.append(f"{statistics.mean(values):.3g} ({spread:.2g})")
        rows.append((name, str(len(of)), *cells))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width)
                               for cell, width in zip(row, widths)).rstrip()
                     for row in rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--skerry", default="build/release/cli/skerry")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1, help="of the first one")
    parser.add_argument("--variants", default="full,threshold,skerry",
                        help="of " + ", ".join(VARIANTS))
    parser.add_argument("--lead", type=float, default=20,
                        help="seconds before the day, not scored")
    parser.add_argument("--day", type=float, default=60, help="seconds")
    parser.add_argument("--interval", type=int, default=300,
                        help="milliseconds between two looks at the size")
    parser.add_argument("--cost-milliseconds", type=float, default=4,
                        help="CPU of a request")
    parser.add_argument("--peak", type=float, default=0.35,
                        help="load at noon, of the most CPU")
    parser.add_argument("--objective", type=float, default=100,
                        help="milliseconds; slower answers count as late")
    parser.add_argument("--table", metavar="FILE", nargs="+",
                        help="only the table of lines that were kept")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.rounds)
    elif options.table:
        print(table([json.loads(line) for file in options.table
                     for line in open(file) if line.startswith("{")]))
    else:
        options.skerry = os.path.abspath(options.skerry)
        print(table([line for repetition in range(options.repetitions)
                     for line in measure(options, repetition)]))


if __name__ == "__main__":
    main()
