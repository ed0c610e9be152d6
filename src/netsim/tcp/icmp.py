"""ICMP errors: soft, hard, and "packet too big" (RFC 9293 §3.9.2.2, RFC 1191, RFC 8201, RFC 5927)."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import IcmpMessage, Segment
from netsim.base.seqnum import seq_ge, seq_lt
from netsim.tcp import pathmtu
from netsim.tcp import reasons as why
from netsim.tcp.endpoint import Endpoint
from netsim.tcp.state import CLOSED, LISTEN, SYN_RECEIVED, SYN_SENT, TIME_WAIT
from netsim.tcp.synchronized import back_to_listen

SOFT: Final = "soft"
HARD: Final = "hard"
TOO_BIG: Final = "too-big"
IGNORE: Final = "ignore"

_ERRORS_V4: Final = {
    (3, 0): (SOFT, "network-unreachable"),
    (3, 1): (SOFT, "host-unreachable"),
    (3, 2): (HARD, "protocol-unreachable"),
    (3, 3): (HARD, "connection-refused"),
    (3, 4): (TOO_BIG, "message-too-long"),
    (3, 5): (SOFT, "operation-not-supported"),
    (3, 6): (SOFT, "network-unreachable"),
    (3, 7): (SOFT, "host-down"),
    (3, 8): (SOFT, "host-unreachable"),
    (3, 9): (SOFT, "network-unreachable"),
    (3, 10): (SOFT, "host-unreachable"),
    (3, 11): (SOFT, "network-unreachable"),
    (3, 12): (SOFT, "host-unreachable"),
    (3, 13): (SOFT, "host-unreachable"),
    (11, 0): (SOFT, "host-unreachable"),
    (11, 1): (SOFT, "host-unreachable"),
    (12, 0): (SOFT, "protocol-error"),
}
_ERRORS_V6: Final = {
    (1, 0): (SOFT, "network-unreachable"),
    (1, 1): (SOFT, "host-unreachable"),
    (1, 2): (SOFT, "host-unreachable"),
    (1, 3): (SOFT, "host-unreachable"),
    (1, 4): (HARD, "connection-refused"),
    (3, 0): (SOFT, "host-unreachable"),
    (3, 1): (SOFT, "host-unreachable"),
    (4, 0): (SOFT, "protocol-error"),
    (4, 1): (HARD, "protocol-unreachable"),
    (4, 2): (SOFT, "protocol-error"),
}


def classify(message: IcmpMessage) -> tuple[str, str]:
    """(SOFT | HARD | TOO_BIG | IGNORE, error code for the user).

    MUST-54: unreachable 0, 1, 5, time exceeded and parameter problem are soft; SHLD-26: codes 2 to 4 of
    destination unreachable are hard (4 is used for path MTU discovery instead). Source quench
    is ignored (MUST-55).
    """
    if ":" in message.src or ":" in message.dst:
        if message.icmp_type == 2:
            return TOO_BIG, "message-too-long"
        return _ERRORS_V6.get((message.icmp_type, message.icmp_code), (IGNORE, ""))
    return _ERRORS_V4.get((message.icmp_type, message.icmp_code), (IGNORE, ""))


def handle_icmp(ep: Endpoint, now_ns: int, message: IcmpMessage, *, accepted: bool = True) -> bool:
    """An ICMP error that quotes a segment of this connection. False: the number that it quotes is not in flight.

    RFC 5927 §4.1: the quoted number must be in flight, else the message proves nothing.
    `accepted`: the user has the connection already (RFC 7413 hands it out in SYN-RECEIVED).
    """
    quoted = message.quoted
    if not isinstance(quoted, Segment) or ep.state in (CLOSED, LISTEN, TIME_WAIT):
        return True
    in_flight = not seq_lt(quoted.seq, ep.snd.una) and seq_lt(quoted.seq, ep.snd.nxt)
    if not in_flight:
        ep.note(now_ns, why.ICMP_IGNORED)
        return False
    kind, error = classify(message)
    if ep.profile.icmp_ends_handshake and _ends_handshake(ep, now_ns, message, kind, error, accepted):
        return True
    if ep.profile.icmp_refusals and ep.state is SYN_SENT and kind != TOO_BIG:
        kind, error = _refused_or_ignored(ep, message)
    if kind == TOO_BIG:
        too_big(ep, now_ns, message.mtu)
    elif kind == SOFT:
        # MUST-56: must not abort the connection; SHLD-25: make the information available.
        ep.soft_error = error
        ep.notify(now_ns, "soft-error", why.ICMP_SOFT)
    elif kind == HARD:
        if ep.state in (SYN_SENT, SYN_RECEIVED) or ep.profile.icmp_hard_error_established:
            ep.die(now_ns, "icmp-hard-error", why.ICMP_HARD, error)
        else:
            # RFC 5927 §5.2: in synchronized states hard errors are handled as soft ones.
            ep.soft_error = error
            ep.notify(now_ns, "soft-error", why.ICMP_SOFT)
    else:
        ep.note(now_ns, why.ICMP_IGNORED)
    return True


_REQUEST_ENDERS: Final = ((3, 0), (3, 1))


def _ends_handshake(ep: Endpoint, now_ns: int, message: IcmpMessage, kind: str, error: str, accepted: bool) -> bool:
    """Linux (tcp_v4_err): before ESTABLISHED every error ends the attempt. True if this one did.

    A half-open passive connection is dropped without a word, and only for "network" and "host unreachable",
    "time exceeded" and "parameter problem" (tcp_req_err); one that Fast Open handed to its user goes on.
    """
    if kind in (TOO_BIG, IGNORE) or ep.state not in (SYN_SENT, SYN_RECEIVED):
        return False
    if ep.state is SYN_RECEIVED and ep.passive and not ep.fast_open:
        six = ":" in message.src
        enders = kind == SOFT if six else message.icmp_type != 3 or (3, message.icmp_code) in _REQUEST_ENDERS
        if enders:
            back_to_listen(ep, now_ns, "icmp-hard-error", why.ICMP_HARD)
        return True
    if ep.state is SYN_RECEIVED and ep.fast_open and accepted:
        return False
    ep.die(now_ns, "icmp-hard-error", why.ICMP_HARD, error)
    return True


def _refused_or_ignored(ep: Endpoint, message: IcmpMessage) -> tuple[str, str]:
    """SYN-SENT where the profile lists the errors that refuse (FreeBSD's icmp_may_rst)."""
    version = 6 if ":" in message.src or ":" in message.dst else 4
    for refused_version, icmp_type, icmp_code, error in ep.profile.icmp_refusals:
        if (refused_version, icmp_type, icmp_code) == (version, message.icmp_type, message.icmp_code):
            return HARD, error
    return IGNORE, ""


def too_big(ep: Endpoint, now_ns: int, mtu: int) -> None:
    """Fragmentation needed / packet too big: lower the path MTU and send again what is in flight.

    RFC 1191 §3: never below 68 (IPv4; `Profile.min_path_mtu`); RFC 8201 §4: a message that names less than 1280
    must be discarded (IPv6). One that does not lower the path MTU is ignored.
    """
    six = ":" in ep.local_addr
    old_mtu = ep.mtu
    if mtu == 0:
        mtu = next_plateau(old_mtu)
    if not six:
        mtu = max(mtu, ep.profile.min_path_mtu)
    if six and mtu < 1280:
        ep.note(now_ns, why.ICMP_IGNORED)
        return
    if ep.profile.icmp_mtu_below_mss_only and not six and mtu >= ep.snd.mss + 40:
        ep.note(now_ns, why.ICMP_IGNORED)
        return
    route = ep.options.route
    locked = route is not None and route.mtu_locked
    if mtu >= old_mtu or locked or not ep.profile.pmtu_discovery:
        ep.note(now_ns, why.ICMP_IGNORED)
        return
    ep.note(now_ns, why.ICMP_TOO_BIG)
    if ep.sender.search is None:
        ep.mtu = mtu
        ep.snd.mss = min(ep.snd.mss, mtu - pathmtu.headers(ep))
    else:
        pathmtu.sync_mss(ep, mtu)
    if ep.state is SYN_SENT and ep.tfo_data_bytes and ep.profile.syn_data_stays_queued:
        resend_plain_syn(ep, now_ns)
    elif ep.syn_acked and seq_ge(ep.snd.nxt, ep.snd.una):
        ep.sender.path_mtu_shrank(ep, now_ns)


def resend_plain_syn(ep: Endpoint, now_ns: int) -> None:
    """The SYN with data was too large: it goes again at once without data and cookie (tcp_simple_retransmit)."""
    ep.syn_cookie = None
    ep.syn_transmissions += 1
    ep.sender.syn_resent(ep, now_ns)
    syn = ep.make_syn(now_ns, with_ack=False)
    ep.syn_segment = syn
    ep.send(now_ns, syn, why.RESEND_SYN, "syn")


_PLATEAUS: Final = (65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68)


def next_plateau(mtu: int) -> int:
    """RFC 1191 §7: a router that names no MTU means the next lower plateau."""
    for plateau in _PLATEAUS:
        if plateau < mtu:
            return plateau
    return 68
