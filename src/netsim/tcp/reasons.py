"""Why the endpoint did what it did: the core's table of reasons.

Each has a permanent code, one sentence for a person who learns TCP, and its source.
"""

from __future__ import annotations

from typing import Final

from netsim.base.reasons import Reason

ALL: Final[list[Reason]] = []


def _reason(code: str, text: str, cite: str) -> Reason:
    reason = Reason(code, text, cite)
    ALL.append(reason)
    return reason


# --- opening -------------------------------------------------------------------------
ACTIVE_OPEN: Final = _reason(
    "active-open", "The user opens: choose an ISN and send a SYN that carries it.", "RFC 9293 §3.10.1"
)
PASSIVE_OPEN: Final = _reason("passive-open", "The user listens: wait for a SYN.", "RFC 9293 §3.10.1")
OPEN_FROM_LISTEN: Final = _reason(
    "open-from-listen", "A listening endpoint is asked to open actively: send a SYN.", "RFC 9293 §3.10.1"
)
SYN_IN_LISTEN: Final = _reason(
    "syn-in-listen",
    "A SYN arrived: note its number as IRS, choose our own ISN, answer SYN,ACK.",
    "RFC 9293 §3.10.7.2",
)
FAST_OPEN_ACCEPTED: Final = _reason(
    "fast-open-accepted",
    "The SYN carries a good Fast Open cookie: its data is delivered at once, before the handshake is over.",
    "RFC 7413 §4.2.2",
)
SYN_ACK_COMPLETES: Final = _reason(
    "syn-ack-completes",
    "The SYN,ACK acknowledges our SYN and tells the peer's number: acknowledge it; the connection is open.",
    "RFC 9293 §3.10.7.3",
)
SIMULTANEOUS_OPEN: Final = _reason(
    "simultaneous-open",
    "A SYN without an ACK crossed ours: both sides opened at once; answer SYN,ACK.",
    "RFC 9293 §3.10.7.3 (MUST-10)",
)
ACK_OF_SYN: Final = _reason(
    "ack-of-syn", "Our SYN is acknowledged: both numbers are agreed, the connection is open.",
    "RFC 9293 §3.10.7.4, fifth step",
)  # fmt: skip
SYN_DATA_HELD: Final = _reason(
    "syn-data-held", "Data on a SYN is kept and delivered only when the connection is established.",
    "RFC 9293 §3.10.7.2",
)  # fmt: skip
SYN_AGAIN_ACKED: Final = _reason(
    "syn-ack-again", "The same SYN came again, so our SYN,ACK was probably lost: send it again.",
    "RFC 9293 §3.10.7.4, first step",
)  # fmt: skip
ACK_SYN_AGAIN: Final = _reason(
    "ack-syn-again", "The same SYN came again: an ACK says what is expected; the SYN,ACK has its own timer.",
    "RFC 9293 §3.10.7.4, first step",
)  # fmt: skip
TWO_WAY_OPEN: Final = _reason(
    "two-way-open",
    "A two-way handshake believes any SYN at once: nothing proves that the SYN is not an old duplicate.",
    "not a standard: what RFC 9293 §3.5 guards against",
)

# --- data ----------------------------------------------------------------------------
DATA: Final = _reason("data", "Data within the peer's window and our congestion window.", "RFC 9293 §3.7, §3.10.2")
DATA_PUSHED: Final = _reason(
    "data-pushed",
    "The end of what the user sent: PSH tells the receiver to hand it over.",
    "RFC 9293 §3.9.1.2 (MUST-60)",
)
FIN_SENT: Final = _reason(
    "fin", "Nothing more to send: the FIN takes the next sequence number.", "RFC 9293 §3.6, §3.10.4"
)
ACK_EVERY_SECOND: Final = _reason(
    "ack-every-second", "Two full-sized segments are not yet acknowledged: do not delay any longer.",
    "RFC 9293 §3.8.6.3 (SHLD-19)",
)  # fmt: skip
ACK_DELAYED: Final = _reason(
    "ack-delayed", "The delayed-ACK timer ran out: acknowledge without waiting for data to ride on.",
    "RFC 9293 §3.8.6.3 (SHLD-18, MUST-40)",
)  # fmt: skip
ACK_OUT_OF_ORDER: Final = _reason(
    "ack-out-of-order", "A segment is missing before this one: repeat the acknowledgement at once (duplicate ACK).",
    "RFC 5681 §4.2",
)  # fmt: skip
ACK_GAP_FILLED: Final = _reason(
    "ack-gap-filled", "This segment fills a gap: acknowledge everything up to the next one at once.", "RFC 5681 §4.2"
)
ACK_DUPLICATE: Final = _reason(
    "ack-duplicate-data", "This data was here before: acknowledge again, and tell by DSACK.",
    "RFC 9293 §3.10.7.4, first step; RFC 2883",
)  # fmt: skip
ACK_FIN: Final = _reason(
    "ack-fin", "The peer's FIN is in order: acknowledge it (the FIN counts as one octet).",
    "RFC 9293 §3.10.7.4, eighth step",
)  # fmt: skip
ACK_FIN_AGAIN: Final = _reason(
    "ack-fin-again", "The FIN was seen before, so only its ACK can have been lost: acknowledge again, restart 2MSL.",
    "RFC 9293 §3.10.7.4, eighth step",
)  # fmt: skip
WINDOW_UPDATE: Final = _reason(
    "window-update", "The user read enough: tell the peer that the window is open again.", "RFC 9293 §3.8.6.2.2"
)
ACK_CLOSED_WINDOW: Final = _reason(
    "ack-zero-window-probe", "A probe into a closed window: answer with the current window.",
    "RFC 9293 §3.8.6.1 (MUST-37)",
)  # fmt: skip
ACK_KEEP_ALIVE: Final = _reason(
    "ack-keep-alive", "A number just below the window asks whether we are alive: answer with an ACK.",
    "RFC 9293 §3.8.4",
)  # fmt: skip
ACK_IMMEDIATE: Final = _reason(
    "ack-immediate", "Acknowledge at once (no delayed ACK at this point).", "RFC 9293 §3.8.6.3"
)

# --- why nothing is sent ---------------------------------------------------------------
HELD_NAGLE: Final = _reason(
    "held-nagle", "A small segment waits while earlier data is unacknowledged (Nagle).", "RFC 9293 §3.7.4 (SHLD-7)"
)
HELD_CORK: Final = _reason("held-cork", "The user said that more will follow: wait for a full segment.", "")
HELD_WINDOW: Final = _reason("held-window", "The peer's window is full: wait for it to open.", "RFC 9293 §3.8.6")
HELD_SWS: Final = _reason(
    "held-silly-window", "The usable window is too small to be worth a segment: avoid the silly window syndrome.",
    "RFC 9293 §3.8.6.2.1 (MUST-38)",
)  # fmt: skip
HELD_CWND: Final = _reason("held-cwnd", "The congestion window is used up.", "RFC 5681 §3.1")
HELD_HANDSHAKE: Final = _reason(
    "held-handshake", "The connection is not open yet: data waits for the handshake.", "RFC 9293 §3.10.2"
)
HELD_TSO: Final = _reason(
    "held-tso", "The next ACK is near: wait for it, and hand the network interface a larger piece.", ""
)
HELD_MTU_PROBE: Final = _reason(
    "held-mtu-probe", "A larger segment is to be tried next: wait until the windows have room for it and what follows.",
    "RFC 4821 §7.4",
)  # fmt: skip
HELD_PACING: Final = _reason("held-pacing", "Pacing spreads the segments over the round trip.", "")
PACED: Final = _reason("paced", "The pause between two paced segments is over: the next may leave.", "")
HELD_LOCAL_DROP: Final = _reason(
    "held-local-drop", "The queue of our own device is full and drops the segment: it is not sent yet.", ""
)
LOCAL_RETRY: Final = _reason("local-retry", "Our own device refused the segment before: try it again.", "")
LOCAL_RETRY_ARMED: Final = _reason(
    "local-retry-armed", "Our own device refuses packets and nothing is in flight: try again after a while.", ""
)

# --- retransmission and other timers ----------------------------------------------------
RTO_EXPIRED: Final = _reason(
    "rto", "No acknowledgement came in time: send the earliest unacknowledged segment again and double the timer.",
    "RFC 6298 §5.4-5.6 (MUST-19)",
)  # fmt: skip
RTO_ARMED: Final = _reason("rto-armed", "Something is in flight: start the retransmission timer.", "RFC 6298 §5.1")
RESEND_SYN: Final = _reason("resend-syn", "The SYN was not answered in time: send it again.", "RFC 6298 §5")
RESEND_SYN_ACK: Final = _reason(
    "resend-syn-ack", "The SYN,ACK was not acknowledged in time: send it again.", "RFC 6298 §5"
)
RESEND_TIMEOUT: Final = _reason("resend-timeout", "Resent because the retransmission timer ran out.", "RFC 6298 §5.4")
RESEND_FIN: Final = _reason("resend-fin", "The FIN was not acknowledged in time: send it again.", "RFC 6298 §5.4")
RESEND_FAST: Final = _reason(
    "resend-fast", "Three duplicate ACKs say that a segment is missing: send it again without waiting for the timer.",
    "RFC 5681 §3.2",
)  # fmt: skip
RESEND_PARTIAL: Final = _reason(
    "resend-partial", "A partial ACK in recovery points at the next hole: send it again.", "RFC 6582 §3.2"
)
RESEND_SACK: Final = _reason("resend-sack", "SACK blocks show that this segment is lost: send it again.", "RFC 6675 §5")
RESEND_RACK: Final = _reason(
    "resend-rack", "A segment sent later was delivered, and the reordering window is over: this one is lost.",
    "RFC 8985 §6.2",
)  # fmt: skip
RESEND_TLP: Final = _reason(
    "resend-tlp", "No ACK for the tail of the flight: probe with the last segment.", "RFC 8985 §7.3"
)
PROBE_TLP_NEW: Final = _reason(
    "tlp-new-data", "No ACK for the tail of the flight: probe with new data.", "RFC 8985 §7.3"
)
RESEND_GO_BACK: Final = _reason(
    "resend-go-back", "After the time-out everything not acknowledged counts as lost: send it again in order.",
    "RFC 5681 §3.1, RFC 6298 §5.4",
)  # fmt: skip
PERSIST_PROBE: Final = _reason(
    "persist-probe", "The window is closed: probe it with one octet, so that a lost window update does no harm.",
    "RFC 9293 §3.8.6.1 (MUST-36)",
)  # fmt: skip
PERSIST_ARMED: Final = _reason(
    "persist-armed", "Data waits before a closed window: start the probe timer.", "RFC 9293 §3.8.6.1 (SHLD-29)"
)
KEEP_ALIVE_PROBE: Final = _reason(
    "keep-alive-probe", "Nothing was heard for long: ask with an old number whether the peer is alive.",
    "RFC 9293 §3.8.4 (MUST-24)",
)  # fmt: skip
KEEP_ALIVE_ARMED: Final = _reason("keep-alive-armed", "Start the keep-alive timer.", "RFC 9293 §3.8.4 (MUST-28)")
KEEP_ALIVE_DEAD: Final = _reason(
    "keep-alive-dead", "No probe was answered: the peer is gone.", "RFC 9293 §3.8.4 (MUST-29)"
)
DELACK_ARMED: Final = _reason(
    "delack-armed", "Wait a little: the ACK may ride on data or cover a second segment.", "RFC 9293 §3.8.6.3 (SHLD-18)"
)
USER_TIMEOUT_ARMED: Final = _reason(
    "user-timeout-armed", "The user's time limit starts.", "RFC 9293 §3.10.1 (user timeout)"
)
USER_TIMEOUT: Final = _reason(
    "user-timeout", "Data was not acknowledged within the user's time limit: give up.", "RFC 9293 §3.10.8"
)
GAVE_UP: Final = _reason(
    "gave-up", "Retransmission went on past R2 without an answer: give up.", "RFC 9293 §3.8.3 (MUST-20, MUST-21)"
)
R1_REACHED: Final = _reason(
    "r1-reached",
    "R1 is reached: tell the network layer that this path may be dead.",
    "RFC 9293 §3.8.3 (SHLD-9, MUST-20)",
)
TIME_WAIT_STARTED: Final = _reason(
    "time-wait", "Wait 2MSL: our last ACK may be lost, and old segments must die out before the pair is used again.",
    "RFC 9293 §3.6.1 (MUST-13)",
)  # fmt: skip
TIME_WAIT_OVER: Final = _reason(
    "time-wait-over", "2MSL passed in silence: no segment of this connection is left in the network.",
    "RFC 9293 §3.10.8",
)  # fmt: skip
TIME_WAIT_REUSED: Final = _reason(
    "time-wait-reused", "A SYN beyond all old numbers may open a new incarnation out of TIME-WAIT.",
    "RFC 9293 §3.6.1 (MAY-2); RFC 6191",
)  # fmt: skip
FIN_WAIT_2_ARMED: Final = _reason(
    "fin-wait-2-armed",
    "The user is gone: do not wait for ever for the peer's FIN.",
    "RFC 9293 §3.6 (implementation choice)",
)
FIN_WAIT_2_TIMEOUT: Final = _reason(
    "fin-wait-2-timeout", "The peer never closed, and no user waits for it: forget the connection.",
    "RFC 9293 §3.6 (implementation choice)",
)  # fmt: skip
CORK_TIMEOUT: Final = _reason("cork-timeout", "Held data waited long enough: send it.", "")
SWS_OVERRIDE: Final = _reason(
    "sws-override", "The override timer ran out: send what the window takes, small as it is.",
    "RFC 9293 §3.8.6.2.1",
)  # fmt: skip

# --- closing ---------------------------------------------------------------------------
CLOSE_CALL: Final = _reason("close", "The user closes: no more data from this side.", "RFC 9293 §3.10.4")
CLOSE_LISTEN: Final = _reason("close-listen", "The user closes before any peer came.", "RFC 9293 §3.10.4")
ABORT_CALL: Final = _reason(
    "abort", "The user aborts: a RST tells the peer that the connection is gone.", "RFC 9293 §3.10.5"
)
UNREAD_DATA: Final = _reason(
    "close-with-unread-data", "The user closes without reading all data: a RST tells the peer that it was lost.",
    "RFC 9293 §3.6.1 (SHLD-3)",
)  # fmt: skip
DATA_AFTER_CLOSE: Final = _reason(
    "data-after-close", "Data arrives, but the user is gone and can never read it: RST.", "RFC 9293 §3.6.1 (SHLD-3)"
)
RCV_FIN: Final = _reason(
    "rcv-fin", "The peer's FIN is in order: it will send nothing more.", "RFC 9293 §3.10.7.4, eighth step"
)
ACK_OF_FIN: Final = _reason("ack-of-fin", "Our FIN is acknowledged.", "RFC 9293 §3.10.7.4, fifth step")
LAST_ACK_CAME: Final = _reason(
    "last-ack", "Our FIN is acknowledged, and the peer's came before: the connection is over.",
    "RFC 9293 §3.10.7.4, fifth step",
)  # fmt: skip

# --- what came of an arriving segment -----------------------------------------------------
ACCEPTED: Final = _reason("accepted", "In order and acceptable.", "RFC 9293 §3.10.7.4")
ACCEPTED_OUT_OF_ORDER: Final = _reason(
    "out-of-order", "Beyond the next expected number: kept until the gap is filled.",
    "RFC 9293 §3.10.7.4, seventh step (SHLD-31)",
)  # fmt: skip
DROP_CLOSED: Final = _reason("no-connection", "There is no connection: answer with a RST.", "RFC 9293 §3.10.7.1")
DROP_RST_CLOSED: Final = _reason("rst-to-closed", "A RST for no connection is ignored.", "RFC 9293 §3.10.7.1")
DROP_RST_LISTEN: Final = _reason("rst-in-listen", "Nothing was sent yet that a RST could mean.", "RFC 9293 §3.10.7.2")
RST_ACK_IN_LISTEN: Final = _reason(
    "ack-in-listen", "An ACK in LISTEN acknowledges something never sent: RST.", "RFC 9293 §3.10.7.2"
)
DROP_NO_SYN_LISTEN: Final = _reason("no-syn-in-listen", "Only a SYN means something in LISTEN.", "RFC 9293 §3.10.7.2")
RST_BAD_ACK_SYN_SENT: Final = _reason(
    "bad-ack-in-syn-sent", "It acknowledges something that we did not send: an old connection's segment; RST.",
    "RFC 9293 §3.10.7.3",
)  # fmt: skip
DROP_BAD_ACK_RST: Final = _reason(
    "rst-bad-ack", "A RST that does not acknowledge our SYN proves nothing.", "RFC 9293 §3.10.7.3"
)
DROP_RST_NO_ACK: Final = _reason(
    "rst-without-ack", "A RST without ACK in SYN-SENT is not for our SYN.", "RFC 9293 §3.10.7.3"
)
REFUSED: Final = _reason(
    "refused", "The RST acknowledges our SYN: nobody listens there; connection refused.", "RFC 9293 §3.10.7.3"
)
REFUSED_IN_SYN_RECEIVED: Final = _reason(
    "refused-syn-received", "A RST before the handshake ended: the peer does not want this connection.",
    "RFC 9293 §3.10.7.4, second step",
)  # fmt: skip
DROP_NO_SYN_SYN_SENT: Final = _reason(
    "no-syn-in-syn-sent", "Neither SYN nor RST: nothing to do in SYN-SENT.", "RFC 9293 §3.10.7.3, fifth step"
)
DROP_NO_MEMORY: Final = _reason(
    "no-memory", "The receive buffer has no memory left for the packet: it is dropped, and the window closes.",
    "RFC 9293 §3.8.6",
)  # fmt: skip
DROP_BEYOND_WINDOW: Final = _reason(
    "beyond-window", "It ends beyond the window while text waits to be read: dropped as a whole.",
    "RFC 9293 §3.10.7.4, first step; DEVIATES: what lies in the window could be taken",
)  # fmt: skip
DROP_UNACCEPTABLE: Final = _reason(
    "unacceptable", "No octet of it lies in the receive window: answer with an ACK that says what is expected.",
    "RFC 9293 §3.10.7.4, first step (MUST-8 of RFC 1122 §4.2.2.21)",
)  # fmt: skip
DROP_RST_UNACCEPTABLE: Final = _reason(
    "rst-out-of-window", "A RST outside the window is ignored in silence.", "RFC 9293 §3.10.7.4, first and second step"
)
DROP_PAWS: Final = _reason(
    "paws", "Its timestamp is older than one seen before: an old duplicate, even if the number fits.",
    "RFC 7323 §5.3 (R1)",
)  # fmt: skip
RESET_BY_PEER: Final = _reason(
    "reset", "A RST with exactly the next expected number: the connection is reset.", "RFC 9293 §3.10.7.4, second step"
)
CHALLENGE_RST: Final = _reason(
    "challenge-rst", "A RST in the window but not at the expected number may be forged: ask with a challenge ACK.",
    "RFC 5961 §3.2; RFC 9293 §3.10.7.4, second step",
)  # fmt: skip
CHALLENGE_SYN: Final = _reason(
    "challenge-syn", "A SYN in a synchronized state may be forged or from a rebooted peer: ask with a challenge ACK.",
    "RFC 5961 §4.2; RFC 9293 §3.10.7.4, fourth step",
)  # fmt: skip
CHALLENGE_ACK_RANGE: Final = _reason(
    "challenge-ack-range", "Its ACK is far below or above what we sent: ask with a challenge ACK.",
    "RFC 5961 §5.2; RFC 9293 §3.10.7.4, fifth step",
)  # fmt: skip
CHALLENGE_LIMITED: Final = _reason("challenge-limited", "Too many challenge ACKs already: stay silent.", "RFC 5961 §7")
INVALID_LIMITED: Final = _reason(
    "invalid-limited", "An invalid segment was answered just now: silence, lest two ends answer each other for ever.",
    "RFC 5961 §7",
)  # fmt: skip
ACK_UNSENT: Final = _reason(
    "ack-of-unsent", "It acknowledges something not yet sent: answer with an ACK and drop it.",
    "RFC 9293 §3.10.7.4, fifth step",
)  # fmt: skip
RST_SYN_IN_WINDOW: Final = _reason(
    "syn-in-window",
    "A SYN in the window is an error: reset the connection (before RFC 5961).",
    "RFC 9293 §3.10.7.4, fourth step",
)
SYN_BACK_TO_LISTEN: Final = _reason(
    "syn-back-to-listen", "A SYN in the window of a half-open passive connection: go back to LISTEN.",
    "RFC 9293 §3.10.7.4, fourth step",
)  # fmt: skip
RST_BACK_TO_LISTEN: Final = _reason(
    "rst-back-to-listen", "The half-open connection is reset: a passive open goes back to LISTEN.",
    "RFC 9293 §3.10.7.4, second step (MUST-11)",
)  # fmt: skip
DROP_NO_ACK: Final = _reason(
    "no-ack-bit", "After the handshake every segment must carry an ACK.", "RFC 9293 §3.10.7.4, fifth step"
)
RST_BAD_ACK_SYN_RECEIVED: Final = _reason(
    "bad-ack-in-syn-received", "It does not acknowledge our SYN: an old segment; RST.", "RFC 9293 §3.10.7.4, fifth step"
)
OLD_ACK: Final = _reason(
    "old-ack", "It acknowledges less than was acknowledged before: nothing new.", "RFC 9293 §3.10.7.4, fifth step"
)
DROP_TEXT_CLOSING: Final = _reason(
    "text-after-fin", "The peer sent its FIN before: no data can follow it.", "RFC 9293 §3.10.7.4, seventh step"
)
OLD_IN_TIME_WAIT: Final = _reason(
    "old-in-time-wait", "An old duplicate in TIME-WAIT: exactly what TIME-WAIT is there to catch.",
    "RFC 9293 §3.6.1",
)  # fmt: skip
DROP_RST_TIME_WAIT: Final = _reason("rst-in-time-wait", "A RST must not cut TIME-WAIT short.", "RFC 1337 §3")
DROP_NO_TIMESTAMP: Final = _reason(
    "no-timestamp", "Timestamps were agreed, and this segment has none: dropped.", "RFC 7323 §3.2"
)
DROP_BAD_MD5: Final = _reason("bad-md5", "The MD5 signature is missing or wrong: dropped in silence.", "RFC 2385 §2.0")
DROP_SYN_ACK_LISTEN: Final = _reason(
    "drop-syn-ack-listen", "A SYN,ACK has nothing to tell a listener; this stack drops it silently.",
    "RFC 9293 §3.10.7.2; DEVIATES: a RST would be due",
)  # fmt: skip
DROP_TIME_WAIT_NO_ACK: Final = _reason(
    "drop-time-wait-no-ack", "TIME-WAIT: a segment without an ACK is dropped.", "RFC 9293 §3.10.7.4, fifth step"
)
DROP_TIME_WAIT_DUPLICATE: Final = _reason(
    "drop-time-wait-duplicate", "TIME-WAIT: an ACK that tells nothing new needs no answer.", "RFC 9293 §3.10.7.4"
)
ACK_IN_TIME_WAIT: Final = _reason(
    "ack-in-time-wait", "TIME-WAIT: a segment that should not come any more is answered with an ACK.",
    "RFC 9293 §3.10.7.4",
)  # fmt: skip
DROP_SYN_FIN: Final = _reason("drop-syn-fin", "SYN and FIN together are dropped by configuration.", "")
RESET_LOCAL: Final = _reason("rst", "Tell the peer that there is no such connection.", "RFC 9293 §3.5.2")
URGENT_DATA: Final = _reason("urgent", "Urgent data ahead: tell the user.", "RFC 9293 §3.10.7.4, sixth step (MUST-32)")

# --- ICMP --------------------------------------------------------------------------------
ICMP_SOFT: Final = _reason(
    "icmp-soft", "A soft ICMP error: remember it, go on retransmitting.", "RFC 9293 §3.9.2.2 (MUST-56)"
)
ICMP_HARD: Final = _reason(
    "icmp-hard", "A hard ICMP error: the connection cannot be had.", "RFC 9293 §3.9.2.2 (SHLD-26)"
)
ICMP_IGNORED: Final = _reason(
    "icmp-ignored",
    "The quoted number is not in flight, or the message is to be ignored: drop it.",
    "RFC 5927 §4; RFC 9293 §3.9.2.2",
)
BLACK_HOLE_SUSPECTED: Final = _reason(
    "black-hole-suspected", "Nothing comes back: perhaps a router drops large packets silently; try smaller segments.",
    "RFC 2923 §2.1",
)  # fmt: skip
MTU_PROBE: Final = _reason(
    "mtu-probe", "A segment larger than what is known to pass: if it is acknowledged, the path carries it.",
    "RFC 4821 §7.3",
)  # fmt: skip
MTU_PROBE_PASSED: Final = _reason(
    "mtu-probe-passed", "The large segment arrived: segments of its size from now on.", "RFC 4821 §7.6.1"
)
MTU_PROBE_LOST: Final = _reason(
    "mtu-probe-lost",
    "Only the large segment is missing: the path does not carry it. That is no congestion, and the window stays.",
    "RFC 4821 §7.6.2",
)
NO_BLACK_HOLE: Final = _reason(
    "no-black-hole", "Smaller segments did not help: it is no black hole, use the old size again.", "RFC 2923 §2.1"
)
ICMP_TOO_BIG: Final = _reason(
    "icmp-too-big", "A router says that the packet is too big: smaller segments from now on, and send again.",
    "RFC 1191 §6.4; RFC 8201 §5.4",
)  # fmt: skip
