"""Why loss recovery did what it did: sentences for people, with their citations."""

from __future__ import annotations

from typing import Final

from netsim.base.reasons import Reason

# growing
SLOW_START: Final = Reason("slow-start", "New data was acknowledged below ssthresh: slow start.", "RFC 5681 §3.1")
AVOIDANCE: Final = Reason(
    "congestion-avoidance", "A window of data was acknowledged: one more segment.", "RFC 5681 §3.1"
)

# duplicate ACKs and SACKs
DUPLICATE_ACK: Final = Reason(
    "duplicate-ack", "The peer acknowledged nothing new: something is missing.", "RFC 5681 §2"
)
LIMITED_TRANSMIT: Final = Reason(
    "limited-transmit", "One of the first two duplicate ACKs: a new segment may go out.", "RFC 3042 §2"
)
SACK_ADVANCED: Final = Reason("sack-advanced", "The peer reported data above a hole.", "RFC 2018 §3")
REORDERING_SEEN: Final = Reason(
    "reordering-seen", "A segment sent only once arrived late: the network reorders.", "RFC 8985 §6.2"
)
RENEGED: Final = Reason(
    "sack-reneged", "The peer dropped data that it had reported: SACKs are forgotten.", "RFC 2018 §8"
)

# fast recovery
FAST_RETRANSMIT: Final = Reason(
    "fast-retransmit", "The third duplicate ACK: the segment at snd.una is taken as lost.", "RFC 5681 §3.2"
)
SACK_LOSS: Final = Reason(
    "sack-loss", "Three segments above the hole were reported: the hole is taken as lost.", "RFC 6675 §4"
)
RACK_LOSS: Final = Reason(
    "rack-loss", "A segment sent later was delivered, and the reordering window has passed: lost.", "RFC 8985 §6.2"
)
PARTIAL_ACK: Final = Reason(
    "partial-ack", "A partial acknowledgement in fast recovery: the next hole is lost as well.", "RFC 6582 §3.2"
)
RESCUE: Final = Reason(
    "rescue-retransmission", "Nothing else may be sent: the last hole is resent once.", "RFC 6675 §4"
)
FULL_ACK: Final = Reason("full-ack", "Everything sent before recovery began is acknowledged.", "RFC 6582 §3.2")
INFLATED: Final = Reason("window-inflated", "Another segment left the network: cwnd grows by one.", "RFC 5681 §3.2")
REDUCED: Final = Reason("proportional-reduction", "The window comes down as data is delivered.", "RFC 9937 §6")
BELOW_RECOVER: Final = Reason(
    "below-recover", "Duplicate ACKs for data sent before the last recovery ended: ignored.", "RFC 6582 §3.2"
)

# timeouts
TIMEOUT: Final = Reason(
    "retransmission-timeout", "No acknowledgement within the RTO: resend from snd.una, one segment.", "RFC 6298 §5"
)
SYN_TIMEOUT: Final = Reason("syn-timeout", "No answer to the SYN within the RTO.", "RFC 6298 §5")
TIMEOUT_RECOVERED: Final = Reason(
    "timeout-recovered", "Everything sent before the timeout is acknowledged.", "RFC 5681 §3.1"
)
REORDER_TIMEOUT: Final = Reason(
    "reordering-timeout", "The reordering window passed without the segment's ACK.", "RFC 8985 §6.3"
)
PROBE: Final = Reason("tail-loss-probe", "No ACK within two round trips: probe the tail.", "RFC 8985 §7")
PROBE_REPAIRED: Final = Reason(
    "probe-repaired-loss", "The probe filled a hole at the tail: that was a loss.", "RFC 8985 §7.4"
)

# spurious
SPURIOUS_DSACK: Final = Reason(
    "spurious-by-dsack", "Every resent segment arrived twice: nothing had been lost.", "RFC 3708 §2"
)
SPURIOUS_TIMESTAMP: Final = Reason(
    "spurious-by-timestamp", "The ACK echoes the original's timestamp: it had not been lost.", "RFC 3522 §3.2"
)
SPURIOUS_FRTO: Final = Reason(
    "spurious-by-frto", "Data sent before the timeout and never resent was acknowledged.", "RFC 5682 §2.1"
)
FRTO_REAL: Final = Reason("frto-loss-real", "A duplicate ACK after new data: the timeout was real.", "RFC 5682 §2.1")

# explicit congestion notification, idleness, path MTU
ECN_ECHO: Final = Reason(
    "ecn-echo", "The peer echoes a congestion mark: reduce once in this round trip.", "RFC 3168 §6.1.2"
)
LOCAL_CONGESTION: Final = Reason(
    "local-congestion", "The queue of our own device is full: reduce once in this round trip.", "RFC 9293 §3.9.2"
)
CWR_ENDED: Final = Reason("cwr-ended", "A round trip after the mark: the reduction is done.", "RFC 3168 §6.1.2")
IDLE_RESTART: Final = Reason(
    "idle-restart", "Idle for longer than the RTO: start again from the restart window.", "RFC 5681 §4.1"
)
MTU_REDUCED: Final = Reason(
    "mtu-reduced", "Segments too big for the path are resent smaller; congestion is not meant.", "RFC 1191 §6.4"
)

# where the window begins
INITIAL_WINDOW: Final = Reason("initial-window", "The handshake is done: the initial window.", "RFC 6928 §2")
INITIAL_WINDOW_AFTER_LOSS: Final = Reason(
    "initial-window-after-syn-loss", "The SYN or its answer was lost: begin with one segment.", "RFC 5681 §3.1"
)
HYSTART_TRAIN: Final = Reason(
    "hystart-ack-train", "The ACK train is as long as half a round trip: leave slow start.", "RFC 9438 §4.10"
)
HYSTART_DELAY: Final = Reason("hystart-delay", "Round trips grow: leave slow start.", "RFC 9438 §4.10")
