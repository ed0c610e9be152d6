from netsim.base.seqnum import seq_diff
from netsim.base.units import SEC

from .pair import CLIENT_ISS, SERVER_ISS, Pair


def rel(pair: Pair) -> list[tuple[str, str, int, int]]:
    out = []
    for sent in pair.log:
        mine, theirs = (CLIENT_ISS, SERVER_ISS) if sent.side == "client" else (SERVER_ISS, CLIENT_ISS)
        ack = seq_diff(sent.seg.ack, theirs) if sent.seg.flags & 16 else -1
        out.append((sent.side, sent.seg.flags_letters(), seq_diff(sent.seg.seq, mine), ack))
    return out


def test_three_segments_open_a_connection() -> None:
    pair = Pair()
    pair.open()
    assert rel(pair) == [("client", "S", 0, -1), ("server", "SA", 0, 1), ("client", "A", 1, 1)]
    assert pair.states("client") == ["CLOSED", "SYN-SENT", "ESTABLISHED"]
    assert pair.states("server") == ["CLOSED", "LISTEN", "SYN-RECEIVED", "ESTABLISHED"]


def test_four_segments_close_it_and_time_wait_lasts_two_msl() -> None:
    pair = Pair()
    pair.open()
    before = len(pair.log)
    pair.client.shutdown(pair.now)
    pair.run(SEC)
    assert str(pair.client.state) == "FIN-WAIT-2"
    assert str(pair.server.state) == "CLOSE-WAIT"
    pair.server.shutdown(pair.now)
    closed_at = pair.now
    pair.run(SEC)
    assert str(pair.client.state) == "TIME-WAIT"
    assert str(pair.server.state) == "CLOSED"
    assert rel(pair)[before:] == [
        ("client", "FA", 1, 1),
        ("server", "A", 1, 2),
        ("server", "FA", 1, 2),
        ("client", "A", 2, 2),
    ]
    arrived = closed_at + pair.delay_ns
    assert pair.client.next_deadline() == arrived + 240 * SEC
    pair.client.handle_timeout(arrived + 240 * SEC - 1)
    assert str(pair.client.state) == "TIME-WAIT"
    pair.client.handle_timeout(arrived + 240 * SEC)
    assert str(pair.client.state) == "CLOSED"


def test_simultaneous_open_and_close() -> None:
    pair = Pair()
    pair.client.open_active(0, "10.0.0.2", 80)
    pair.server.open_active(0, "10.0.0.1", 40000)
    pair.run(SEC)
    assert pair.states("client") == ["CLOSED", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED"]
    assert pair.states("server") == ["CLOSED", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED"]
    pair.client.shutdown(pair.now)
    pair.server.shutdown(pair.now)
    pair.run(SEC)
    assert pair.states("client")[-3:] == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]
    assert pair.states("server")[-3:] == ["FIN-WAIT-1", "CLOSING", "TIME-WAIT"]


def test_data_crosses_the_wrap_intact() -> None:
    pair = Pair()
    pair.open()
    data = bytes(i * 7 & 0xFF for i in range(60000))
    sent = 0
    got = b""
    while len(got) < len(data):
        sent += pair.client.send(pair.now, data[sent:])
        assert pair.step()
        got += pair.read_all("server")
    assert got == data


def test_everything_lost_once_still_arrives() -> None:
    pair = Pair()
    seen: set[tuple[str, int, int, int]] = set()

    def drop_first(side: str, seg: object) -> bool:
        key = (side, seg.seq, len(seg.payload), seg.flags)  # type: ignore[attr-defined]
        if key in seen or (len(key) and seg.flags == 16 and not seg.payload):  # type: ignore[attr-defined]
            return False
        seen.add(key)
        return True

    pair.drop = drop_first  # type: ignore[assignment]
    pair.server.open_passive(0)
    pair.client.open_active(0, "10.0.0.2", 80)
    pair.client.send(0, b"x" * 5000)
    pair.run(60 * SEC)
    assert pair.read_all("server") == b"x" * 5000
    pair.client.shutdown(pair.now)
    pair.run(60 * SEC)
    pair.server.shutdown(pair.now)
    pair.run(600 * SEC)
    assert pair.states("client")[-1] == "CLOSED"
    assert pair.states("server")[-1] == "CLOSED"
