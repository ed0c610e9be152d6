"""ns.py (from PyPI): one bulk transfer over 100 Mbit/s and 10 ms. Argument: bytes.

Its TCP carries no bytes, options or states; it is here because it is the other simulator in pure Python.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import types
from importlib.metadata import distribution
from pathlib import Path

SEGMENT = 1448


def without_ns3() -> None:
    """ns-3's package puts an `__init__.py` into the folder that both call `ns`: keep Python from running it."""
    package = types.ModuleType("ns")
    package.__path__ = [str(Path(str(distribution("ns.py").locate_file("ns"))))]
    sys.modules["ns"] = package


def main(size: int) -> None:
    """Run it; work is counted in data segments, as for ours."""
    import simpy
    from ns.flow.cc import TCPReno
    from ns.flow.flow import Flow
    from ns.packet.tcp_generator import TCPPacketGenerator
    from ns.packet.tcp_sink import TCPSink
    from ns.port.port import Port
    from ns.port.wire import Wire

    size -= size % SEGMENT  # it sends whole segments only
    env = simpy.Environment()
    flow = Flow(fid=0, src="client", dst="server", size=size, start_time=0, finish_time=3600)
    window = 4 << 20
    sender = TCPPacketGenerator(env, flow=flow, cc=TCPReno(mss=SEGMENT, cwnd=10 * SEGMENT, ssthresh=window // 8))
    sender.mss = SEGMENT
    sink = TCPSink(env, rec_arrivals=False, rec_waits=False)
    there = Port(env, rate=100_000_000, qlimit=1000)
    back = Port(env, rate=100_000_000, qlimit=1000)
    wire, wire_back = Wire(env, lambda: 0.01), Wire(env, lambda: 0.01)
    sender.out, there.out, wire.out = there, wire, sink
    sink.out, back.out, wire_back.out = back, wire_back, sender
    start = time.process_time()
    while sender.last_ack < size and env.peek() < 3600:
        env.run(until=env.now + 1)
    seconds = time.process_time() - start
    if sink.next_seq_expected != size:
        raise SystemExit(f"ns.py delivered {sink.next_seq_expected} of {size} bytes")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"work": size / SEGMENT, "seconds": seconds, "rss_mb": memory}))


without_ns3()
main(int(sys.argv[1]))
