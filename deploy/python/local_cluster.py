"""A cluster of real processes on this machine: servers and agents, started,
watched and ended by pid. For the demo and for the fault tests."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import grpc

from skerry_stubs import stubs

ROOT = pathlib.Path(__file__).resolve().parents[2]

API = stubs()
SKERRY = os.environ.get("SKERRY", str(ROOT / "build/release/cli/skerry"))
PATIENCE = float(os.environ.get("PATIENCE", 90))  # seconds until a wait counts as hanging


class Fault(AssertionError):
    """What must not happen has happened."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, patience=PATIENCE, pause=0.02):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(pause)
    raise Fault(f"{what}: not within {patience:.0f} s")


class Process:
    """A child that is ended by pid, and only by whoever started it."""

    def __init__(self, name, log):
        self.name = name
        self.log = log
        self.child = None

    def spawn(self, arguments, prefix=()):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                [*prefix, SKERRY, *map(str, arguments)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)

    def send(self, number):
        self.child.send_signal(number)

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def terminate(self, patience=15):
        """Asks it to end and expects that it does so in peace."""
        if self.child is None or self.child.poll() is not None:
            return
        self.child.terminate()
        try:
            code = self.child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Fault(f"{self.name} does not end on SIGTERM") from None
        if code != 0:
            raise Fault(f"{self.name} ended with {code} on SIGTERM, see {self.log}")

    def check_alive(self):
        if self.child.poll() is not None:
            tail = pathlib.Path(self.log).read_text(errors="replace")[-2000:]
            raise Fault(f"{self.name} ended with {self.child.returncode}:\n{tail}")


class Server(Process):
    def __init__(self, cluster, name, host="127.0.0.1", tls=None, prefix=()):
        super().__init__(name, cluster.folder / f"{name}.log")
        self.cluster = cluster
        self.host = host
        self.tls = tls
        self.prefix = prefix
        self.data = cluster.folder / name
        self.api = f"{host}:{free_port()}"
        self.mesh = f"{host}:{free_port()}"

    def configure(self, seeds):
        quote = json.dumps
        text = f"""[server]
name = {quote(self.name)}
data = {quote(str(self.data))}
listen = {quote(self.api)}
mesh_listen = {quote(self.mesh)}
seeds = {json.dumps(seeds)}
min_free = {quote(self.cluster.min_free)}
"""
        for name in ("islands", "learner", "league"):
            if section := getattr(self.cluster, name):
                text += f"[{name}]\n" + "".join(
                    f"{key} = {quote(value)}\n"
                    for key, value in section.items())
        if self.tls:
            text += f"[tls]\ndirectory = {quote(str(self.tls))}\n"
        text += "[timing]\n" + "".join(
            f"{key} = {quote(value)}\n"
            for key, value in self.cluster.timing.items())
        self.config = self.cluster.folder / f"{self.name}.toml"
        self.config.write_text(text)

    def start(self, *flags):
        self.spawn(["--config", self.config, "server", *flags], self.prefix)

    def wait_ready(self, patience=30):
        """Until the API answers."""
        def answers():
            self.check_alive()
            try:
                with self.cluster.channel(self) as channel:
                    API.cluster_grpc.ClusterStub(channel).Servers(
                        API.cluster.ServersRequest(), timeout=2,
                        wait_for_ready=True)
                return True
            except grpc.RpcError:
                return False
        wait_until(answers, f"{self.name} is ready", patience)


class Agent(Process):
    def __init__(self, cluster, name, arguments, prefix=(), tls=None):
        super().__init__(name, cluster.folder / f"{name}.log")
        self.cluster = cluster
        self.data = cluster.folder / name
        self.arguments = arguments
        self.prefix = prefix
        self.tls = tls
        self.servers = cluster.servers  # in the order that they are tried

    def start(self):
        flags = ["--tls", self.tls] if self.tls else []
        self.spawn(["agent", "--server",
                    ",".join(s.api for s in self.servers), "--data",
                    self.data, *flags, *self.arguments], self.prefix)

    def events(self):
        """What the agent says that it did: never compacted, oldest first."""
        file = self.data / "starts.log"
        if not file.exists():
            return []
        lines = file.read_text().split("\n")[:-1]  # the last may be half a line
        return [line.split() for line in lines if line]


class Cluster:
    started = []  # all of this process, so that none outlives it

    def __init__(self, folder, servers=3, timing=None, min_free="16MiB",
                 islands=None, learner=None, league=None):
        Cluster.started.append(self)
        self.folder = pathlib.Path(folder)
        self.min_free = min_free
        self.islands = islands or {}  # section [islands] of each server
        self.learner = learner or {}  # and [learner]
        self.league = league or {}  # and [league]
        self.timing = {"lease": "6s", "lease_margin": "1s", "heartbeat": "500ms",
                       "mesh_heartbeat": "1s", "mesh_timeout": "3s",
                       **(timing or {})}
        self.servers = [Server(self, "abcdefgh"[i]) for i in range(servers)]
        self.agents = []
        self.client_tls = None

    def channel(self, server):
        return API.channel(server.api, self.client_tls)

    def start(self):
        seeds = [server.mesh for server in self.servers]
        for server in self.servers:
            server.configure([s for s in seeds if s != server.mesh])
            server.start()
        for server in self.servers:
            server.wait_ready()

    def add_agents(self, count, nodes_each, first=0):
        for i in range(first, first + count):
            agent = Agent(self, f"agent{i}",
                          ["--simulate", f"count={nodes_each},cpu=16,memory=64GiB,"
                                         f"name=sim{i}-"])
            self.agents.append(agent)
            agent.start()

    def status(self, server):
        with self.channel(server) as channel:
            return API.cluster_grpc.ClusterStub(channel).Servers(
                API.cluster.ServersRequest(), timeout=5)

    def all_islands(self, server):
        """By (server, number), as this server hears of them."""
        with self.channel(server) as channel:
            reply = API.cluster_grpc.ClusterStub(channel).Islands(
                API.cluster.IslandsRequest(), timeout=5)
        return {(i.server, i.island): i for i in reply.islands}

    def all_learners(self, server):
        """By server, as this one hears of them."""
        with self.channel(server) as channel:
            reply = API.cluster_grpc.ClusterStub(channel).Learner(
                API.cluster.LearnerRequest(), timeout=5)
        return {one.server: one for one in reply.learners}

    def all_leagues(self, server):
        """By server, as this one hears of them."""
        with self.channel(server) as channel:
            reply = API.policies_grpc.PoliciesStub(channel).List(
                API.policies.ListPoliciesRequest(), timeout=5)
        return {league.server: league for league in reply.leagues}

    def all_jobs(self):
        """What the servers list, by id."""
        found = {}
        after = ""
        with self.channel(self.servers[0]) as channel:
            stub = API.jobs_grpc.JobsStub(channel)
            while True:
                reply = stub.List(
                    API.jobs.ListJobsRequest(after=after, limit=1000),
                    timeout=20)
                if reply.unreachable_servers:
                    raise Fault("some servers' jobs are missing: "
                                + ", ".join(reply.unreachable_servers))
                found.update((job.id, job) for job in reply.jobs)
                if not reply.more or not reply.jobs:
                    return found
                after = reply.jobs[-1].id

    def connected(self):
        """Whether every server reaches all others."""
        try:
            return all(sum(peer.reachable for peer in self.status(s).servers)
                       == len(self.servers) for s in self.servers)
        except grpc.RpcError:
            return False

    def attached(self):
        """Nodes attached over all servers that answer for themselves."""
        total = 0
        for server in self.servers:
            try:
                reply = self.status(server)
            except grpc.RpcError:
                continue
            total += reply.servers[0].nodes_attached
        return total

    def wait_attached(self, many, patience=PATIENCE):
        wait_until(lambda: self.attached() >= many, f"{many} nodes attached",
                   patience, 0.1)

    def stop(self):
        faults = []
        for process in [*self.agents, *self.servers]:
            try:
                if process.child and process.child.poll() is None:
                    process.send(signal.SIGCONT)
                process.terminate()
            except Fault as fault:
                faults.append(str(fault))
        if faults:
            raise Fault("; ".join(faults))

    def kill(self):
        for process in [*self.agents, *self.servers]:
            process.kill()

    @staticmethod
    def kill_all():
        while Cluster.started:
            Cluster.started.pop().kill()


def certificates(folder, hosts, agents=("sim",)):
    """A CA and certificates for servers at `hosts`, agents and a client."""
    base = pathlib.Path(folder) / "certs"

    def make(*words):
        subprocess.run([SKERRY, "certs", *words], check=True,
                       capture_output=True)
    make("init", str(base))
    for name, host in hosts.items():
        make("server", name, "--host", host, "--dir",
             str(base))
    for name in agents:
        make("agent", name, "--dir", str(base))
    make("client", "test", "--dir", str(base))
    return base
