"""Captures one interface with scapy until it is told to stop, then writes a pcap: run inside a namespace.

``python sniff.py IFACE FILE [both]``. A loopback shows every packet twice, out and in; only the way in is
kept unless ``both`` is given. The file ``FILE.ready`` appears once the capture has begun; SIGTERM ends it.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import scapy.layers.inet6  # noqa: F401  (makes IPv6 known)
from scapy.config import conf
from scapy.layers.inet import TCP
from scapy.sendrecv import AsyncSniffer
from scapy.utils import wrpcap


def main() -> None:
    """Capture until SIGTERM."""
    iface, target = sys.argv[1], Path(sys.argv[2])
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    ready = target.with_suffix(".ready")
    source = (conf.L2listen if sys.argv[3:] else conf.L2socket)(iface=iface)
    sniffer = AsyncSniffer(opened_socket=source, lfilter=lambda p: p.haslayer(TCP), started_callback=ready.touch)
    sniffer.start()
    signal.sigwait([signal.SIGTERM])
    wrpcap(str(target), sniffer.stop() or [], nano=True)
    target.with_suffix(".done").touch()


if __name__ == "__main__":
    main()
