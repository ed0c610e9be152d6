"""Python libraries reading a capture: `readers.py scapy-raw|scapy|dpkt PATH PACKETS`."""

from __future__ import annotations

import itertools
import json
import resource
import sys
import time


def scapy_raw(path: str, limit: int) -> int:
    """Scapy's reader that dissects nothing."""
    from scapy.utils import RawPcapReader

    with RawPcapReader(path) as reader:
        return sum(1 for _ in itertools.islice(reader, limit))


def scapy_full(path: str, limit: int) -> int:
    """Scapy with every layer dissected."""
    from scapy.layers.inet import TCP
    from scapy.utils import PcapReader

    with PcapReader(path) as reader:
        return sum(1 for packet in itertools.islice(reader, limit) if TCP in packet)


def dpkt_full(path: str, limit: int) -> int:
    """Dpkt: Ethernet, IPv4, TCP and its options."""
    import dpkt

    count = 0
    with open(path, "rb") as file:  # noqa: PTH123
        for _, frame in itertools.islice(dpkt.pcap.Reader(file), limit):
            tcp = dpkt.ethernet.Ethernet(frame).data.data
            dpkt.tcp.parse_opts(tcp.opts)
            count += 1
    return count


READERS = {"scapy-raw": scapy_raw, "scapy": scapy_full, "dpkt": dpkt_full}


def main(name: str, path: str, limit: int) -> None:
    """Read it."""
    start = time.process_time()
    count = READERS[name](path, limit)
    seconds = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"work": count, "seconds": seconds, "rss_mb": memory}))


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
