"""Read the capture once more, for the few records that a report shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netsim.capture.record import TcpRecord


def fetch(path: str, frames: set[int]) -> dict[int, TcpRecord]:
    """The records of these frames."""
    from netsim.capture.tcpview import open_tcp

    found: dict[int, TcpRecord] = {}
    if not frames:
        return found
    last = max(frames)
    source = open_tcp(path)
    try:
        while batch := source.read_batch():
            for record in batch:
                if record.frame in frames:
                    found[record.frame] = record
            if batch[-1].frame >= last:
                break
    finally:
        source.close()
    return found


def fetch_connection(path: str, first: int, last: int, keys: tuple[bytes, bytes]) -> list[TcpRecord]:
    """Every record between two frames on this pair of endpoints."""
    from netsim.capture.tcpview import open_tcp

    found: list[TcpRecord] = []
    source = open_tcp(path)
    try:
        while batch := source.read_batch():
            for record in batch:
                if first <= record.frame <= last and record.key in keys:
                    found.append(record)
            if batch[-1].frame >= last:
                break
    finally:
        source.close()
    return found
