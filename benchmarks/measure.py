"""One measurement in a process of its own: prints `{"work": N, "seconds": S, ...}` for a case.

python -m benchmarks.measure bulk 30000000

The netsim that Python finds is measured: PYTHONPATH decides between builds.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import captures
from netsim import is_compiled

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket

SEGMENT = 1448
START_UPS = 5


def _bulk(size: int, flows: int, loss: float) -> dict[str, float]:
    """The built-in scenario `bulk`, nothing recorded; work = data segments that the bytes need."""
    from netsim.scenario.loader import load
    from netsim.scenario.runner import run

    run(load("bulk", {"bytes": "10kB"}), record=False)  # what is imported at first use is not the transfer's cost
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


class _Crowd:
    """So many established connections between two hosts that idle, over a link whose queue never overflows."""

    def __init__(self, count: int) -> None:
        from netsim.apps.stock import Acceptor
        from netsim.drive.virtual import World
        from netsim.sim.queue import DropTail

        self.world = World(seed=1)
        self.world.add_host("client")
        self.world.add_host("server")
        endless = [DropTail(0), DropTail(0)]
        self.world.add_link("client", "server", rate="10Gbit/s", delay="1ms", queue=endless[0], back_queue=endless[1])
        self.world.prepare()
        listener = self.world.host("server").tcp_socket()
        listener.bind(0, "", 80)
        listener.listen(0, 100_000)
        self.acceptor = Acceptor(listener)
        self.sockets: list[TcpSocket] = []
        for index in range(count):
            self.connect()
            if index % 1000 == 999:
                self.settle()
        self.settle()

    def connect(self) -> TcpSocket:
        """One more, which still has to be let run."""
        from netsim.host.errors import SocketError

        sock = self.world.host("client").tcp_socket()
        with contextlib.suppress(SocketError):  # EINPROGRESS
            sock.connect(self.world.now_ns, "10.0.0.2", 80)
        self.sockets.append(sock)
        return sock

    def settle(self) -> None:
        """Run until nothing happens any more."""
        self.world.pump("client")
        self.world.run()

    def transfer(self, sock: TcpSocket, size: int) -> dict[str, float]:
        """Send `size` bytes over one of them; work = data segments that the bytes need."""
        from netsim.apps.stock import Fill

        start = time.process_time()
        Fill(sock, size, close=False).socket_changed(self.world.now_ns, sock)
        self.settle()
        seconds = time.process_time() - start
        assert sum(drain.total for drain in self.acceptor.drains) == size
        return {"work": size / SEGMENT, "seconds": seconds}


def idle_connections(count: str = "10000", size: str = "20000000") -> dict[str, float]:
    """One transfer beside so many connections that idle; memory of an idle endpoint beside."""
    _Crowd(2)  # what the first connection imports is not its memory
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    crowd = _Crowd(int(count))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sock = crowd.connect()
    crowd.settle()
    result = crowd.transfer(sock, int(size))
    return {**result, "bytes_each": (after - before) * 1024 / int(count) / 2}


def busy_connections(count: str = "10000", segments: str = "200000") -> dict[str, float]:
    """So many connections that all send two segments at once, again and again; only their number differs."""
    crowd = _Crowd(int(count))
    two = bytes(2 * SEGMENT)
    rounds = int(segments) // int(count) // 2
    start = time.process_time()
    for _ in range(rounds):
        for sock in crowd.sockets:
            sock.send(crowd.world.now_ns, two)
        crowd.settle()
    seconds = time.process_time() - start
    sent = rounds * int(count) * 2
    assert sum(drain.total for drain in crowd.acceptor.drains) == sent * SEGMENT
    return {"work": sent, "seconds": seconds}


def check(path: str) -> dict[str, float]:
    """The checker with every rule on one capture; work = packets."""
    from netsim.check.engine import check_file

    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / "small.pcap"
        captures.transfers(small, 100)
        check_file(str(small))  # what is imported at first use is not the capture's cost
    start = time.process_time()
    report = check_file(path)
    return {"work": report.packets, "seconds": time.process_time() - start}


def check_many(jobs: str, *paths: str) -> dict[str, float]:
    """Several captures with so many processes. Seconds are of the clock: CPU time would hide the gain."""
    command = [sys.executable, "-m", "netsim", "check", "--quiet", "--format", "json", "-j", jobs, *paths]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {"work": len(paths), "seconds": time.perf_counter() - start}


def packetdrill(folder: str) -> dict[str, float]:
    """Our own scripts in virtual time, one process; work = scripts."""
    from netsim.packetdrill.batch import find_scripts, run_all
    from netsim.packetdrill.config import RunOptions

    scripts = find_scripts([folder])
    start = time.process_time()
    count = sum(1 for _ in run_all(scripts, RunOptions()))
    return {"work": count, "seconds": time.process_time() - start}


def start_up(*arguments: str) -> dict[str, float]:
    """CPU time of a command line of ours, imports and all, the mean of some; work = 1."""
    command = [sys.executable, "-m", "netsim", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # now the bytecode is cached
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(START_UPS):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"work": 1, "seconds": used / START_UPS}


def yardstick() -> dict[str, float]:
    """A loop that has nothing to do with us: how fast is this machine just now?"""
    start = time.process_time()
    total = 0
    for number in range(5_000_000):
        total += number & 7
    return {"work": 5_000_000, "seconds": time.process_time() - start}


CASES: dict[str, Callable[..., dict[str, float]]] = {
    "bulk": bulk, "bulk-loss": bulk_loss, "bulk-flows": bulk_flows, "idle-connections": idle_connections,
    "busy-connections": busy_connections, "check-many": check_many,
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
