"""FreeBSD's TCP (default stack) as a profile. Each field's evidence: the sysctl or the source file."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import OPT_EOL, OPT_MD5, OPT_MSS, OPT_SACK, OPT_SACK_OK, OPT_TFO, OPT_TS, OPT_WSCALE
from netsim.base.units import MS, SEC
from netsim.tcp.profile.base import OptionStyle, Profile

OPTION_STYLE: Final = OptionStyle(
    order=(OPT_MSS, OPT_WSCALE, OPT_SACK_OK, OPT_TS, OPT_MD5, OPT_SACK, OPT_TFO), pad=OPT_EOL
)
"""sys/netinet/tcp_output.c: tcp_addoptions."""

ICMP_REFUSALS: Final = (
    (4, 3, 2, "connection-refused"), (4, 3, 3, "connection-refused"), (4, 3, 9, "connection-refused"),
    (4, 3, 10, "connection-refused"), (4, 3, 13, "connection-refused"), (4, 11, 0, "host-unreachable"),
    (6, 1, 1, "connection-refused"), (6, 1, 4, "connection-refused"), (6, 3, 0, "host-unreachable"),
    (6, 4, 1, "connection-refused"),
)  # fmt: skip
"""tcp_subr.c, tcp_ctlinput with net.inet.tcp.icmp_may_rst: prohibited, no protocol, no port, TTL exceeded."""
NO_ICMP_REFUSALS: Final = ((0, 0, 0, ""),)
"""net.inet.tcp.icmp_may_rst = 0: none of them."""

FREEBSD: Final = Profile(
    name="freebsd",
    option_style=OPTION_STYLE,
    rcv_buffer=65536,  # net.inet.tcp.recvspace
    snd_buffer=32768,  # net.inet.tcp.sendspace
    wscale_from_bytes=2 * 1024 * 1024,  # kern.ipc.maxsockbuf
    round_rcv_buffer_to_mss=True,  # tcp_mss: rounds so_rcv.sb_hiwat
    window_round_up=True,
    window_slides=True,  # tcp_output: recwin = sbspace, silly windows only hold back an update of its own
    ack_policy="freebsd",  # DELAY_ACK
    acks_repeat_fin=True,  # tcp_outflags: FIN belongs to every segment of FIN-WAIT-1, CLOSING, LAST-ACK
    listen_drops_syn_ack=True,  # tcp_input: SYN|ACK for a listener counts as a bad SYN
    accepts_all_room=True,  # tcp_do_segment: rcv_wnd = max(sbspace, rcv_adv - rcv_nxt)
    takes_ack_of_old_segment=True,  # tcp_do_segment: "keep on processing for RST or ACK"
    delayed_ack_ns=40 * MS,  # net.inet.tcp.delacktime
    keep_syn_data=False,  # the syncache has no room for it
    keep_crossed_syn_text=True,  # tcp_do_segment, TCPS_SYN_SENT
    icmp_refusals=ICMP_REFUSALS,
    window_shrink_rule="never",  # tcp_do_segment, step6
    syn_cookie_sack=True,  # tcp_syncache.c: union syncookie
    rst_as_bound_socket=True,  # tcp_respond takes them from the inpcb that the lookup found
    mss_option_at_once=True,  # tcp_ctloutput: t_maxseg = optval
    icmp_mtu_below_mss_only=True,  # tcp_ctlinput: believed if it is less than t_maxseg and the headers
    congestion_control="cubic",
    rtt_every_ack=False,  # tcp_do_segment: t_rtttime, t_rtseq
    slow_start_limit=2,  # net.inet.tcp.abc_l_var
    prr="rfc6937",  # net.inet.tcp.do_prr
    rtt_variant="freebsd",
    rto_min_ns=30 * MS,  # net.inet.tcp.rexmit_min; DEVIATES RFC 6298 §2.4
    rto_max_ns=64 * SEC,  # TCPTV_REXMTMAX
    rto_slop_ns=200 * MS,  # net.inet.tcp.rexmit_slop
    rto_after_syn_loss_ns=0,
    repacks="bytes",  # tcp_output: snd_nxt goes back, and t_maxseg octets leave from there
    r2_retries=12,  # TCP_MAXRXTSHIFT
    r2_ns=0,
    syn_r2_retries=0,
    syn_r2_ns=0,
    syn_ack_retries=3,  # net.inet.tcp.syncache.rexmtlimit
    keep_init_ns=75 * SEC,  # net.inet.tcp.keepinit
    keep_alive_always=True,  # net.inet.tcp.always_keepalive
    nagle_per_write=True,  # tcp_output: `idle` is decided once per call
    keep_count=8,  # TCPTV_KEEPCNT
    msl_ns=30 * SEC,  # net.inet.tcp.msl
    fin_wait_2_ns=60 * SEC,  # net.inet.tcp.finwait2_timeout
    abort_rst_has_ack=True,
    challenge_ack_limit=5,  # net.inet.tcp.ack_war_cnt in net.inet.tcp.ack_war_timewindow
    resend_syn_ack_on_syn=True,  # the syncache
    time_wait_style="freebsd",
    icmp_hard_error_established=False,  # RFC 5927 §5.2: taken as soft errors
    ecn="passive",  # net.inet.tcp.ecn.enable = 2
)
