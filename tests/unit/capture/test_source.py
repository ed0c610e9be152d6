"""A capture file as the checker sees it: batches, counters, ICMP, damage; and tshark sees the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from netsim.base.errors import CaptureError
from netsim.base.packet import ACK, PSH, SYN, IcmpMessage, Segment, UdpDatagram
from netsim.capture.frames import LINK_ETHERNET
from netsim.capture.record import CSUM_OK
from netsim.capture.tcpview import open_tcp
from netsim.capture.writer import open_writer
from netsim.wire.codec import encode_packet
from tests.unit.capture import files

T0 = 1_700_000_000_000_000_000


def _mixed(path: Path) -> str:
    quoted = files.segment(seq=5)
    with open_writer(str(path), LINK_ETHERNET) as out:
        for n in range(300):
            data = files.frame(n, bytes(1400))
            out.write(T0 + n, data[:80] if n % 10 == 0 else data, len(data))
            if n % 3 == 0:
                out.write(T0 + n, files.ETHERNET4 + encode_packet(UdpDatagram("10.0.0.1", "10.0.0.2", 1, 2, b"x")))
            if n % 100 == 0:
                error = IcmpMessage("10.0.0.3", "10.0.0.1", 3, 4, quoted, 1400)
                out.write(T0 + n, files.ETHERNET4 + encode_packet(error))
        out.write(T0 + 10**9, files.ETHERNET4[:-2] + b"\x08\x06" + bytes(28))
    return str(path)


def test_batches_and_counters(tmp_path: Path) -> None:
    capture = open_tcp(_mixed(tmp_path / "a.pcapng"))
    records = []
    errors = []
    while batch := capture.read_batch():
        records += batch
        errors += capture.take_icmp()
    errors += capture.take_icmp()
    assert [record.seq for record in records] == list(range(300))
    assert (capture.frames, capture.tcp_frames) == (404, 300)
    assert capture.skipped == {"udp": 100, "icmp": 3, "arp": 1}
    assert capture.cut_frames == 30
    assert (capture.first_ns, capture.last_ns) == (T0, T0 + 10**9)
    assert [error.mtu for error in errors] == [1400] * 3
    assert capture.damage is None
    assert capture.read_batch() == []
    consumed, size = capture.progress
    assert consumed == size
    capture.close()


def test_damage_is_told_after_the_last_batch(tmp_path: Path) -> None:
    raw = files.pcap([(T0, files.frame(n)) for n in range(3)])
    capture = open_tcp(files.save(tmp_path / "a.pcap", raw[:-1]))
    assert [record.frame for record in capture.read_batch()] == [1, 2]
    assert capture.read_batch() == []
    assert capture.damage is not None
    assert capture.damage.kind == "truncated"
    with pytest.raises(CaptureError):
        open_tcp(files.save(tmp_path / "b.pcap", b"nothing of the kind"))


@pytest.mark.tshark
@pytest.mark.parametrize("name", ["a.pcap", "a.pcapng"])
def test_tshark_sees_the_same_segments(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    sent = []
    with open_writer(path, LINK_ETHERNET) as out:
        for n in range(40):
            segment = files.segment(seq=0xFFFFFF00 + n * 10, payload=bytes(n), six=n % 2 == 1, options=n % 3 != 0)
            segment.flags = SYN if n == 0 else ACK | (PSH if n % 4 else 0)
            segment.tos, segment.ttl = n, 64 + n
            if n == 0:
                segment.layout = b"\x02\x04\x01\x03"
                segment.opt_mss, segment.sack_ok, segment.opt_wscale = 1400, True, 7
            if n == 7:
                segment.layout = b"\x01\x01\x05"
                segment.sack = ((5, 9), (20, 30))
            segment.seq &= 0xFFFFFFFF
            sent.append(segment)
            out.write(T0 + n * 1001, (files.ETHERNET6 if n % 2 else files.ETHERNET4) + encode_packet(segment))
    wanted = ["frame.number", "frame.time_epoch", "tcp.seq_raw", "tcp.ack_raw", "tcp.len", "tcp.flags",
              "tcp.window_size_value", "tcp.options.timestamp.tsval", "tcp.options.mss_val", "tcp.options.sack_le",
              "tcp.checksum.status", "_ws.malformed"]  # fmt: skip
    command = ["tshark", "-r", path, "-o", "tcp.check_checksum:TRUE", "-o", "tcp.relative_sequence_numbers:FALSE"]
    command += ["-T", "fields", "-E", "separator=|"]
    for field in wanted:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    theirs = [line.split("|") for line in done.stdout.splitlines()]
    capture = open_tcp(path)
    ours = []
    while batch := capture.read_batch():
        for record in batch:
            opts = record.opts
            time = f"{record.t_ns // 10**9}.{record.t_ns % 10**9:09d}"
            row = [record.frame, time, record.seq, record.ack, record.payload_len, f"0x{record.flags:04x}", record.wnd]
            row += [record.ts_val if record.has_ts else "", opts.mss if opts.mss >= 0 else ""]
            row += [",".join(str(left) for left, _ in opts.sack), int(record.checksum_status() == CSUM_OK), ""]
            ours.append([str(value) for value in row])
    assert theirs == ours
    assert len(ours) == len(sent)
    assert isinstance(sent[0], Segment)
