"""TCP_INFO: what a socket tells about its connection, with Linux's names and units (µs, segments)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.units import MS
from netsim.tcp.congestion.base import INFINITE_SSTHRESH
from netsim.tcp.recovery.rated import RatedRecovery
from netsim.tcp.tso import pacing_rate

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket

STATE_NUMBERS: Final = {
    "ESTABLISHED": 1, "SYN-SENT": 2, "SYN-RECEIVED": 3, "FIN-WAIT-1": 4, "FIN-WAIT-2": 5, "TIME-WAIT": 6,
    "CLOSED": 7, "CLOSE-WAIT": 8, "LAST-ACK": 9, "LISTEN": 10, "CLOSING": 11,
}  # fmt: skip
"""Linux, include/net/tcp_states.h."""

UNLIMITED_RATE: Final = 2**64 - 1

OPTION_TIMESTAMPS: Final = 1
OPTION_SACK: Final = 2
OPTION_WSCALE: Final = 4
OPTION_ECN: Final = 8
OPTION_ECN_SEEN: Final = 16
OPTION_SYN_DATA: Final = 32


def tcp_info(socket: TcpSocket, now_ns: int) -> dict[str, int]:
    """The fields of Linux's struct tcp_info that the model knows."""
    if socket.slot is None:
        state = "LISTEN" if socket.listener is not None else "CLOSED"
        return {"tcpi_state": STATE_NUMBERS[state]}
    conn = socket.slot.conn
    ep = conn.ep
    shot = conn.snapshot()
    recovery = ep.sender.recovery
    sb = recovery.sb
    mss = max(1, recovery.smss)
    gate = ep.sender.gate
    if gate is not None:
        rate, highest = gate.rate, gate.max_rate
    else:
        cc = recovery.cc
        rate = pacing_rate(ep.profile, cc.cwnd, cc.ssthresh, sb.nxt - sb.una, recovery.rtt.srtt_ns)
        highest = 0
    failed_probes = gate.failed_probes if gate is not None else 0
    options = 0
    alive = not conn.is_closed()  # the queue of a connection that is over is empty (tcp_write_queue_purge)
    if shot.timestamps:
        options |= OPTION_TIMESTAMPS
    if shot.sack:
        options |= OPTION_SACK
    if ep.neg.wscale:
        options |= OPTION_WSCALE
    if ep.neg.ecn:
        options |= OPTION_ECN
    if ep.ecn_seen:
        options |= OPTION_ECN_SEEN
    if ep.syn_data_acked:
        options |= OPTION_SYN_DATA
    return {
        "tcpi_state": STATE_NUMBERS[shot.state],
        "tcpi_options": options,
        "tcpi_snd_wscale": shot.snd_wscale,
        "tcpi_rcv_wscale": shot.rcv_wscale,
        "tcpi_rto": shot.rto_ns // 1000,
        "tcpi_backoff": max(shot.backoff, ep.sender.persist_count) * alive,
        "tcpi_probes": max(ep.sender.persist_count, ep.keep_probes, failed_probes),
        "tcpi_ca_state": recovery.phase,
        "tcpi_retransmits": ep.sender.timeouts,
        "tcpi_snd_mss": mss,
        "tcpi_rcv_mss": ep.receiver.ack_policy.segment_size() or ep.receiver.mss,
        "tcpi_unacked": sb.packets_out() * alive,
        "tcpi_sacked": sb.sacked_out + recovery.virtual_sacked,
        "tcpi_lost": sb.lost_out,
        "tcpi_retrans": sb.retrans_out,
        "tcpi_delivered": recovery.delivered_segs,
        "tcpi_reordering": recovery.reordering_segs,
        "tcpi_reord_seen": recovery.rack.reordering_seen if recovery.rack is not None else 0,
        "tcpi_min_rtt": min(recovery.rtt.min_rtt_ns // 1000, 0xFFFFFFFF),
        "tcpi_last_data_recv": max(0, now_ns - max(ep.receiver.last_data_ns, ep.established_at_ns)) // MS,
        "tcpi_last_data_sent": max(0, now_ns - max(recovery.last_sent_ns, 0)) // MS,
        "tcpi_busy_time": ep.sender.chrono.busy_us(now_ns),
        "tcpi_rwnd_limited": ep.sender.chrono.window_limited_us(now_ns),
        "tcpi_sndbuf_limited": ep.sender.chrono.buffer_limited_us(now_ns),
        "tcpi_rtt": shot.srtt_ns // 1000,
        "tcpi_rttvar": recovery.rtt.deviation_ns() // 1000,
        "tcpi_snd_ssthresh": shot.ssthresh // mss if shot.ssthresh < INFINITE_SSTHRESH else INFINITE_SSTHRESH,
        "tcpi_snd_cwnd": shot.cwnd // mss,
        "tcpi_advmss": ep.our_mss(),
        "tcpi_pmtu": ep.mtu,
        "tcpi_rcv_space": ep.receiver.capacity,
        "tcpi_pacing_rate": rate or UNLIMITED_RATE,
        "tcpi_delivery_rate": recovery.delivery_rate() if isinstance(recovery, RatedRecovery) else 0,
        "tcpi_max_pacing_rate": highest or UNLIMITED_RATE,
        "tcpi_snd_wnd": shot.snd_wnd,
        "tcpi_notsent_bytes": shot.unsent + ep.sender.fin_is_queued(),
    }
