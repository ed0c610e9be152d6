"""Backlogs, floods and cookies; segments for nobody."""

from __future__ import annotations

from netsim.base.events import PacketSent
from netsim.base.packet import ACK, FIN, OPT_MSS, RST, SYN, IcmpMessage, Segment, UdpDatagram
from netsim.base.seqnum import seq_add
from netsim.host.settings import HostSettings
from netsim.tcp.profile.base import Profile
from netsim.tcp.profile.freebsd import FREEBSD
from netsim.tcp.profile.linux import LINUX

from .helpers import A, B, Two, expect


def syn_from(number: int, seq: int = 1000) -> Segment:
    segment = Segment(f"192.0.2.{number}", B, 1000 + number, 80, seq, 0, SYN, 65535)
    segment.opt_mss = 1460
    segment.layout = bytes((OPT_MSS,))
    return segment


def test_a_full_accept_queue_drops_the_handshakes_ack_and_new_syns_until_someone_accepts() -> None:
    two = Two()
    listener = two.listen(backlog=0)
    clients = [two.connect() for _ in range(3)]
    two.run(100)
    assert listener.listener is not None
    assert len(listener.listener.accepted) == 1
    assert "accept-queue-full" in two.drops()
    listener.accept(two.now)
    two.run(10_000)
    listener.accept(two.now)
    two.run(10_000)
    listener.accept(two.now)
    assert all(client.is_connected() for client in clients)


def test_a_syn_flood_fills_the_queue_and_then_syns_are_dropped() -> None:
    settings = HostSettings()
    settings.syn_backlog = 4
    two = Two(settings=settings)
    listener = two.listen()
    for number in range(10):
        two.put(syn_from(number))
    assert listener.listener is not None
    assert len(listener.listener.half_open) == 4
    assert listener.listener.dropped_syns == 6
    assert two.drops().count("syn-queue-full") == 6
    client = two.connect()
    two.run(50)
    assert not client.is_connected()


def test_cookies_let_an_honest_client_in_through_a_flood() -> None:
    settings = HostSettings()
    settings.syn_backlog = 4
    settings.syn_cookies = "when-full"
    two = Two(settings=settings)
    listener = two.listen()
    for number in range(10):
        two.put(syn_from(number))
    assert listener.listener is not None
    assert listener.listener.cookies_sent == 6
    assert len(two.b.tcp.slots) == 4, "a cookie is remembered by nobody"
    client = two.connect()
    two.run(50)
    assert client.is_connected()
    server = listener.accept(two.now)
    client.send(two.now, b"through")
    two.run(50)
    assert server.recv(two.now, 100) == b"through"
    assert server.slot is not None
    assert server.slot.conn.ep.snd.mss == 1460
    assert server.slot.conn.ep.neg.wscale is False


def test_a_forged_cookie_is_refused() -> None:
    settings = HostSettings()
    settings.syn_cookies = "always"
    two = Two(settings=settings)
    two.listen()
    two.put(Segment("192.0.2.1", B, 5, 80, 1001, 123_456, ACK, 65535))
    answer = two.sent("b")[-1]
    assert (answer.flags, answer.seq) == (RST, 123_456)
    assert two.b.tcp.slots == {}


def test_a_cookie_is_good_for_two_minutes_and_only_for_its_sender() -> None:
    for wait_ms, good in ((60_000, True), (400_000, False)):
        settings = HostSettings()
        settings.syn_cookies = "always"
        two = Two(settings=settings)
        two.listen()
        two.put(syn_from(1))
        syn_ack = two.sent("b")[-1]
        assert syn_ack.flags == SYN | ACK
        two.run(wait_ms)
        other = Segment("192.0.2.77", B, 1001, 80, 1001, seq_add(syn_ack.seq, 1), ACK, 65535)
        two.put(other)
        assert two.b.tcp.slots == {}
        two.put(Segment("192.0.2.1", B, 1001, 80, 1001, seq_add(syn_ack.seq, 1), ACK, 65535))
        assert (len(two.b.tcp.slots) == 1) is good


def test_a_connection_opened_by_cookie_says_nothing_twice() -> None:
    settings = HostSettings()
    settings.syn_cookies = "always"
    two = Two(settings=settings)
    two.listen()
    two.connect()
    two.run(50)
    assert [s.flags for s in two.sent("b") if s.flags & SYN] == [SYN | ACK]


def test_nobody_there_answers_with_the_reset_of_the_rfc() -> None:
    two = Two()
    two.put(Segment(A, B, 1, 9, 100, 0, SYN, 10))
    two.put(Segment(A, B, 1, 9, 100, 0, FIN, 10, b"xyz"))
    two.put(Segment(A, B, 1, 9, 100, 777, ACK, 10))
    two.put(Segment(A, B, 1, 9, 100, 777, RST | ACK, 10))
    answers = [(s.flags, s.seq, s.ack, s.dport) for s in two.sent("b")]
    assert answers == [(RST | ACK, 0, 101, 1), (RST | ACK, 0, 104, 1), (RST, 777, 0, 1)]


def test_a_black_hole_stays_silent() -> None:
    settings = HostSettings()
    settings.send_resets = False
    settings.send_port_unreachable = False
    two = Two(settings=settings)
    two.put(Segment(A, B, 1, 9, 100, 0, SYN, 10))
    two.put(UdpDatagram(A, B, 1, 9, b"x"))
    assert two.events(PacketSent) == []


def test_a_listener_answers_stray_segments_and_keeps_listening() -> None:
    two = Two()
    listener = two.listen()
    two.put(Segment(A, B, 1, 80, 100, 777, ACK, 10))
    two.put(Segment(A, B, 1, 80, 100, 0, RST, 10))
    two.put(Segment(A, B, 1, 80, 100, 0, FIN, 10))
    assert [(s.flags, s.seq) for s in two.sent("b")] == [(RST, 777)]
    client = two.connect()
    two.run(50)
    assert client.is_connected()
    listener.accept(two.now)


def test_a_reset_half_open_connection_goes_back_to_listen() -> None:
    two = Two()
    listener = two.listen()
    two.put(syn_from(1))
    two.put(Segment("192.0.2.1", B, 1001, 80, 1001, 0, RST, 0))
    assert two.states("b") == ["LISTEN", "SYN-RECEIVED", "LISTEN"]
    assert two.b.tcp.slots == {}
    assert listener.listener is not None
    assert listener.listener.half_open == {}
    client = two.connect()
    two.run(50)
    assert client.is_connected()
    expect("EAGAIN", lambda: [listener.accept(two.now), listener.accept(two.now)])


def test_syns_from_or_to_groups_are_dropped() -> None:
    two = Two()
    two.listen()
    for source in ("224.0.0.1", "255.255.255.255"):
        two.put(Segment(source, B, 1, 80, 100, 0, SYN, 10))
    two.put(Segment("ff02::1", "2001:db8::2", 1, 80, 100, 0, SYN, 10))
    assert two.drops() == ["not-unicast"] * 3


def test_corrupted_and_misdirected_packets_are_dropped() -> None:
    two = Two()
    two.listen()
    bad = syn_from(1)
    bad.corrupted = True
    two.put(bad)
    two.put(Segment(A, "10.9.9.9", 1, 80, 100, 0, SYN, 10))
    assert two.drops() == ["bad-checksum", "not-for-us"]
    assert two.b.tcp.slots == {}


def test_echo_requests_are_answered() -> None:
    two = Two()
    ping = IcmpMessage(A, B, 8, 0)
    ping.payload = b"abc"
    two.put(ping)
    two.put(IcmpMessage("2001:db8::1", "2001:db8::2", 128, 0))
    replies = [e.packet for e in two.events(PacketSent)]
    assert [(p.icmp_type, p.dst, p.payload) for p in replies] == [(0, A, b"abc"), (129, "2001:db8::1", b"")]


def test_a_half_open_connection_is_given_up_by_every_profile() -> None:
    for profile in (Profile(), LINUX, FREEBSD):
        two = Two(profile=profile)
        listener = two.listen()
        two.put(syn_from(1))
        two.link.change(two.now, up=False)
        two.run()
        assert listener.listener is not None
        assert listener.listener.half_open == {}
        assert two.b.tcp.slots == {}


def test_a_close_before_the_handshake_is_over_does_not_try_for_ever() -> None:
    """FIN-WAIT-1 with a SYN,ACK that nobody acknowledges: the ordinary R2 ends it."""
    for profile in (Profile(), LINUX, FREEBSD):
        two = Two(profile=profile)
        one, other = two.a.tcp_socket(), two.b.tcp_socket()
        one.bind(0, "", 80)
        other.bind(0, "", 80)
        expect("EINPROGRESS", one.connect, 0, B, 80)
        expect("EINPROGRESS", other.connect, 0, A, 80)
        two.run(15)
        two.link.change(two.now, up=False)
        one.close(two.now)
        other.close(two.now)
        two.run()
        assert "FIN-WAIT-1" in two.states("a")
        assert two.a.tcp.slots == two.b.tcp.slots == {}
