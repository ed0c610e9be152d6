"""The user interface: OPEN, SEND, RECEIVE, CLOSE, ABORT (RFC 9293 §3.10.1 to §3.10.5).

One function per call, one branch per state, in the order of the RFC. A call that makes no
sense in the present state raises `CallError` and changes nothing.
"""

from __future__ import annotations

from typing import Final

from netsim.base.errors import UsageError
from netsim.base.events import Called
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_add
from netsim.tcp import reasons as why
from netsim.tcp.endpoint import Endpoint
from netsim.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
)
from netsim.tcp.timers import FIN_WAIT_2_IDLE, KEEPALIVE, RTO, USER

NO_CONNECTION: Final = "connection-does-not-exist"
ALREADY_EXISTS: Final = "connection-already-exists"
CLOSING_ERROR: Final = "connection-closing"
NO_REMOTE: Final = "remote-socket-unspecified"
NO_RESOURCES: Final = "insufficient-resources"


class CallError(UsageError):
    """A user call that the present state does not allow; `code` names the RFC's error."""

    def __init__(self, code: str) -> None:
        super().__init__(f"error: {code.replace('-', ' ')}")
        self.code = code


def _tell(ep: Endpoint, now_ns: int, call: str, detail: str = "", result: str = "") -> None:
    if ep.recording:
        ep.emit(Called(now_ns, ep.host, ep.conn, call, detail, result))


def open_passive(ep: Endpoint, now_ns: int, remote_addr: str, remote_port: int) -> None:
    """OPEN, passive (§3.10.1): CLOSED -> LISTEN. The remote socket may be left unspecified (MUST-42)."""
    if ep.state is not CLOSED or ep.opened_at_ns:
        raise CallError(ALREADY_EXISTS)
    ep.remote_addr = remote_addr
    ep.remote_port = remote_port
    ep.passive = True
    _tell(ep, now_ns, "OPEN", "passive")
    ep.change_state(now_ns, LISTEN, "passive-open", why.PASSIVE_OPEN)


def open_active(ep: Endpoint, now_ns: int, remote_addr: str, remote_port: int) -> None:
    """OPEN, active (§3.10.1): send a SYN, enter SYN-SENT; from LISTEN too."""
    if ep.state is not CLOSED and ep.state is not LISTEN:
        raise CallError(ALREADY_EXISTS)
    if not remote_addr or not remote_port:
        raise CallError(NO_REMOTE)
    ep.remote_addr = remote_addr
    ep.remote_port = remote_port
    from_listen = ep.state is LISTEN
    ep.passive = False
    _tell(ep, now_ns, "OPEN", "active")
    if from_listen:
        ep.change_state(now_ns, SYN_SENT, "open-from-listen", why.OPEN_FROM_LISTEN)
    else:
        ep.change_state(now_ns, SYN_SENT, "active-open", why.ACTIVE_OPEN)
    start_syn(ep, now_ns)


def start_syn(ep: Endpoint, now_ns: int) -> None:
    """The first SYN of an active open, its timers, and data on it where Fast Open allows."""
    ep.opened_at_ns = now_ns
    ep.sender.start(ep, now_ns)
    ep.snd.una = ep.snd.iss
    ep.snd.nxt = seq_add(ep.snd.iss, 1)
    ep.snd.up = ep.snd.iss
    syn = ep.make_syn(now_ns, with_ack=False)
    if ep.tfo_data_bytes:
        ep.sender.put_data_on_syn(ep, now_ns, syn)
    ep.syn_sent_ns = now_ns
    ep.syn_transmissions = 1
    ep.syn_segment = syn
    ep.send(now_ns, syn, why.ACTIVE_OPEN)
    ep.set_timer(now_ns, RTO, now_ns + ep.sender.rto_ns(), why.RTO_ARMED)
    limit = ep.options.keep_init_ns or ep.profile.keep_init_ns
    if limit:
        ep.set_timer(now_ns, KEEPALIVE, now_ns + limit, why.USER_TIMEOUT_ARMED)
    if user_timeout_ns(ep):
        ep.set_timer(now_ns, USER, now_ns + user_timeout_ns(ep), why.USER_TIMEOUT_ARMED)


def user_timeout_ns(ep: Endpoint) -> int:
    """The time limit for unacknowledged data; 0: none."""
    return ep.options.user_timeout_ns or ep.profile.user_timeout_ns


def send(
    ep: Endpoint, now_ns: int, data: bytes, push: bool, urgent: bool, more: bool, end_of_record: bool = False
) -> int:
    """SEND (§3.10.2): take as many octets as the send buffer has room for; how many is returned."""
    state = ep.state
    if state is CLOSED:
        raise CallError(NO_CONNECTION)
    if state is LISTEN:
        # "If the remote socket is specified, change from passive to active"; else an error.
        if not ep.remote_addr or not ep.remote_port:
            raise CallError(NO_REMOTE)
        open_active(ep, now_ns, ep.remote_addr, ep.remote_port)
    elif state in (FIN_WAIT_1, FIN_WAIT_2, CLOSING, LAST_ACK, TIME_WAIT) or ep.close_pending:
        raise CallError(CLOSING_ERROR)
    sender = ep.sender
    taken = sender.enqueue(now_ns, data, push, urgent, more, end_of_record)
    if ep.recording:
        _tell(ep, now_ns, "SEND", f"{taken} bytes" + (", urgent" if urgent else ""))
        if sender.restarted:
            sender.tell_restart(ep, now_ns)
        if (state is SYN_SENT or state is SYN_RECEIVED) and taken and not ep.fast_open:
            ep.held(now_ns, sender.unsent_bytes(), why.HELD_HANDSHAKE)
    return taken


def receive(ep: Endpoint, now_ns: int, max_bytes: int, peek: bool) -> bytes:
    """RECEIVE (§3.10.3): up to `max_bytes` in-order octets, b"" where none are there yet (or ever, at EOF)."""
    receiver = ep.receiver
    if peek:
        return receiver.buffer.peek(max_bytes)
    data = receiver.buffer.read(max_bytes)
    if data:
        if ep.recording:
            _tell(ep, now_ns, "RECEIVE", f"{len(data)} bytes")
        if ep.state in (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2) and receiver.should_update_window():
            receiver.ack_reason = receiver.ack_reason or why.WINDOW_UPDATE
        elif receiver.unacked_segs and receiver.ack_reason is None:
            receiver.ack_reason = receiver.ack_policy.on_read(
                now_ns, receiver.unacked_bytes, emptied=receiver.buffer.size == 0
            )
    elif ep.state is CLOSED and not receiver.fin_done:
        raise CallError(ep.error or NO_CONNECTION)
    elif ep.state in (CLOSING, LAST_ACK, TIME_WAIT):
        raise CallError(CLOSING_ERROR)
    return data


def shutdown(ep: Endpoint, now_ns: int) -> None:
    """CLOSE (§3.10.4): no more data from this side; the other direction stays open."""
    state = ep.state
    if state is CLOSED:
        raise CallError(NO_CONNECTION)
    _tell(ep, now_ns, "CLOSE")
    if state is LISTEN:
        ep.die(now_ns, "close", why.CLOSE_LISTEN)
    elif state is SYN_SENT:
        ep.die(now_ns, "close", why.CLOSE_CALL, ep.profile.shutdown_in_syn_sent)
    elif state is SYN_RECEIVED:
        # "If no SENDs have been issued and there is no pending data to send, then form a FIN
        # segment and send it, and enter FIN-WAIT-1; otherwise, queue for processing after
        # entering ESTABLISHED."
        deferred = ep.profile.syn_received_defers_shutdown and not ep.user_gone
        if (ep.sender.unsent_bytes() or ep.sender.nxt > 1 or deferred) and not ep.fast_open:
            ep.close_pending = True
        else:
            ep.sender.queue_fin()
            ep.change_state(now_ns, FIN_WAIT_1, "close", why.CLOSE_CALL)
    elif state is ESTABLISHED:
        ep.sender.queue_fin()
        ep.change_state(now_ns, FIN_WAIT_1, "close", why.CLOSE_CALL)
    elif state is CLOSE_WAIT:
        ep.sender.queue_fin()
        ep.change_state(now_ns, LAST_ACK, "close", why.CLOSE_CALL)
    elif state is not FIN_WAIT_1 and state is not FIN_WAIT_2:
        raise CallError(CLOSING_ERROR)


def close(ep: Endpoint, now_ns: int) -> None:
    """The user lets go of the connection: CLOSE, and nobody will ever read again.

    RFC 9293 §3.6.1: with data unread, a RST shows that data was lost (SHLD-3).
    """
    state = ep.state
    if ep.user_gone or state is CLOSED:
        ep.user_gone = True
        return
    ep.user_gone = True
    unread = ep.receiver.buffer.size > 0
    if unread and state in (SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1, FIN_WAIT_2):
        _tell(ep, now_ns, "CLOSE", f"{ep.receiver.buffer.size} bytes unread")
        reset(ep, now_ns, "close-with-unread-data", why.UNREAD_DATA)
        return
    if state in (LISTEN, SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT):
        shutdown(ep, now_ns)
    elif state is FIN_WAIT_2 and ep.profile.fin_wait_2_ns:
        ep.set_timer(now_ns, FIN_WAIT_2_IDLE, now_ns + ep.profile.fin_wait_2_ns, why.FIN_WAIT_2_ARMED)


def abort(ep: Endpoint, now_ns: int) -> None:
    """ABORT (§3.10.5): drop everything; a RST where the peer has a connection to forget."""
    state = ep.state
    if state is CLOSED:
        raise CallError(NO_CONNECTION)
    ep.user_gone = True
    _tell(ep, now_ns, "ABORT")
    if state in (SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT):
        reset(ep, now_ns, "abort", why.ABORT_CALL)
    else:
        ep.die(now_ns, "abort", why.ABORT_CALL)


def reset(ep: Endpoint, now_ns: int, cause: str, reason: Reason) -> None:
    """Send <SEQ=SND.NXT><CTL=RST> and delete the TCB."""
    ack = ep.receiver.rcv.nxt if ep.profile.abort_rst_has_ack else -1
    seq = ep.control_seq()
    whole = ep.profile.abort_rst_is_whole
    blocks = ep.receiver.sack_blocks(ep.sack_limit()) if whole and ep.neg.sack else ()
    ep.die(now_ns, cause, reason)
    ep.send_rst(now_ns, seq, reason, ack, blocks)
