"""What may differ between two conforming stacks, as data.

`Profile` is plain, frozen data with the RFC's values as defaults. `netsim.tcp.profile.rfc`,
`.linux` and `.freebsd` are instances; nobody compares a profile's name. Socket options live
in `ConnectionOptions` and start from the profile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from netsim.base.packet import OPT_MD5, OPT_MSS, OPT_NOP, OPT_SACK, OPT_SACK_OK, OPT_TFO, OPT_TS, OPT_WSCALE
from netsim.base.units import MS, SEC
from netsim.tcp.profile.route import RouteMetrics


@dataclass(frozen=True)
class OptionStyle:
    """How a stack lays out its TCP options.

    order: option kinds in the order in which they are written
    align: for a kind, (modulus, remainder): NOPs go before it until offset % modulus == remainder
    sack_ok_alone: alignment of SACK-permitted when no timestamps option follows it
    pad: the kind that fills the end to a multiple of four (NOP or EOL)
    echo_order: the SYN,ACK lists options in the order of the SYN it answers
    """

    order: tuple[int, ...] = (OPT_MD5, OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_TS, OPT_SACK, OPT_TFO)
    align: tuple[tuple[int, int, int], ...] = (
        (OPT_WSCALE, 4, 1),
        (OPT_TS, 4, 2),
        (OPT_SACK, 4, 2),
        (OPT_MD5, 4, 2),
    )
    sack_ok_alone: tuple[int, int] = (1, 0)
    pad: int = OPT_NOP


@dataclass(frozen=True)
class Profile:
    """A stack's numbers and choices. Times in ns, sizes in bytes, unless the name says otherwise.

    The defaults are the RFCs' values: `rfc` is `Profile()`.
    """

    name: str = "rfc"

    # -- options ---------------------------------------------------------------
    use_timestamps: bool = True
    """Offer timestamps on SYN (RFC 7323)."""
    use_window_scale: bool = True
    """Offer window scaling on SYN (RFC 7323)."""
    use_sack: bool = True
    """Offer SACK on SYN (RFC 2018)."""
    send_mss_option: bool = True
    """Send the MSS option (RFC 9293 §3.7.1, SHLD-5)."""
    option_style: OptionStyle = OptionStyle()
    default_mss_v4: int = 536
    """Send MSS where the peer sent no MSS option, IPv4 (MUST-15)."""
    default_mss_v6: int = 1220
    """The same for IPv6."""
    min_mss: int = 64
    """Smallest send MSS that a peer may impose."""
    ts_tick_ns: int = MS
    """Tick of the timestamp clock: 1 ms to 1 s (RFC 7323 §5.4)."""
    require_timestamps: bool = True
    """Drop a segment without timestamps once they are agreed (RFC 7323 §3.2, SHOULD)."""
    ts_recent_with_good_ack: bool = False
    """TS.Recent is taken only from segments whose ACK is neither old nor of something unsent (Linux: tcp_ack)."""
    wscale: int = -1
    """Window scale to offer; -1: the smallest that can express the receive buffer."""
    wscale_from_bytes: int = 0
    """Where wscale is -1: choose it for this many bytes instead of the receive buffer (0: the buffer)."""

    # -- buffers and windows --------------------------------------------------------
    rcv_buffer: int = 65535
    snd_buffer: int = 65536
    buffer_counts_memory: bool = False
    """The send buffer counts segments with their overhead (Linux's skb->truesize), not bytes: see `tcp.sendspace`."""
    snd_buffer_max: int = 4 * 1024 * 1024
    """Where memory is counted: how far autotuning goes (net.ipv4.tcp_wmem's third number)."""
    rcv_buffer_max: int = 4 * 1024 * 1024
    """Where memory is counted: the largest SO_RCVBUF (net.core.rmem_max)."""
    notsent_lowat: int = 0
    """No more is taken from the user while so much is unsent (net.ipv4.tcp_notsent_lowat); 0: no limit."""
    round_rcv_buffer_to_mss: bool = False
    """FreeBSD: the receive buffer grows to a multiple of the MSS when the connection is established."""
    window_round_up: bool = False
    """Round the scaled window field up (FreeBSD) instead of down."""
    window_update_doubles: bool = False
    """Reading draws a window update only if the window at least doubles (Linux: tcp_cleanup_rbuf)."""
    window_slides: bool = False
    """Every segment offers all the free room (FreeBSD); False: the right edge moves in worthwhile steps only."""
    accepts_all_room: bool = False
    """Segments are acceptable up to the free room in the buffer (FreeBSD), though the field could not tell so much."""
    takes_ack_of_old_segment: bool = False
    """The ACK field of an unacceptable old segment is processed (BSD) instead of dropped with it."""
    takes_old_to_last_ack: bool = False
    """Segments are acceptable that end at the last acknowledgement sent or after it, and that begin at the right edge
    (Linux: tcp_sequence), though no octet of theirs is in the window."""
    overlap_may_wait: bool = False
    """The ACK of a segment whose beginning is old and whose end is new may be delayed as any other (Linux)."""
    early_fin_yields: bool = False
    """A FIN out of order binds the peer to nothing: what comes in order decides where the stream ends (Linux)."""
    sack_reports_fin: bool = False
    """A FIN out of order counts as an octet in SACK blocks (Linux)."""
    late_text_ignored: bool = False
    """After the peer's FIN, segments at or beyond RCV.NXT are dropped without an answer (Linux)."""
    fin_drops_gaps: bool = False
    """The peer's FIN in order throws away what waits out of order (Linux: tcp_fin); nothing is reported any more."""
    syn_window: int = 65535
    """Largest window field in a SYN."""
    rst_window_zero: bool = True
    """RST segments carry window 0."""
    sws_receiver_divisor: int = 2
    """RFC 9293 §3.8.6.2.2: the window opens by at least min(buffer / this, MSS)."""
    keep_syn_data: bool = True
    """Data on a SYN without Fast Open is kept until ESTABLISHED (RFC 9293 §3.10.7.2), not ignored."""

    keep_crossed_syn_text: bool = False
    """Simultaneous open: the text of the peer's SYN is kept, its FIN is not (FreeBSD)."""

    # -- acknowledging -----------------------------------------------------------------
    delayed_ack_ns: int = 200 * MS
    """Longest delay of an ACK; must be below 500 ms (MUST-40)."""
    ack_every_segs: int = 2
    """An ACK at least for every n-th full-sized segment (SHLD-19)."""
    delay_fin_ack: bool = False
    """The ACK of a FIN may wait for the user's CLOSE like the ACK of data, so that both share a segment.

    RFC 9293 §3.8.6.3 lets an ACK wait; figure 12 shows it sent at once, and so do we by default. Linux
    delays it in ping-pong mode (net/ipv4/tcp_input.c, `tcp_fin`), which is why captures of short
    connections often show three segments where the figure has four.
    """
    second_ack_needs_window: bool = False
    """More than a segment is acknowledged at once only if the ACK can offer as large a window as the last (Linux)."""
    quick_acks: int = 0
    """Linux: so many segments at the start are acknowledged at once."""
    ack_policy: str = "rfc"
    """Which `receiver` ACK policy: "rfc", "linux" or "freebsd"."""
    max_sack_blocks: int = 4
    use_dsack: bool = True
    """Report duplicates with DSACK (RFC 2883)."""

    # -- sending ----------------------------------------------------------------------------
    nagle: bool = True
    nagle_per_write: bool = False
    """A write that finds nothing unacknowledged leaves whole, its last small segment too (BSD)."""
    nagle_minshall: bool = False
    """Linux: Nagle holds back only while a *small* segment is unacknowledged."""
    initial_window_segs: int = 10
    """RFC 6928."""
    initial_window_rfc3390: bool = False
    """min(4*MSS, max(2*MSS, 4380)) instead of ten segments (RFC 3390)."""
    congestion_control: str = "reno"
    hystart: bool = False
    """CUBIC leaves slow start when the delay grows (RFC 9406's ancestor in Linux)."""
    recovery: str = "sack"
    """Loss recovery: "newreno", "sack" (RFC 6675) or "rack" (RFC 8985)."""
    slow_start_limit: int = 1
    """So many segments one ACK adds at most in slow start (not with Linux's CUBIC): 1 (RFC 5681 §3.1) to L
    (RFC 3465); 0: no bound."""
    cwnd_validation: bool = True
    """The congestion window grows only while it is what limits the sender (RFC 5681 §4.1 in spirit, RFC 7661)."""
    rack_timer_slack_ns: int = 2 * MS
    """Smallest distance of the probe and reordering timers (Linux: TCP_TIMEOUT_MIN, two ticks)."""
    tlp_max_ack_delay_ns: int = 200 * MS
    """Added to the probe timeout when one segment is in flight (RFC 8985 §7.2: WCDelAckT)."""
    max_reordering: int = 300
    """Bound of the degree of reordering without SACK (net.ipv4.tcp_max_reordering)."""
    limited_transmit: bool = True
    prr: str = ""
    """"" (the window comes down at once), "rfc6937", "rfc6937-crb", "rfc9937" or "linux"."""
    use_tlp: bool = False
    use_frto: bool = False
    use_undo: bool = False
    counts_segments: bool = False
    """Windows and pipe are counted in segments (Linux) instead of bytes."""
    idle_halving: bool = False
    """Linux's form of the restart window: halve once per idle RTO."""
    dup_threshold: int = 3
    push_every_write: bool = True
    """PSH on the last segment of each write; False: only when the send buffer runs empty."""
    push_at_end_of_write: bool = False
    """Linux: PSH only where a segment ends with a write, not where it merely contains the end of one."""
    tso: bool = False
    """Hand segments larger than the MSS to the network interface."""
    tso_min_segs: int = 2
    tso_win_divisor: int = 3
    pacing_ss_ratio: int = 200
    pacing_ca_ratio: int = 120
    """Percent of cwnd per round trip, in slow start and after (Linux net.ipv4.tcp_pacing_*_ratio)."""
    pacing: bool = False
    """Spread the segments over the round trip, at those percentages (Linux with the qdisc fq)."""
    pacing_free_segs: int = 0
    """So many segments at the start of a paced connection leave as they come (Linux: 10)."""
    slow_start_after_idle: bool = True
    """RFC 5681 §4.1: restart from the initial window after an idle RTO."""
    fin_needs_cwnd: bool = False
    """A FIN without text waits for the congestion window like a full segment (Linux)."""
    sws_override_probes: bool = False
    """The override timer is the RTO, and what it sends is pushed (Linux: the probe timer, tcp_write_wakeup)."""
    sws_override_ns: int = 200 * MS
    """The sender's silly-window override timer, also the limit of corked data, 0.1 to 1 s (RFC 9293 §3.8.6.2.1)."""

    # -- retransmission ------------------------------------------------------------------------
    samples_what_seemed_lost: bool = False
    """A SACK of what had been judged lost gives an RTT sample too, though that contains the timeout (Linux)."""
    rtt_variant: str = "rfc"
    """"rfc" (RFC 6298), "linux" or "freebsd"."""
    rtt_every_ack: bool = True
    """Without timestamps, a round-trip sample from every ACK of new data; False: one a round trip (RFC 6298 §3)."""
    rto_initial_ns: int = SEC
    rto_min_ns: int = SEC
    rto_max_ns: int = 60 * SEC
    rto_after_syn_loss_ns: int = 3 * SEC
    """RFC 6298 §5.7; 0: keep what was measured."""
    rto_slop_ns: int = 0
    """Added to every RTO but the first (FreeBSD: rexmit_slop)."""
    r1_retries: int = 3
    """RFC 9293 §3.8.3: after so many retransmissions the network layer is told."""
    r2_retries: int = 15
    """After so many retransmissions without an answer the connection is given up; 0: by time only."""
    r2_ns: int = 100 * SEC
    """... but not before this time since the first unanswered transmission (MUST-20: at least 100 s)."""
    syn_r2_retries: int = 7
    syn_r2_ns: int = 180 * SEC
    """The same for a SYN (MUST-23: at least 3 minutes)."""
    syn_linear_timeouts: int = 0
    """So many retransmissions of a SYN come without back-off (Linux: net.ipv4.tcp_syn_linear_timeouts); none where
    the user set TCP_SYNCNT: with 1, a 6.18 kernel gives up after three seconds."""
    bad_ack_resends_syn_ns: int = 0
    """SYN-SENT: an unacceptable ACK proves that the peer is there; the SYN goes again after this (Linux). 0: no."""
    syn_ack_retries: int = 7
    syn_rtx_drops_options_after: int = 0
    """From this retransmission on, a SYN carries only the MSS (0: never)."""
    repacks: str = ""
    """What is sent again is put together anew (RFC 9293 §3.8.1 allows it): "" keeps the old segments, "whole" adds
    segments that fit as a whole (Linux: tcp_retrans_try_collapse), "bytes" fills up with as much as fits (BSD)."""
    persist_min_ns: int = 0
    """Shortest probe interval; 0: the RTO (SHLD-29)."""
    user_timeout_at_rto: bool = False
    """The user timeout is looked at when the retransmission timer expires, and counts from the first retransmission;
    the connection ends without a RST (Linux: retransmits_timed_out, tcp_clamp_rto_to_user_timeout)."""
    resends_within_window: bool = False
    """What is sent again is cut to a window that shrank, and nothing beyond it leaves but the first segment (Linux)."""
    persist_max_ns: int = 60 * SEC
    persist_with_old_number: bool = False
    """Linux: probe with an empty segment just below SND.UNA instead of an octet beyond the window."""
    persist_gives_up: bool = False
    """A peer that answers probes is kept for ever (MUST-37... RFC 9293 §3.8.6.1)."""

    # -- keep-alive and other limits ------------------------------------------------------------
    keep_idle_ns: int = 7200 * SEC
    keep_interval_ns: int = 75 * SEC
    keep_count: int = 9
    keep_init_ns: int = 0
    """A connection must be established within this time (0: no limit); FreeBSD keepinit."""
    keep_alive_always: bool = False
    """Every connection sends keep-alive probes (FreeBSD), not only those with SO_KEEPALIVE."""
    keep_alive_garbage: bool = False
    """Probe with one octet of old data (RFC 9293 §3.8.4 MAY) instead of none."""
    user_timeout_ns: int = 0
    """0: none besides R2."""
    msl_ns: int = 120 * SEC
    """Maximum segment lifetime; TIME-WAIT lasts twice as long."""
    fin_wait_2_ns: int = 0
    """How long FIN-WAIT-2 lasts when the user is gone; 0: for ever."""

    # -- resets, attacks ---------------------------------------------------------------------------
    shutdown_in_syn_sent: str = "connection-closing"
    """The error that CLOSE in SYN-SENT leaves."""
    shutdown_ends_attempt: bool = False
    """SYN-SENT: any shutdown, SHUT_RD too, gives the attempt up (Linux)."""
    shut_read_refuses: bool = False
    """FIN-WAIT-1 and -2: data for a user who called SHUT_RD is refused as if he were gone (Linux)."""
    half_open_is_request: bool = False
    """SYN-RECEIVED after LISTEN: a wrong ACK draws a RST before anything else is looked at, a RST or SYN in the window
    ends the attempt (Linux: tcp_check_req)."""
    rst_in_syn_received: str = "connection-refused"
    """The error that a RST in SYN-RECEIVED leaves after an active open."""
    crossed_window_is_scaled: bool = False
    """Simultaneous open: the window of the peer's SYN,ACK is taken as if it were scaled (Linux)."""
    orphan_in_time_wait: bool = False
    """FIN-WAIT-2 whose user is gone keeps no more than TIME-WAIT does: no data, any RST or SYN in the window ends it
    (Linux: tcp_timewait_state_process)."""
    late_data_rst_as_closed: bool = False
    """Data for a user who is gone draws the RST that a closed port would send (Linux)."""
    control_seq_in_window: bool = False
    """Segments without text carry the end of the peer's window as number, if SND.NXT lies beyond (Linux)."""
    abort_rst_is_whole: bool = False
    """The RST of an abort has a window and SACK blocks as every other segment (Linux)."""
    abort_rst_has_ack: bool = False
    """The RST of an abort carries an ACK (Linux, FreeBSD)."""
    abort_rst_has_timestamps: bool = False
    """... and the timestamps option, where it was agreed (RFC 7323 §3.2, MAY)."""
    insecure_rst: bool = False
    """Accept any RST in the window (before RFC 5961)."""
    insecure_syn: bool = False
    """Reset on any SYN in the window (before RFC 5961)."""
    check_ack_lower_bound: bool = True
    """RFC 5961 §5: an ACK older than the largest window is answered with a challenge ACK."""
    challenge_ack_limit: int = 100
    """Challenge ACKs per `challenge_ack_window_ns` and connection (RFC 5961 §7); 0: no limit."""
    challenge_ack_window_ns: int = SEC
    invalid_ack_interval_ns: int = 0
    """So long after answering an invalid segment without text no other such is answered (Linux); 0: no limit."""
    syn_received_to_listen: bool = True
    """A passively opened half-open connection goes back to LISTEN on a RST (MUST-11)."""
    resend_syn_ack_on_syn: bool = False
    """A repeated SYN in SYN-RECEIVED is answered with the SYN,ACK (Linux, FreeBSD) instead of an ACK."""
    drop_syn_fin: bool = False
    """A segment with SYN and FIN is dropped in every state (FreeBSD: net.inet.tcp.drop_synfin)."""
    listen_drops_syn_fin: bool = False
    """LISTEN: a SYN with FIN is dropped silently (Linux)."""
    listen_drops_syn_ack: bool = False
    """LISTEN: a SYN,ACK is dropped silently instead of being answered with a RST (FreeBSD)."""
    acks_repeat_fin: bool = False
    """While our FIN is not acknowledged, every ACK (except challenge ACKs) carries it again (FreeBSD)."""
    time_wait_ignores_rst: bool = False
    """RFC 1337."""
    time_wait_challenges_rst: bool = True
    """A RST in the window, but not at RCV.NXT, is answered in TIME-WAIT too (RFC 5961 §3); False: it is dropped without
    a word (Linux: tcp_timewait_state_process answers nothing that carries a RST)."""
    time_wait_reuse: bool = True
    """RFC 9293 MAY-2 with RFC 6191: a new SYN may end TIME-WAIT."""
    time_wait_style: str = "rfc"
    """"rfc", "linux" or "freebsd": what is answered in TIME-WAIT."""
    icmp_hard_error_established: bool = True
    """Abort a synchronized connection on a hard ICMP error (SHLD-26). RFC 5927 §5.2 notes stacks that do not."""
    syn_data_stays_queued: bool = False
    """The data of a Fast Open SYN stays in the retransmission queue whatever becomes of the SYN, and never is more than
    the MSS less 40 (Linux: tcp_send_syn_data, tcp_rcv_fastopen_synack); False: it becomes unsent again (FreeBSD)."""
    fast_open_cache: str = "freebsd"
    """What the client remembers of peers: "freebsd" (a peer that does not play along is left alone) or "linux"."""
    syn_ack_checks_echo: bool = False
    """SYN-SENT: a SYN,ACK that echoes a timestamp which no SYN carried is answered with a RST (Linux)."""
    crossed_syn_ack_offers_all: bool = False
    """Simultaneous open: the SYN,ACK has the options of our SYN, whatever the peer's offered (Linux)."""
    crossed_syn_keeps_timer: bool = False
    """Simultaneous open: the SYN,ACK is resent when the SYN would have been; from then on with back-off (Linux)."""
    syn_received_defers_shutdown: bool = False
    """SHUT_WR in SYN-RECEIVED takes effect when the connection is open (Linux: tcp_shutdown)."""
    crossed_syn_ack_is_acked: bool = False
    """Simultaneous open: the peer's SYN,ACK is answered with an ACK and a DSACK of its SYN (Linux)."""
    icmp_ends_handshake: bool = False
    """Before ESTABLISHED, soft ICMP errors end the attempt as hard ones do (Linux: tcp_v4_err)."""
    syn_cookie_sack: bool = False
    """A SYN cookie remembers that the peer offered SACK (FreeBSD)."""
    black_hole_mss: tuple[int, int] = (0, 0)
    """Send MSS (IPv4, IPv6) to try after every second timeout, in case a router drops large packets silently
    (FreeBSD: pmtud_blackhole_detection); then the default MSS, then the old one again. 0: not done."""
    rst_after_fin_may_be_one_less: bool = False
    """After the peer's FIN, a RST with the FIN's own number is taken as well (Linux: tcp_reset_check)."""
    syn_ack_text_dropped: bool = False
    """Text on a SYN,ACK (without Fast Open) is not taken (Linux)."""
    window_news_with_ack: bool = False
    """A segment that acknowledges something new also updates the window, however old its SEG.SEQ is, and SEG.ACK
    does not count otherwise (Linux: tcp_may_update_window)."""
    window_shrink_rule: str = "any"
    """A window update with the same SEG.SEQ and SEG.ACK as the last: "any" is taken (RFC 9293); "never" a smaller
    one (FreeBSD); "zero": of the smaller ones only a closed window (Linux: tcp_may_update_window)."""
    rst_as_bound_socket: bool = False
    """The RST for a port that a socket is bound to (not listening) carries that socket's TTL and TOS (FreeBSD)."""
    mss_option_at_once: bool = False
    """TCP_MAXSEG lowers the send MSS of an open connection (FreeBSD) instead of only the next SYN's option."""
    rst_at_highest_sack: bool = False
    """A RST is exact also at the right edge of the highest block that we reported by SACK (Linux)."""
    rst_in_close_wait: str = "connection-reset"
    """The error that a RST in CLOSE-WAIT leaves."""
    icmp_mtu_below_mss_only: bool = False
    """IPv4: "fragmentation needed" is believed only if its MTU is below the present send MSS and headers (FreeBSD)."""
    icmp_refusals: tuple[tuple[int, int, int, str], ...] = ()
    """(IP version, type, code, error) of the ICMP errors that end SYN-SENT; all others are ignored there.
    Empty: the classes of `tcp.icmp` hold."""
    two_way_handshake: bool = False
    """For teaching: believe a SYN at once, without waiting for the third segment."""

    # -- extensions ----------------------------------------------------------------------------------
    ecn: str = "off"
    """"off", "passive" (accept an offer) or "active" (offer)."""
    ecn_syn_retries: int = 1
    """After so many retransmitted SYNs the offer is dropped."""
    mtu_probing: str = "off"
    """Packetization layer path MTU discovery (RFC 4821): "off", "black-hole" (only after a row of timeouts), "always"
    (Linux: net.ipv4.tcp_mtu_probing 0, 1, 2)."""
    mtu_probe_base_mss: int = 1024
    """Where the search begins (RFC 4821 §7.2: 1024 octets; net.ipv4.tcp_base_mss)."""
    mtu_probe_floor: int = 48
    """A black hole halves the segments down to this (net.ipv4.tcp_mtu_probe_floor)."""
    mtu_probe_threshold: int = 8
    """The search ends when what passes and what does not are so near (net.ipv4.tcp_probe_threshold)."""
    mtu_probe_interval_ns: int = 600 * SEC
    """After this time the path may be another one: search again (net.ipv4.tcp_probe_interval)."""
    mtu_probe_starts_late: bool = False
    """A connection opened passively sends what the path MTU allows until its first probe is answered (Linux:
    tcp_mtup_init comes after tcp_sync_mss there)."""
    tfo_client: bool = False
    tfo_server: bool = False
    pmtu_discovery: bool = True
    mss_within_half_window: bool = False
    """No segment is larger than half of the largest window that the peer ever offered (tcp_bound_to_half_wnd)."""
    min_path_mtu: int = 68
    """A router that names less, over IPv4, is taken to mean this (Linux: net.ipv4.route.min_pmtu)."""


@dataclass
class ConnectionOptions:
    """What the user may set per connection. -1 or 0 means: as the profile says (see each).

    mss: user limit for the MSS (0: none)        ttl, tos: of every segment
    rcv_buffer, snd_buffer: bytes (0: profile)    nodelay, cork: Nagle off; hold all partial segments
    keep_alive: send probes; keep_*: 0 = profile  user_timeout_ns: 0 = profile
    delayed_ack: False = acknowledge at once      linger_ns: SO_LINGER with a time, -1: off
    route: what the routing table says about the way to the peer (not the user's, but likewise of one connection)
    """

    mss: int = 0
    ttl: int = 64
    tos: int = 0
    rcv_buffer: int = 0
    snd_buffer: int = 0
    nodelay: bool = False
    cork: bool = False
    no_options: bool = False
    keep_alive: bool = False
    keep_idle_ns: int = 0
    keep_interval_ns: int = 0
    keep_count: int = 0
    keep_init_ns: int = 0
    user_timeout_ns: int = 0
    syn_retries: int = 0
    delayed_ack: bool = True
    md5_key: bytes = b""
    notsent_lowat: int = 0
    max_pacing_bps: int = 0
    encap_sport: int = 0
    encap_dport: int = 0
    congestion_control: str = ""
    route: RouteMetrics | None = None


RFC: Final = Profile()
