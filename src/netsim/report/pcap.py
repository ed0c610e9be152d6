"""A run as a capture: what a tap at one of the hosts would see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.errors import UsageError
from netsim.capture.frames import LINK_RAW
from netsim.capture.writer import open_writer
from netsim.wire.codec import encode_packet

if TYPE_CHECKING:
    from netsim.base.packet import Packet
    from netsim.report.record import Recorder
    from netsim.report.rows import PacketRow


def frames_at(recorder: Recorder, tap: str) -> list[tuple[int, Packet]]:
    """(t_ns, packet) of everything that left or reached the host `tap`, in the order of the tap's clock.

    At one instant arrivals come before departures: what leaves at the instant of an arrival
    answers it. A duplicate that the network made is not seen leaving; an altered packet
    leaves as it was sent and arrives as it was altered. An injected one arrives and never left.
    What arrives damaged is seen too: the checksum is looked at behind the tap.
    """
    seen: list[tuple[int, int, int, Packet]] = []
    rows: list[PacketRow] = [*recorder.segments, *recorder.others]
    for row in rows:
        if (
            row.sender == tap
            and row.copy_of is None
            and row.sent_ns is not None
            and ("injected", "") not in row.changes
        ):
            seen.append((row.sent_ns, 1, row.uid, row.packet))
        if row.received_ns is not None and recorder.receiver_of(row) == tap:
            seen.append((row.received_ns, 0, row.uid, row.arrived if row.arrived is not None else row.packet))
        elif row.damaged_ns is not None and row.drop_where == tap and row.arrived is not None:
            seen.append((row.damaged_ns, 0, row.uid, row.arrived))
    seen.sort(key=lambda frame: frame[:3])
    return [(t_ns, packet) for t_ns, _, _, packet in seen]


def tap_host(recorder: Recorder, hosts: list[str], tap: str | None) -> str:
    """The host to tap: `tap`, or "client", or the first one. UsageError for a host that does not exist."""
    known = list(dict.fromkeys([*hosts, *recorder.hosts]))
    if tap is None:
        return "client" if "client" in known or not known else known[0]
    if tap not in known:
        raise UsageError(f"no host '{tap}' to tap; hosts are: {', '.join(known)}")
    return tap


def write_pcap(recorder: Recorder, path: str, tap: str) -> int:
    """Write the capture (pcapng by the extension, else pcap); returns the number of frames.

    Raises UsageError or CaptureError where the file cannot be written.
    """
    with open_writer(path, LINK_RAW, name=tap) as out:
        for t_ns, packet in frames_at(recorder, tap):
            out.write(t_ns, encode_packet(packet))
        return out.frames
