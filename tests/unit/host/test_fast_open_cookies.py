"""Fast Open: SipHash against its paper, cookies against the facts of a real kernel, and what a client remembers."""

from __future__ import annotations

from netsim.base.packet import ACK, SYN, Segment
from netsim.host.fastopen import LinuxCookieCache
from netsim.host.fastopen_server import cookie_for
from netsim.host.siphash import siphash24


def test_siphash_of_the_paper() -> None:
    # Aumasson and Bernstein, appendix A: key 00..0f, message 00..0e.
    assert siphash24(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5
    assert siphash24(bytes(range(16)), b"") == 0x726FDB47DD0E0E31


def test_cookies_are_those_of_linux() -> None:
    key = b"".join(int(word, 16).to_bytes(4, "little") for word in ("a1a1a1a1", "b2b2b2b2", "c3c3c3c3", "d4d4d4d4"))
    assert cookie_for(key, "192.0.2.1", "192.168.0.1").hex() == "3021b9d889017eeb"
    assert cookie_for(bytes(16), "10.248.0.2", "192.168.0.2").hex() == "93b7aa4f550f8a1a"


def _syn_ack(cookie: bytes | None, *, exp: bool = False, mss: int = 1000) -> Segment:
    segment = Segment("192.0.2.1", "192.168.0.1", 80, 40000, 0, 1, SYN | ACK, 65535)
    segment.opt_mss = mss
    segment.tfo, segment.tfo_exp = cookie, exp
    return segment


def test_a_cookie_and_the_mss_are_kept() -> None:
    cache = LinuxCookieCache()
    assert cache.cookie_for(0, "peer") == b""
    cache.learn(0, "peer", _syn_ack(b"12345678"), b"", False, False)
    assert cache.cookie_for(0, "peer") == b"12345678"
    entry = cache.find(0, "peer")
    assert entry is not None
    assert entry.mss == 1000


def test_odd_and_unasked_cookies_are_ignored() -> None:
    cache = LinuxCookieCache()
    cache.learn(0, "peer", _syn_ack(b"123"), b"", False, False)
    assert cache.cookie_for(0, "peer") == b""
    cache.learn(0, "peer", _syn_ack(b"12345678"), None, True, False)
    assert cache.cookie_for(0, "peer") == b""


def test_the_experimental_option_is_tried_once() -> None:
    cache = LinuxCookieCache()
    cache.learn(0, "peer", _syn_ack(None), b"", False, False)
    assert cache.asks_with_exp(0, "peer")
    cache.learn(0, "peer", _syn_ack(None), b"", False, False)
    assert not cache.asks_with_exp(0, "peer")
    cache.learn(0, "peer", _syn_ack(None), b"", False, False)
    assert not cache.asks_with_exp(0, "peer")


def test_an_answer_to_a_resent_syn_says_nothing_about_the_option() -> None:
    cache = LinuxCookieCache()
    cache.learn(0, "peer", _syn_ack(None), b"", False, True)
    assert not cache.asks_with_exp(0, "peer")
