"""What RFC 9293 asks of a host around its connections: ISNs, addresses, listening, ECN end to end."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from netsim.base.events import ListSink, SegmentSent
from netsim.base.packet import ACK, CE, CWR, ECE, RST, SYN, Segment
from netsim.base.units import SEC
from netsim.drive.virtual import World
from netsim.host.errors import SocketError
from netsim.host.host import Host
from netsim.host.isn import IsnSource, Secret
from netsim.tcp.profile import RFC
from netsim.wire.codec import decode_packet, encode_packet

from .requirements import pins


def make_host() -> tuple[Host, ListSink]:
    sink = ListSink()
    host = Host("us", ["10.0.0.1", "10.0.0.7"], RFC, sink=sink, rng=random.Random(1))
    return host, sink


def drain(host: Host, now_ns: int) -> list[Segment]:
    out = []
    while (packet := host.poll_transmit(now_ns)) is not None:
        assert isinstance(packet, Segment)
        out.append(packet)
    return out


def syn(src: str = "10.0.0.2", dst: str = "10.0.0.1", sport: int = 4000, seq: int = 7) -> Segment:
    return Segment(src, dst, sport, 80, seq, 0, SYN, 1000)


@pins("MUST-8")
def test_isn_moves_with_a_four_microsecond_clock() -> None:
    source = IsnSource(Secret(b"k" * 16))
    pair = ("10.0.0.1", 1000, "10.0.0.2", 80)
    first = source.next(0, *pair)
    assert source.next(3_999, *pair) == first
    assert source.next(4_000, *pair) == (first + 1) % 2**32
    assert source.next(4_000 * 2**32, *pair) == first  # wraps after 4.77 hours


@pins("MUST-9", "SHLD-1")
def test_isn_depends_on_a_secret_and_on_the_pair_of_sockets() -> None:
    a, b = IsnSource(Secret(b"a" * 16)), IsnSource(Secret(b"b" * 16))
    pair = ("10.0.0.1", 1000, "10.0.0.2", 80)
    assert a.next(0, *pair) != b.next(0, *pair)
    others = {a.next(0, "10.0.0.1", port, "10.0.0.2", 80) for port in range(1000, 1200)}
    assert len(others) == 200
    gaps = {(y - x) % 2**32 for x, y in zip(sorted(others), sorted(others)[1:], strict=False)}
    assert len(gaps) > 190  # nothing linear about them


@pins("MUST-41", "MUST-42")
def test_listening_does_not_disturb_connections_on_the_same_port() -> None:
    host, _ = make_host()
    first = host.tcp_socket()
    first.bind(0, "10.0.0.1", 80)
    first.listen(0)
    host.handle_packet(0, syn())
    answer = drain(host, 0)[0]
    half_open = host.connection_of(answer)
    assert half_open is not None
    before = half_open.snapshot()
    second = host.tcp_socket()
    second.bind(0, "10.0.0.7", 80)
    second.listen(0)
    assert half_open.snapshot() == before
    again = host.tcp_socket()
    with pytest.raises(SocketError, match="EADDRINUSE"):
        again.bind(0, "10.0.0.1", 80)
    done = Segment("10.0.0.2", "10.0.0.1", 4000, 80, 8, (answer.seq + 1) % 2**32, ACK, 1000)
    host.handle_packet(1, done)
    assert drain(host, 1) == []
    assert first.accept(1).getpeername() == ("10.0.0.2", 4000)


@pins("MUST-43", "MUST-45")
def test_the_local_address_can_be_chosen_and_stays() -> None:
    host, _ = make_host()
    sock = host.tcp_socket()
    sock.bind(0, "10.0.0.7", 1234)
    with pytest.raises(SocketError, match="EINPROGRESS"):
        sock.connect(0, "10.0.0.2", 80)
    opening = drain(host, 0)[0]
    assert (opening.src, opening.sport) == ("10.0.0.7", 1234)
    reply = Segment("10.0.0.2", "10.0.0.7", 80, 1234, 1, (opening.seq + 1) % 2**32, SYN | ACK, 1000)
    host.handle_packet(1, reply)
    assert [seg.src for seg in drain(host, 1)] == ["10.0.0.7"]


@pins("MUST-44")
def test_without_a_local_address_the_host_chooses_the_source() -> None:
    host, _ = make_host()
    sock = host.tcp_socket()
    with pytest.raises(SocketError, match="EINPROGRESS"):
        sock.connect(0, "10.0.0.2", 80)
    assert drain(host, 0)[0].src == "10.0.0.1"


@pins("MUST-46")
@pytest.mark.parametrize("address", ["255.255.255.255", "224.0.0.1", "239.1.2.3", "0.0.0.0"])
def test_open_to_an_invalid_address_is_refused(address: str) -> None:
    host, _ = make_host()
    sock = host.tcp_socket()
    with pytest.raises(SocketError) as error:
        sock.connect(0, address, 80)
    assert "EINPROGRESS" not in str(error.value)
    assert drain(host, 0) == []


@pins("MUST-57")
@pytest.mark.parametrize("address", ["255.255.255.255", "224.0.0.1"])
def test_syn_to_a_group_is_discarded_in_silence(address: str) -> None:
    host, _ = make_host()
    sock = host.tcp_socket()
    sock.bind(0, "", 80)
    sock.listen(0)
    host.handle_packet(0, syn(dst=address))
    assert drain(host, 0) == []


@pins("MUST-63")
@pytest.mark.parametrize("address", ["255.255.255.255", "224.0.0.1", "0.0.0.0"])
def test_syn_from_an_invalid_address_is_ignored(address: str) -> None:
    host, _ = make_host()
    sock = host.tcp_socket()
    sock.bind(0, "", 80)
    sock.listen(0)
    host.handle_packet(0, syn(src=address))
    assert drain(host, 0) == []


@pins("MUST-50")
def test_ip_options_are_skipped() -> None:
    raw = bytearray(encode_packet(syn()))
    with_options = bytearray(raw[:20] + b"\x44\x04\x05\x00" + raw[20:])  # a timestamp option, RFC 791
    with_options[0] = 0x46
    with_options[2:4] = len(with_options).to_bytes(2, "big")
    with_options[10:12] = b"\0\0"
    total = sum(int.from_bytes(with_options[i : i + 2], "big") for i in range(0, 24, 2))
    total = (total & 0xFFFF) + (total >> 16)
    with_options[10:12] = (~((total & 0xFFFF) + (total >> 16)) & 0xFFFF).to_bytes(2, "big")
    packet = decode_packet(bytes(with_options))
    assert isinstance(packet, Segment)
    assert not packet.corrupted
    host, _ = make_host()
    sock = host.tcp_socket()
    sock.bind(0, "", 80)
    sock.listen(0)
    host.handle_packet(0, packet)
    assert drain(host, 0)[0].flags == SYN | ACK


def test_closed_port_answers_with_a_rst() -> None:
    host, _ = make_host()
    host.handle_packet(0, syn())
    reset = drain(host, 0)[0]
    assert reset.flags == RST | ACK
    assert reset.ack == 8


@pins("SHLD-8")
def test_ecn_mark_is_echoed_and_answered() -> None:
    """RFC 3168 §6.1: CE at the receiver, ECE back, CWR from the sender, the window halved once."""
    sink = ListSink()
    world = World(seed=1, sink=sink)
    profile = replace(RFC, ecn="active", snd_buffer=1 << 20, rcv_buffer=1 << 20)
    world.add_host("client", profile=profile)
    world.add_host("server", profile=profile)
    world.add_link("client", "server", delay="10ms", rate="100Mbit/s")
    got = bytearray()

    async def server(host) -> None:  # type: ignore[no-untyped-def]
        conn = await host.listen(80).accept()
        got.extend(await conn.recv_all())
        conn.close()

    async def client(host) -> None:  # type: ignore[no-untyped-def]
        sock = await host.connect("server", 80)
        await sock.send(b"e" * 300_000)
        sock.close()

    world.start("server", server)
    world.start("client", client)
    marked = 0
    while world.step():
        if marked == 0 and world.now_ns > SEC // 20:
            for flying in world.in_flight():
                packet = flying.packet
                if isinstance(packet, Segment) and packet.payload and packet.tos & 3:
                    packet.tos |= CE
                    marked += 1
                    break
    sent = [e.segment for e in sink.events if isinstance(e, SegmentSent)]
    data = [s for s in sent if s.dport == 80]
    acks = [s for s in sent if s.sport == 80]
    assert data[0].flags & (ECE | CWR) == ECE | CWR
    assert acks[0].flags & (ECE | CWR) == ECE
    assert marked == 1
    assert any(s.flags & ECE and not s.flags & SYN for s in acks)
    assert sum(1 for s in data if s.flags & CWR and not s.flags & SYN) == 1
    assert all(s.tos & 3 == 0 for s in sent if not s.payload)
    assert bytes(got) == b"e" * 300_000
