"""Linux 6.18's TCP as a profile. Each field's evidence: the kernel file and symbol, or the sysctl."""

from __future__ import annotations

from typing import Final

from netsim.base.packet import OPT_MD5, OPT_MSS, OPT_NOP, OPT_SACK, OPT_SACK_OK, OPT_TFO, OPT_TS, OPT_WSCALE
from netsim.base.units import MS, SEC
from netsim.tcp.profile.base import OptionStyle, Profile

OPTION_STYLE: Final = OptionStyle(
    order=(OPT_MD5, OPT_MSS, OPT_SACK_OK, OPT_TS, OPT_WSCALE, OPT_SACK, OPT_TFO),
    align=((OPT_MD5, 4, 2), (OPT_TS, 4, 2), (OPT_WSCALE, 4, 1), (OPT_SACK, 4, 2)),
    sack_ok_alone=(4, 2),
    pad=OPT_NOP,
)
"""net/ipv4/tcp_output.c: tcp_options_write."""

LINUX: Final = Profile(
    name="linux",
    option_style=OPTION_STYLE,
    rcv_buffer=131072,  # net.ipv4.tcp_rmem
    snd_buffer=4 * 1024 * 1024,  # net.ipv4.tcp_wmem, after autotuning
    wscale_from_bytes=33554432,  # tcp_select_initial_window: for tcp_rmem[2]
    delayed_ack_ns=40 * MS,  # TCP_DELACK_MIN
    takes_old_to_last_ack=True,  # tcp_sequence: before(end_seq, rcv_wup), after(seq, the right edge)
    overlap_may_wait=True,  # tcp_data_queue, "Partial packet"
    early_fin_yields=True,  # tcp_ofo_queue drops what RCV.NXT has passed
    sack_reports_fin=True,  # tcp_data_queue_ofo: blocks run to end_seq
    late_text_ignored=True,  # tcp_rcv_state_process, "step 7": CLOSE_WAIT, CLOSING, LAST_ACK
    fin_drops_gaps=True,  # tcp_fin: skb_rbtree_purge(&tp->out_of_order_queue), tcp_sack_reset
    rst_at_highest_sack=True,  # tcp_validate_incoming, step 2
    rst_in_close_wait="closed-for-sending",  # tcp_reset: EPIPE
    ack_policy="linux",
    second_ack_needs_window=True,  # __tcp_ack_snd_check: __tcp_select_window(sk) >= tp->rcv_wnd
    delay_fin_ack=True,  # tcp_fin: inet_csk_schedule_ack, and ping-pong mode
    keep_syn_data=False,
    push_at_end_of_write=True,  # tcp_sendmsg_locked: appending to a segment takes its PSH away
    tso=True,  # ethtool: tcp-segmentation-offload
    nagle_minshall=True,  # tcp_nagle_check, tcp_minshall_check
    congestion_control="cubic",
    hystart=True,
    recovery="rack",  # net.ipv4.tcp_recovery
    prr="linux",
    use_tlp=True,  # net.ipv4.tcp_early_retrans
    use_frto=True,  # net.ipv4.tcp_frto
    use_undo=True,
    counts_segments=True,
    idle_halving=True,
    samples_what_seemed_lost=True,  # tcp_sacktag_one: first_sackt
    rtt_variant="linux",
    rto_min_ns=200 * MS,  # TCP_RTO_MIN; DEVIATES RFC 6298 §2.4: 200 ms
    rto_max_ns=120 * SEC,  # TCP_RTO_MAX
    rto_after_syn_loss_ns=3 * SEC,
    repacks="whole",  # net.ipv4.tcp_retrans_collapse
    user_timeout_at_rto=True,  # retransmits_timed_out, tcp_clamp_rto_to_user_timeout
    resends_within_window=True,  # __tcp_retransmit_skb: avail_wnd
    r2_retries=15,  # net.ipv4.tcp_retries2
    r2_ns=0,
    syn_r2_retries=6,  # net.ipv4.tcp_syn_retries
    syn_r2_ns=0,
    ts_recent_with_good_ack=True,  # tcp_ack: tcp_replace_ts_recent
    require_timestamps=False,  # tcp_validate_incoming looks at timestamps only where there are some
    window_update_doubles=True,  # tcp_cleanup_rbuf
    syn_linear_timeouts=4,  # net.ipv4.tcp_syn_linear_timeouts
    bad_ack_resends_syn_ns=8 * MS,  # tcp_rcv_synsent_state_process: TCP_TIMEOUT_MIN, two jiffies at HZ=250
    rst_after_fin_may_be_one_less=True,  # tcp_reset_check
    syn_ack_text_dropped=True,  # tcp_rcv_synsent_state_process returns -1: the segment is freed
    window_news_with_ack=True,  # tcp_may_update_window
    window_shrink_rule="zero",  # tcp_may_update_window
    pacing_free_segs=10,  # tcp_update_skb_after_send
    slow_start_limit=0,  # tcp_slow_start: all that was acknowledged
    fin_needs_cwnd=True,  # tcp_cwnd_test; seen on 6.18, older kernels let the last FIN pass
    sws_override_probes=True,  # tcp_probe_timer, tcp_write_wakeup
    syn_ack_retries=5,  # net.ipv4.tcp_synack_retries
    persist_with_old_number=True,  # tcp_write_wakeup, tcp_xmit_probe_skb
    persist_max_ns=120 * SEC,
    msl_ns=30 * SEC,  # TCP_TIMEWAIT_LEN is 60 s
    fin_wait_2_ns=60 * SEC,  # net.ipv4.tcp_fin_timeout
    shutdown_in_syn_sent="connection-reset",  # inet_shutdown: tcp_disconnect
    shutdown_ends_attempt=True,  # inet_shutdown, case TCP_SYN_SENT
    shut_read_refuses=True,  # tcp_rcv_state_process: RCV_SHUTDOWN
    half_open_is_request=True,  # tcp_check_req
    rst_in_syn_received="connection-reset",  # tcp_reset
    crossed_window_is_scaled=True,  # tcp_rcv_state_process, TCP_SYN_RECV
    orphan_in_time_wait=True,  # tcp_time_wait(sk, TCP_FIN_WAIT2, tmo)
    late_data_rst_as_closed=True,  # tcp_rcv_state_process, "step 7", then tcp_v4_send_reset
    abort_rst_has_timestamps=True,  # tcp_established_options
    control_seq_in_window=True,  # tcp_acceptable_seq
    abort_rst_is_whole=True,  # tcp_send_active_reset: tcp_transmit_skb
    abort_rst_has_ack=True,  # tcp_send_active_reset
    challenge_ack_limit=0,  # net.ipv4.tcp_challenge_ack_limit
    invalid_ack_interval_ns=500 * MS,  # net.ipv4.tcp_invalid_ratelimit
    listen_drops_syn_fin=True,  # tcp_rcv_state_process, case TCP_LISTEN
    resend_syn_ack_on_syn=True,  # tcp_check_req
    time_wait_style="linux",  # tcp_timewait_state_process
    time_wait_challenges_rst=False,
    time_wait_ignores_rst=False,  # net.ipv4.tcp_rfc1337
    icmp_hard_error_established=False,  # RFC 5927 §5.2: taken as soft errors
    syn_data_stays_queued=True,  # tcp_send_syn_data
    fast_open_cache="linux",  # net/ipv4/tcp_metrics.c: tcp_fastopen_cache_set
    syn_ack_checks_echo=True,  # tcp_rcv_synsent_state_process, PAWSACTIVEREJECTED
    crossed_syn_ack_offers_all=True,  # tcp_send_synack sends the queued SYN with an ACK: tcp_syn_options
    crossed_syn_keeps_timer=True,  # tcp_send_synack does not touch the timer
    syn_received_defers_shutdown=True,  # tcp_shutdown; tcp_rcv_state_process, TCP_SYN_RECV: SEND_SHUTDOWN
    crossed_syn_ack_is_acked=True,  # tcp_validate_incoming, "pass"; then tcp_data_queue takes the SYN for old data
    icmp_ends_handshake=True,  # tcp_v4_err, case TCP_SYN_SENT; tcp_req_err
    mss_within_half_window=True,  # tcp_sync_mss, tcp_ack_update_window
    min_mss=48,  # net.ipv4.tcp_min_snd_mss
    min_path_mtu=552,  # net.ipv4.route.min_pmtu
    mtu_probe_starts_late=True,  # tcp_v4_syn_recv_sock, tcp_init_transfer
    ecn="passive",  # net.ipv4.tcp_ecn = 2
)
