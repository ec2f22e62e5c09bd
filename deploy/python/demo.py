#!/usr/bin/python3
"""The main job on loopback: three servers with TLS, simulated nodes and one
real machine, a stream of jobs, decisions asked for by two kinds of client, a
server killed and brought back. Called by deploy/demo.sh."""

import argparse
import json
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import grpc

from local_cluster import (API, SKERRY, Agent, Cluster, Fault, certificates,
                           wait_until)

ENDED = (API.types.FINISHED, API.types.FAILED, API.types.CANCELLED)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Demo:
    def __init__(self, folder, jobs, nodes, openb_nodes, seed):
        self.folder = pathlib.Path(folder)
        self.job_count = jobs
        self.nodes = nodes
        self.openb_nodes = openb_nodes
        self.random = random.Random(seed)
        self.submitted = {}  # id -> server that owns it
        self.unanswered = 0
        self.cluster = None

    # -- the cluster ----------------------------------------------------------

    def start(self):
        hosts = {name: "127.0.0.1" for name in "abc"}
        base = certificates(self.folder, hosts, agents=("sim", "openb-node", "real"))
        # Islands find new generations in what the servers leave of the cores.
        cluster = self.cluster = Cluster(
            self.folder, islands={"count": 1, "migration": "every=2,count=1",
                                  "scenarios": 2, "cpu_percent": 100,
                                  "checkpoint": "2s"},
            # One of them trains on what the cluster has decided.
            learner={"enabled": True, "cpu_percent": 100, "batch": 64,
                     "publish_steps": 50, "checkpoint": "1s"},
            # Whose champions rule when they have proved themselves.
            league={"mode": "on", "cpu_percent": 100, "round": "1s",
                    "canary_time": "2s", "settle_time": "2s"})
        for server in cluster.servers:
            server.tls = base / f"server-{server.name}"
        cluster.client_tls = base / "client-test"
        say("Starting 3 servers with TLS ...")
        cluster.start()
        wait_until(cluster.connected, "the servers reach each other")
        for i in range(3):
            spec = (f"openb:{self.openb_nodes},part={i + 1}/3"
                    if self.openb_nodes else
                    f"count={self.nodes // 3},cpu=64,memory=256GiB,gpus=8,"
                    f"model=A100,name=sim-{i}-")
            # A certificate is good for the nodes that begin with its name.
            holder = "openb-node" if self.openb_nodes else "sim"
            self.add_agent(f"sim{i}", ["--simulate", spec],
                           base / f"agent-{holder}", i)
        self.add_agent("real", ["--name", "real"], base / "agent-real", 0)
        wait_until(lambda: cluster.attached() >= self.nodes // 3 * 3 + 1,
                   "all nodes are attached")
        say(f"{cluster.attached()} nodes are attached, one of them this machine")

    def add_agent(self, name, arguments, tls, first):
        agent = Agent(self.cluster, name, arguments, tls=tls)
        agent.servers = (self.cluster.servers[first:]
                         + self.cluster.servers[:first])
        self.cluster.agents.append(agent)
        agent.start()

    # -- the clients ----------------------------------------------------------

    def skerry(self, *words, server=0):
        """The command line, as a user calls it."""
        command = [SKERRY, "--address", self.cluster.servers[server].api,
                   "--tls", str(self.cluster.client_tls), *words]
        return subprocess.run(command, check=True, capture_output=True,
                              text=True).stdout

    def requests(self, server, count):
        for number in range(count):
            request = API.jobs.SubmitRequest()
            job = request.jobs.add(id=f"demo-{server.name}-{number}")
            group = job.groups.add(count=1)
            profile = group.profile
            profile.demand.cpu_millicores = self.random.choice(
                [500, 1000, 2000, 4000])
            profile.demand.memory_bytes = self.random.choice([1, 2, 4]) << 30
            profile.max_attempts = 3
            if self.random.random() < 0.3:
                profile.devices.add(count=1, share_milli=self.random.choice(
                    [0, 250, 500]))
            # The real machine keeps to what is asked of it by name below.
            profile.constraints.add(key="skerry.simulated",
                                    operator=API.types.LabelConstraint.EXISTS)
            group.work.simulated.duration_milliseconds = self.random.randint(
                100, 3000)
            yield request

    def submit(self, server, count):
        """Streams jobs; what is not answered is sent again, by the same id."""
        waiting = {r.jobs[0].id: r for r in self.requests(server, count)}
        while waiting:
            sent = list(waiting.values())
            try:
                with self.cluster.channel(server) as channel:
                    stub = API.jobs_grpc.JobsStub(channel)
                    for request, reply in zip(
                            sent, stub.SubmitStream(iter(sent), timeout=60)):
                        if reply.error_message:
                            raise Fault(reply.error_message)
                        job = request.jobs[0].id
                        self.submitted[job] = server.name
                        del waiting[job]
            except grpc.RpcError:
                self.unanswered += 1
                time.sleep(0.1)

    def decide_in_python(self):
        request = API.decisions.DecideRequest(explain=True)
        task = request.tasks.add()
        task.demand.cpu_millicores = 4000
        task.demand.memory_bytes = 16 << 30
        task.devices.add(count=1)
        with self.cluster.channel(self.cluster.servers[2]) as channel:
            return API.decisions_grpc.DecisionsStub(channel).Decide(
                request, timeout=5).decisions[0]

    # -- the story ------------------------------------------------------------

    def run(self):
        begun = time.monotonic()
        self.start()
        share = self.job_count // 3
        say(f"Submitting {share * 3} jobs in streams to all servers ...")
        streams = [threading.Thread(target=self.submit, args=(server, share),
                                    daemon=True)
                   for server in self.cluster.servers]
        loaded = time.monotonic()
        for stream in streams:
            stream.start()
        wait_until(lambda: len(self.submitted) > share, "jobs are accepted")

        print("A decision by the command line:\n"
              + self.skerry("decide", "--cpu", "4", "--memory", "16GiB",
                            "--gpu", "1", "--explain"))
        decision = self.decide_in_python()
        if not decision.placed:
            raise Fault(f"no place for 1 GPU: {decision.text}")
        print(f"The same by a Python client, of another server: node "
              f"{decision.node} of cell {decision.cell}, score "
              f"{decision.score:g}, policy {decision.policy}\n")

        victim = self.cluster.servers[1]
        say("Killing server b with SIGKILL, and starting it again ...")
        victim.kill()
        killed = time.monotonic()
        time.sleep(0.5)
        victim.start()
        victim.wait_ready()
        say(f"Server b answers again {time.monotonic() - killed:.1f} s after "
            "it was killed")

        output = self.skerry("run", "--cpu", "100m", "--memory", "64MiB",
                             "--name", "hello", "--", "echo",
                             "hello from a real process")
        if "hello from a real process" not in output:
            raise Fault(f"the real process has written {output!r}")
        print(f"A real process on this machine has written: {output.strip()}\n")

        for stream in streams:
            stream.join()
        return self.finish(begun, loaded)

    def job_states(self):
        counts = {}
        for job in self.cluster.all_jobs().values():
            counts[job.state] = counts.get(job.state, 0) + 1
        return counts

    def islands(self):
        """Under the load they had little of the cores: now they get a moment,
        until each has taken in a migrant."""
        server = self.cluster.servers[0]
        until = time.monotonic() + 5
        while True:
            islands = self.cluster.all_islands(server).values()
            if (time.monotonic() > until or len(islands) == 3
                    and all(i.migrants_accepted for i in islands)):
                return islands
            time.sleep(0.1)

    def learners(self):
        """Likewise until something has been learned."""
        server = self.cluster.servers[0]
        until = time.monotonic() + 10
        while True:
            learners = self.cluster.all_learners(server).values()
            if (time.monotonic() > until
                    or any(one.policies_published for one in learners)):
                return learners
            time.sleep(0.2)

    def leagues(self):
        """Likewise until each has judged, and had time for a promotion."""
        server = self.cluster.servers[0]
        until = time.monotonic() + 12
        while True:
            leagues = self.cluster.all_leagues(server)
            if (time.monotonic() > until or len(leagues) == 3
                    and all(league.promotions for league in leagues.values())):
                return leagues
            time.sleep(0.2)

    @staticmethod
    def objective(leagues):
        """Of what is scarce, the share allocated on the same arrivals (the
        episodes of the last round), under who rules and under each heuristic:
        means over the leagues that have judged."""
        figures = {}
        for league in leagues.values():
            judged = {p.name: p for p in league.policies if p.judged}
            ruler = judged.get(league.active)
            if ruler is None:
                continue
            same = [p for p in judged.values()
                    if p.heuristic and p.round == ruler.round]
            for name, policy in [("skerry", ruler)] + [(p.name, p) for p in same]:
                figures.setdefault(name, []).append(policy.allocated_percent)
        means = {name: sum(each) / len(each) for name, each in figures.items()}
        skerry = means.pop("skerry", None)
        best = max(means, key=means.get, default=None)
        return {"skerry": skerry and round(skerry, 3),
                "best_baseline": best and round(means[best], 3),
                "best_baseline_name": best}

    def finish(self, begun, loaded):
        say("Waiting until all have ended ...")
        wait_until(self.cluster.connected, "the servers reach each other")

        def all_ended():
            try:
                counts = self.job_states()
            except (Fault, grpc.RpcError):
                return None  # a server has not answered in time
            return counts if set(counts) <= set(ENDED) else None
        counts = wait_until(all_ended, "all jobs have ended", pause=0.3)
        seconds = time.monotonic() - loaded
        listed = self.cluster.all_jobs()
        lost = [job for job in self.submitted if job not in listed]
        if lost:
            raise Fault(f"{len(lost)} acknowledged jobs are lost: {lost[:3]}")
        print(self.skerry("get", "servers"))
        islands = self.islands()
        print(self.skerry("get", "islands"))
        print(self.skerry("get", "replay"))
        learners = self.learners()
        print(self.skerry("get", "learner"))
        leagues = self.leagues()
        print(self.skerry("policy", "log", "--limit", "6"))
        status = [self.cluster.status(server).servers[0]
                  for server in self.cluster.servers]
        placed = sum(len([e for e in agent.events() if e[0] == "start"])
                     for agent in self.cluster.agents)
        self.cluster.stop()
        p99 = max(s.decision_p99_nanoseconds for s in status)
        return {
            "servers": len(status),
            "agents": len(self.cluster.agents),
            "nodes": sum(s.nodes_attached for s in status),
            "jobs_submitted": len(self.submitted) + 1,
            "tasks_placed": placed,
            "tasks_finished": counts.get(API.types.FINISHED, 0),
            "tasks_refused": counts.get(API.types.FAILED, 0),
            "decisions_per_second": round(placed / seconds),
            "decision_ms_p99": p99 / 1e6 if p99 else None,
            # Over the restart: generations and counts are in the checkpoints.
            "migrants_accepted": sum(i.migrants_accepted for i in islands),
            "generations": sum(i.generation for i in islands),
            # Decisions with what came of them, on the servers' disks.
            "experiences": sum(s.replay.recorded + s.replay.rebuilt
                               for s in status),
            # Of the weights, which go on where another server has ended.
            "learner_steps": max((one.steps for one in learners), default=None),
            "policies_published": sum(one.policies_published for one in learners),
            "active_policy": status[0].policy,
            "promotions": sum(l.promotions for l in leagues.values()),
            "objective": self.objective(leagues),
            "seconds": round(time.monotonic() - begun, 1),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=6000)
    parser.add_argument("--nodes", type=int, default=1213)
    parser.add_argument("--openb-nodes", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="skerry-demo-")
    demo = Demo(folder, arguments.jobs, arguments.nodes, arguments.openb_nodes,
                arguments.seed)
    try:
        summary = demo.run()
    except (Fault, grpc.RpcError, subprocess.CalledProcessError) as fault:
        detail = getattr(fault, "stderr", "") or ""
        print(f"deploy/demo.sh: {fault} {detail}\nLogs and data are in {folder}",
              file=sys.stderr)
        return 1
    finally:
        Cluster.kill_all()
    print("Summary:")
    for name, value in summary.items():
        for part, figure in (value.items() if isinstance(value, dict)
                             else [("", value)]):
            label = f"{name}.{part}" if part else name
            print(f"  {label:<32} {'-' if figure is None else figure}")
    if arguments.json:
        arguments.json.write_text(json.dumps(summary, indent=2) + "\n")
        print(f"Written to {arguments.json}")
    if arguments.keep:
        print(f"Logs and data are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
