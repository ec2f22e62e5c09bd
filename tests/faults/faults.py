#!/usr/bin/python3
"""Fault tests on real processes: kill, freeze, cut off and fill up, under load,
at instants drawn from a seed; then hold what the client was promised against
what the agents did. Prints one JSON line for each scenario."""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]
                       / "deploy" / "python"))
from local_cluster import (API, SKERRY, Agent, Cluster, Fault,  # noqa: E402
                           Server, certificates, wait_until)
from oracle import (Client, check_agents, check_converged,  # noqa: E402
                    quantile, time_to_start)

NODES = 1000


def loaded_cluster(folder, seed, agents=4, nodes=NODES, **options):
    cluster = Cluster(folder, **options)
    cluster.start()
    cluster.add_agents(agents, nodes // agents)
    cluster.wait_attached(nodes)
    client = Client(cluster, seed)
    client.start()
    return cluster, client


def finish(cluster, client, figures):
    client.end()
    figures.update(check_converged(cluster, client))
    figures.update(check_agents(cluster))
    figures["submit_ms_slowest"] = round(client.slowest * 1000)
    cluster.stop()
    return figures


def kill_server(folder, rounds, seed):
    """kill -9 of one server of three, restarted at once."""
    chance = random.Random(seed)
    cluster, client = loaded_cluster(folder, seed)
    seconds = []
    for number in range(rounds):
        time.sleep(chance.uniform(0.1, 1.0))
        victim = chance.choice(cluster.servers)
        victim.kill()
        begun = time.monotonic()
        victim.start()
        seconds.append(
            time_to_start(cluster, victim, f"probe-{number}", begun))
    return finish(cluster, client, {
        "seconds_until_start_p50": round(quantile(seconds, 0.5), 2),
        "seconds_until_start_p99": round(quantile(seconds, 0.99), 2)})


def kill_only_server(folder, rounds, seed):
    """kill -9 of the only server with all 1000 nodes: all have to come back."""
    chance = random.Random(seed)
    cluster, client = loaded_cluster(folder, seed, servers=1)
    victim = cluster.servers[0]
    seconds = []
    attached = []
    for number in range(rounds):
        time.sleep(chance.uniform(0.1, 1.0))
        victim.kill()
        begun = time.monotonic()
        victim.start()
        seconds.append(
            time_to_start(cluster, victim, f"probe-{number}", begun))
        cluster.wait_attached(NODES)
        attached.append(time.monotonic() - begun)
    return finish(cluster, client, {
        "seconds_until_start_p50": round(quantile(seconds, 0.5), 2),
        "seconds_until_start_p99": round(quantile(seconds, 0.99), 2),
        "seconds_until_all_attached_p99": round(quantile(attached, 0.99), 2)})


def kill_agent(folder, rounds, seed):
    """kill -9 of an agent with real processes: they run on and are adopted."""
    chance = random.Random(seed)
    cluster = Cluster(folder, servers=2)
    cluster.start()
    agent = Agent(cluster, "real", ["--name", "real", "--stop-tasks-on-exit"])
    cluster.agents.append(agent)
    agent.start()
    cluster.wait_attached(1)
    # A server that knows no other asks its own cell, in vain: an attempt.
    wait_until(cluster.connected, "the servers reach each other")
    server = cluster.servers[0]
    killed = 0
    with cluster.channel(server) as channel:
        stub = API.jobs_grpc.JobsStub(channel)
        for number in range(rounds):
            request = API.jobs.SubmitRequest()
            job = request.jobs.add(id=f"real-{number}")
            group = job.groups.add(count=4)
            group.profile.demand.cpu_millicores = 50
            group.profile.demand.memory_bytes = 16 << 20
            # A second run of the same attempt would find its own file.
            mark = pathlib.Path(folder) / f"mark-{number}"
            mark.mkdir(mode=0o777)
            mark.chmod(0o777)
            group.work.exec.argv.extend(
                ["/bin/sh", "-c",
                 f"mkdir {mark}/$SKERRY_TASK-$SKERRY_ATTEMPT || exit 7; "
                 f"sleep {chance.uniform(0.2, 2.0):.2f}"])
            stub.Submit(request, timeout=5)
            time.sleep(chance.uniform(0.0, 1.0))
            agent.kill()
            killed += 1
            agent.start()

            def ended():
                state = stub.Get(API.jobs.GetJobRequest(id=job.id), timeout=5)
                return state if state.ended_unix_milliseconds else None
            state = wait_until(ended, f"{job.id} has ended")
            if state.state != API.types.FINISHED:
                raise Fault(f"{job.id} was not left alone: {state}")
            if any(task.attempt != 1 for task in state.tasks):
                raise Fault(f"{job.id} was started again: {state}")
            if len(list(mark.iterdir())) != 4:
                raise Fault(f"{job.id} did not run 4 times")
    cluster.wait_attached(1)
    figures = check_agents(cluster)
    cluster.stop()
    return {"kills": killed, **figures}


def longest_pause(cluster, server, names, seconds):
    """The longest time in which one of these islands ended no generation."""
    begun = time.monotonic()
    last = {name: (begun, None) for name in names}
    longest = 0.0
    while time.monotonic() < begun + seconds:
        islands = cluster.all_islands(server)
        now = time.monotonic()
        for name in names:
            since, generation = last[name]
            longest = max(longest, now - since)
            if islands[name].generation != generation:
                last[name] = (now, islands[name].generation)
        time.sleep(0.02)
    return longest


def small_traces(folder):
    """Of which a generation takes milliseconds, so that pauses stand out."""
    nodes = folder / "nodes.csv"
    nodes.write_text("sn,cpu_milli,memory_mib,gpu,model\n" + "".join(
        f"n{i},{32000 + 16000 * (i % 3)},262144,{2 + 2 * (i % 2)},T4\n"
        for i in range(6)))
    pods = folder / "pods.csv"
    pods.write_text(
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,"
        "deletion_time,scheduled_time\n" + "".join(
            f"p{i},{2000 + 3000 * (i % 4)},4096,{1 + i % 5 // 4},"
            f"{1000 if i % 5 == 4 else 200 + 100 * (i % 7)},,0,60,0\n"
            for i in range(40)))
    return {"objective": "traces", "trace_nodes": str(nodes),
            "trace_pods": [str(pods)]}


def kill_islands(folder, rounds, seed):
    """kill -9 of a server with half of all islands: the others go on, and it
    goes on from its checkpoint; one checkpoint is damaged meanwhile."""
    chance = random.Random(seed)
    cluster, client = loaded_cluster(
        folder, seed, servers=2, islands={
            "count": 2, "cpu_percent": 20, "migration": "every=1,count=1",
            "scenarios": 1, "optimisers": ["cma-es"], "checkpoint": "1s",
            **small_traces(pathlib.Path(folder))})
    stays, victim = cluster.servers
    ours = [(stays.name, 0), (stays.name, 1)]
    theirs = [(victim.name, 0), (victim.name, 1)]

    def exchanged(islands):
        return all(name in islands and islands[name].migrants_accepted
                   for name in [*ours, *theirs])
    wait_until(lambda: exchanged(cluster.all_islands(stays)),
               "all islands accept migrants")
    undisturbed = longest_pause(cluster, stays, ours, 5)
    pauses = []
    resumed = []
    aside = 0
    for number in range(rounds):
        time.sleep(chance.uniform(1.0, 2.0))
        before = cluster.all_islands(stays)
        victim.kill()
        pauses.append(longest_pause(cluster, stays, ours, 3))
        # A new job starts at the other server as ever.
        time_to_start(cluster, stays, f"other-{number}", time.monotonic())
        damaged = number % 2 == 1
        if damaged:
            file = victim.data / "islands" / "0.checkpoint"
            data = bytearray(file.read_bytes())
            data[chance.randrange(len(data))] ^= 1
            file.write_bytes(data)
        victim.start()
        time_to_start(cluster, victim, f"probe-{number}", time.monotonic())

        def back():
            islands = cluster.all_islands(stays)
            return exchanged(islands) and islands
        islands = wait_until(back, "the islands are back and exchange")
        if damaged:
            if "set aside" not in islands[theirs[0]].trouble:
                raise Fault("a damaged checkpoint was not noticed")
            aside += 1
        elif islands[theirs[0]].resumed_generation == 0:
            raise Fault("an island has not gone on from its checkpoint")
        resumed.append(islands[theirs[1]].resumed_generation
                       / max(before[theirs[1]].generation, 1))
        if resumed[-1] == 0:
            raise Fault("an island has not gone on from its checkpoint")
    if max(pauses) > 1 + undisturbed:
        raise Fault(f"islands paused for {max(pauses):.2f} s, and for "
                    f"{undisturbed:.2f} s undisturbed")
    return finish(cluster, client, {
        "seconds_without_generation_undisturbed": round(undisturbed, 2),
        "seconds_without_generation_most": round(max(pauses), 2),
        "generations_resumed_share_least": round(min(resumed), 3),
        "damaged_checkpoints_set_aside": aside})


def freeze_server(folder, rounds, seed):
    """SIGSTOP of a server for longer than mesh timeout and lease."""
    chance = random.Random(seed)
    cluster, client = loaded_cluster(
        folder, seed, timing={"lease": "3s", "lease_margin": "1s",
                              "mesh_timeout": "2s"})
    seconds = []
    for number in range(rounds):
        time.sleep(chance.uniform(0.1, 1.0))
        victim, other = chance.sample(cluster.servers, 2)
        victim.send(signal.SIGSTOP)
        time.sleep(chance.uniform(2.0, 6.0))
        begun = time.monotonic()
        victim.send(signal.SIGCONT)
        seconds.append(time_to_start(cluster, victim, f"probe-{number}", begun))
        time_to_start(cluster, other, f"other-{number}", begun)
    return finish(cluster, client, {
        "seconds_until_start_p50": round(quantile(seconds, 0.5), 2),
        "seconds_until_start_p99": round(quantile(seconds, 0.99), 2)})


class Namespaces:
    """One network namespace for each of `names` on a bridge of their own."""

    def __init__(self, names):
        self.tag = f"sk{os.getpid() % 100000}"
        self.bridge = f"{self.tag}br"
        self.names = names
        self.address = {name: f"10.231.77.{i + 2}"
                        for i, name in enumerate(names)}

    def ip(self, *words):
        subprocess.run(["ip", *words], check=True, capture_output=True)

    def prefix(self, name):
        return ["ip", "netns", "exec", f"{self.tag}{name}"]

    def __enter__(self):
        self.ip("link", "add", self.bridge, "type", "bridge")
        self.ip("addr", "add", "10.231.77.1/24", "dev", self.bridge)
        self.ip("link", "set", self.bridge, "up")
        for name in self.names:
            space = f"{self.tag}{name}"
            self.ip("netns", "add", space)
            self.ip("link", "add", f"{space}o", "type", "veth", "peer", "name",
                    "eth0", "netns", space)
            self.ip("link", "set", f"{space}o", "master", self.bridge, "up")
            self.ip("-n", space, "addr", "add", f"{self.address[name]}/24",
                    "dev", "eth0")
            self.ip("-n", space, "link", "set", "eth0", "up")
            self.ip("-n", space, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for name in self.names:
            subprocess.run(["ip", "netns", "del", f"{self.tag}{name}"],
                           check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", self.bridge], check=False,
                       capture_output=True)

    def cut(self, name, other):
        """No packet between the two, either way, and no error to either."""
        for here, there in ((name, other), (other, name)):
            self.ip("-n", f"{self.tag}{here}", "route", "add", "blackhole",
                    f"{self.address[there]}/32")

    def mend(self, name, other):
        for here, there in ((name, other), (other, name)):
            self.ip("-n", f"{self.tag}{here}", "route", "del", "blackhole",
                    f"{self.address[there]}/32")


def partition(folder, rounds, seed):
    """Cuts between two servers, and between an agent and its servers, in
    network namespaces, over mutual TLS."""
    names = ["a", "b", "c", "sim"]
    with Namespaces(names) as net:
        base = certificates(
            folder, {name: net.address[name] for name in names[:3]})
        cluster = Cluster(folder, timing={"lease": "4s", "lease_margin": "1s",
                                          "mesh_timeout": "3s"})
        cluster.servers = [
            Server(cluster, name, net.address[name], base / f"server-{name}",
                   net.prefix(name)) for name in names[:3]]
        cluster.client_tls = base / "client-test"
        cluster.start()
        agent = Agent(cluster, "sim",
                      ["--simulate", "count=300,cpu=16,memory=64GiB,name=sim-"],
                      net.prefix("sim"), base / "agent-sim")
        cluster.agents.append(agent)
        try:
            agent.start()
            cluster.wait_attached(300)
            chance = random.Random(seed)
            client = Client(cluster, seed, jobs_per_second=60)
            client.start()
            seconds = []
            for number in range(rounds):
                pairs = [chance.sample(names, 2)
                         for _ in range(chance.choice([1, 1, 2]))]
                pairs = {tuple(sorted(pair)) for pair in pairs}
                for pair in pairs:
                    net.cut(*pair)
                time.sleep(chance.uniform(1.0, 8.0))
                for pair in pairs:
                    net.mend(*pair)
                begun = time.monotonic()
                seconds.append(time_to_start(
                    cluster, chance.choice(cluster.servers), f"probe-{number}",
                    begun))
            return finish(cluster, client, {
                "seconds_until_start_p50": round(quantile(seconds, 0.5), 2),
                "seconds_until_start_p99": round(quantile(seconds, 0.99), 2)})
        finally:
            cluster.kill()


def full_disk(folder, rounds, seed):
    """A server's disk runs full under load and is freed again."""
    disk = pathlib.Path(folder) / "a"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=192m", "skerry-test",
                    disk], check=True)
    try:
        cluster, client = loaded_cluster(folder, seed, servers=1, nodes=100,
                                         agents=1, min_free="48MiB")
        server = cluster.servers[0]
        ballast = disk / "ballast"
        for number in range(rounds):
            before = client.total()
            refused = client.refused
            with open(ballast, "wb") as file:
                room = shutil.disk_usage(disk).free - (24 << 20)
                file.write(b"x" * max(0, room))
            wait_until(lambda: client.refused > refused, "a clear refusal")
            server.check_alive()
            trouble = cluster.status(server).servers[0].trouble
            if "free" not in trouble:
                raise Fault(f"the server does not say its trouble: {trouble!r}")
            ballast.unlink()
            time_to_start(cluster, server, f"probe-{number}", time.monotonic())
            wait_until(lambda: client.total() > before, "submits go on")
        return finish(cluster, client, {"refusals": client.refused})
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


def storm(folder, rounds, seed):
    """10 000 nodes attach again after a restart; submits go on meanwhile."""
    del rounds
    cluster, client = loaded_cluster(folder, seed, servers=1, agents=10,
                                     nodes=10_000)
    server = cluster.servers[0]
    time.sleep(1)
    server.kill()
    begun = time.monotonic()
    client.slowest = 0.0
    server.start()
    server.wait_ready()
    ready = time.monotonic() - begun
    cluster.wait_attached(10_000)
    seconds = time.monotonic() - begun
    return finish(cluster, client, {"seconds_until_ready": round(ready, 2),
                                    "seconds_until_all_attached":
                                    round(seconds, 2)})


SCENARIOS = {
    "kill-server": kill_server,
    "kill-only-server": kill_only_server,
    "kill-agent": kill_agent,
    "kill-islands": kill_islands,
    "freeze-server": freeze_server,
    "partition": partition,
    "full-disk": full_disk,
    "storm": storm,
}
NEED_ROOT = {"partition", "full-disk"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO",
                        help=f"any of {', '.join(SCENARIOS)}; all by default")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true",
                        help="keep logs and data, and say where they are")
    arguments = parser.parse_args()
    unknown = set(arguments.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"no scenario {', '.join(sorted(unknown))}")
    chosen = arguments.scenarios or list(SCENARIOS)
    if os.geteuid() != 0 and set(chosen) & NEED_ROOT:
        print("SKIPPED: namespaces and mounts need root: "
              + ", ".join(sorted(set(chosen) & NEED_ROOT)), file=sys.stderr)
        return 77
    failed = False
    for name in chosen:
        folder = tempfile.mkdtemp(prefix=f"skerry-{name}-")
        os.chmod(folder, 0o755)
        line = {"scenario": name, "rounds": arguments.rounds,
                "seed": arguments.seed}
        try:
            line |= SCENARIOS[name](folder, arguments.rounds, arguments.seed)
            line["passed"] = True
        except (Fault, grpc.RpcError, subprocess.CalledProcessError) as fault:
            failed = True
            line["passed"] = False
            line["fault"] = str(fault)
            line["logs"] = folder
        finally:
            Cluster.kill_all()
        print(json.dumps(line), flush=True)
        if line["passed"] and not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
        elif arguments.keep:
            print(f"logs and data are in {folder}", file=sys.stderr)
    if failed:
        print(f"again: tests/faults/faults.py --seed {arguments.seed} "
              f"--rounds {arguments.rounds} {' '.join(arguments.scenarios)}",
              file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
