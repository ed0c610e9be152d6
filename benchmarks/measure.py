"""One measurement in a process of its own: prints `{"work": N, "seconds": S, ...}` for a case.

python -m benchmarks.measure bulk 30000000

The netsim that Python finds is measured: PYTHONPATH decides between builds.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

from netsim import is_compiled

SEGMENT = 1448


def _bulk(size: int, flows: int, loss: float) -> dict[str, float]:
    """The built-in scenario `bulk`, nothing recorded; work = data segments that the bytes need."""
    from netsim.scenario.loader import load
    from netsim.scenario.runner import run

    scenario = load("bulk", {"bytes": str(size // flows), "flows": str(flows), "loss": str(loss)})
    start = time.process_time()
    result = run(scenario, record=False)
    seconds = time.process_time() - start
    assert result.passed
    return {"work": size / SEGMENT, "seconds": seconds}


def bulk(size: str = "30000000") -> dict[str, float]:
    return _bulk(int(size), 1, 0.0)


def bulk_loss(size: str = "30000000") -> dict[str, float]:
    return _bulk(int(size), 1, 0.01)


def bulk_flows(size: str = "30000000") -> dict[str, float]:
    return _bulk(int(size), 100, 0.0)


def idle_connections(count: str = "10000") -> dict[str, float]:
    """Open so many connections and let them idle; then move 5 MB over one. Memory per idle connection beside."""
    from netsim.apps.stock import Acceptor, Fill
    from netsim.drive.virtual import World
    from netsim.host.errors import SocketError

    world = World(seed=1)
    world.add_host("client")
    world.add_host("server")
    world.add_link("client", "server", rate="1Gbit/s", delay="1ms")
    world.prepare()
    listener = world.host("server").tcp_socket()
    listener.bind(0, "", 80)
    listener.listen(0, 100_000)
    acceptor = Acceptor(listener)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sockets = []
    for index in range(int(count)):
        sock = world.host("client").tcp_socket()
        try:
            sock.connect(world.now_ns, "10.0.0.2", 80)
        except SocketError:
            pass
        sockets.append(sock)
        if index % 100 == 99:
            world.pump("client")
            world.run()  # a queue and a backlog hold only so many at once
    world.pump("client")
    world.run()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sock = world.host("client").tcp_socket()
    fill = Fill(sock, 5_000_000)
    try:
        sock.connect(world.now_ns, "10.0.0.2", 80)
    except SocketError:
        pass
    world.pump("client")
    start = time.process_time()
    world.run()
    seconds = time.process_time() - start
    assert not fill.error
    assert len(acceptor.drains) == int(count) + 1
    return {"work": 5_000_000 / SEGMENT, "seconds": seconds, "bytes_each": (after - before) * 1024 / int(count) / 2}


def check(path: str) -> dict[str, float]:
    """The checker with every rule on one capture; work = packets."""
    from netsim.check.engine import check_file

    start = time.process_time()
    report = check_file(path)
    return {"work": report.packets, "seconds": time.process_time() - start}


def packetdrill(folder: str) -> dict[str, float]:
    """Our own scripts in virtual time, one process; work = scripts."""
    from netsim.packetdrill.batch import find_scripts, run_all
    from netsim.packetdrill.config import RunOptions

    scripts = find_scripts([folder])
    start = time.process_time()
    count = sum(1 for _ in run_all(scripts, RunOptions()))
    return {"work": count, "seconds": time.process_time() - start}


def start_up(*arguments: str) -> dict[str, float]:
    """CPU time of a command line of ours, imports and all; work = 1."""
    command = [sys.executable, "-m", "netsim", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"work": 1, "seconds": used.ru_utime + used.ru_stime}


def yardstick() -> dict[str, float]:
    """A loop that has nothing to do with us: how fast is this machine just now?"""
    start = time.process_time()
    total = 0
    for number in range(5_000_000):
        total += number & 7
    return {"work": 5_000_000, "seconds": time.process_time() - start}


CASES: dict[str, Callable[..., dict[str, float]]] = {
    "bulk": bulk, "bulk-loss": bulk_loss, "bulk-flows": bulk_flows, "idle-connections": idle_connections,
    "check": check, "packetdrill": packetdrill, "start-up": start_up, "yardstick": yardstick,
}  # fmt: skip


def main() -> None:
    name, *arguments = sys.argv[1:]
    result = CASES[name](*arguments)
    result["compiled"] = float(is_compiled())
    result["rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


if __name__ == "__main__":
    main()
