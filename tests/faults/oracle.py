"""The oracle of the fault tests: a client that remembers what was acknowledged,
and the agents' own logs to hold the servers against."""

import collections
import random
import threading
import time

import grpc

from local_cluster import API, PATIENCE, Fault, wait_until


def task_spec(job, count, cpu, memory, duration, attempts=1):
    group = job.groups.add()
    group.count = count
    group.profile.demand.cpu_millicores = cpu
    group.profile.demand.memory_bytes = memory
    group.profile.max_attempts = attempts
    group.work.simulated.duration_milliseconds = duration


class Client(threading.Thread):
    """Submits to all servers, each job again until its server has answered,
    and remembers what was acknowledged: the oracle of promise P1."""

    def __init__(self, cluster, seed, jobs_per_second=200, tasks=1,
                 duration_ms=(50, 1500), attempts=3):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.random = random.Random(seed)
        self.pause = 1.0 / jobs_per_second
        self.tasks = tasks
        self.duration = duration_ms
        self.attempts = attempts
        self.acknowledged = collections.defaultdict(set)  # server -> job ids
        self.refused = 0
        self.unanswered = 0
        self.slowest = 0.0
        self.ending = threading.Event()
        self.seed = seed

    def run(self):
        workers = [threading.Thread(target=self.submit_to, args=(server,),
                                    daemon=True)
                   for server in self.cluster.servers]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def submit_to(self, server):
        number = 0
        channel = self.cluster.channel(server)
        jobs = API.jobs_grpc.JobsStub(channel)
        pause = self.pause * len(self.cluster.servers)
        while not self.ending.is_set():
            number += 1
            request = API.jobs.SubmitRequest()
            job = request.jobs.add(id=f"load-{self.seed}-{server.name}-{number}")
            task_spec(job, self.tasks, self.random.choice([500, 1000, 2000]),
                      1 << 30, self.random.randint(*self.duration),
                      self.attempts)
            begun = time.monotonic()
            while not self.ending.is_set():
                try:
                    jobs.Submit(request, timeout=3, wait_for_ready=True)
                    self.acknowledged[server.name].add(job.id)
                    self.slowest = max(self.slowest, time.monotonic() - begun)
                    break
                except grpc.RpcError as fault:
                    code = fault.code()
                    if code == grpc.StatusCode.RESOURCE_EXHAUSTED:
                        self.refused += 1
                        time.sleep(0.2)
                        continue
                    if code not in (grpc.StatusCode.UNAVAILABLE,
                                    grpc.StatusCode.DEADLINE_EXCEEDED):
                        raise Fault(f"submit: {fault}") from fault
                    self.unanswered += 1
                    time.sleep(0.05)
            time.sleep(pause)
        channel.close()

    def end(self):
        self.ending.set()
        self.join(30)

    def total(self):
        return sum(len(ids) for ids in self.acknowledged.values())


def time_to_start(cluster, server, name, begun):
    """Seconds from `begun` until a new job of this server has started."""
    request = API.jobs.SubmitRequest()
    job = request.jobs.add(id=name)
    task_spec(job, 1, 100, 1 << 20, 1, 3)
    with cluster.channel(server) as channel:
        stub = API.jobs_grpc.JobsStub(channel)

        def started():
            try:
                # Waiting also drives Python's connection, failing fast does not.
                stub.Submit(request, timeout=5, wait_for_ready=True)
                state = stub.Get(API.jobs.GetJobRequest(id=name),
                                 timeout=1).state
                return state in (API.types.RUNNING, API.types.FINISHED)
            except grpc.RpcError:
                return False
        wait_until(started, f"{name} has started", PATIENCE, 0.01)
    return time.monotonic() - begun


def check_converged(cluster, client):
    """Everything that was acknowledged has finished, and nothing is held."""
    wait_until(cluster.connected, "the servers reach each other")

    def all_ended():
        try:
            jobs = cluster.all_jobs()
        except (grpc.RpcError, Fault):
            return False
        cluster.last_jobs = jobs
        return all(job.state in (API.types.FINISHED, API.types.FAILED,
                                 API.types.CANCELLED) for job in jobs.values())
    try:
        wait_until(all_ended, "all jobs have ended", PATIENCE, 0.5)
    except Fault as fault:
        left = [f"{job.id} {API.types.TaskState.Name(job.state)}"
                for job in cluster.last_jobs.values()
                if job.state in (API.types.QUEUED, API.types.PLACED,
                                 API.types.RUNNING)]
        raise Fault(f"{fault}; {len(left)} left: {left[:5]}") from None
    lost = [job for ids in client.acknowledged.values() for job in ids
            if job not in cluster.last_jobs]
    if lost:
        raise Fault(f"{len(lost)} acknowledged jobs are lost: {lost[:5]}")
    failed = [job.id for job in cluster.last_jobs.values()
              if job.state == API.types.FAILED]
    return {"acknowledged": client.total(), "lost": 0, "failed": len(failed)}


def check_agents(cluster, capacity_millicores=16_000):
    """Against the agents' own logs: no attempt starts twice, no node is given
    more than it has, no two attempts of a task run at once."""
    starts = collections.Counter()
    twice = over = 0
    for agent in cluster.agents:
        used = collections.Counter()
        held = {}
        # start NODE TASK ATTEMPT SESSION EPOCH TIME CPU_MILLICORES ...
        for what, node, task, attempt, *rest in agent.events():
            key = (task, attempt)
            if what == "start":
                starts[key] += 1
                twice += starts[key] > 1
                cpu = int(rest[3])
                held[(node, *key)] = cpu
                used[node] += cpu
                over += used[node] > capacity_millicores
            elif what == "end":
                used[node] -= held.pop((node, *key), 0)
    figures = {"starts": sum(starts.values()), "double_starts": twice,
               "over_allocations": over}
    if twice or over:
        raise Fault(f"the agents' logs say {figures}")
    return figures


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
