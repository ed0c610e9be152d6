"""Loss detection and what to resend: scoreboard, NewReno, SACK (RFC 6675), RACK-TLP, PRR, F-RTO.

`LossRecovery` is one object in four layers, one file each, lowest first: `flight` (what goes out and
how much may), `phases` (how each phase begins and ends), `detection` (what is missing), `machine`
(what an ACK or a timeout sets in motion). Beside them the parts with a state of their own:
`scoreboard`, `rack`, `sack`, `prr`, `undo`.

How a sender uses it (`r` is the connection's `LossRecovery`, offsets count from the ISS):

    r.on_transmit(now, 0, 1, SENT_SYN)              # every new piece of sequence space it sends
    r.on_established(now, smss, sack_ok=..., ecn=..., ts_tick_ns=...)   # after the SYN was acknowledged

    info.ack, info.sack, ... = ...                  # an acceptable ACK arrived
    r.on_ack(now, info)                             # then read r.acked_bytes, r.rtt_ns, r.reasons, r.phase, ...

    while (record := r.next_resend(now, has_new_data)) is not None:
        resend record (r.sb.split it first if it exceeds the MSS); r.on_retransmit(now, record)
    while r.may_send_bytes(now) >= what the segment takes:          # and the peer's window, Nagle, ... allow
        send; r.on_transmit(now, start, end, flags)
    r.after_sending(now, sent_something)            # was cwnd what held it back?

    at = r.deadline()                               # -1 = off; r.timer says which timer it is
    TIMER_RTO:     r.on_rto(now), after the sender's own checks (R1, R2, user timeout)
    TIMER_REORDER: r.on_reorder_timer(now)
    TIMER_PROBE:   r.on_probe_timer(now, has_new_data) -> PROBE_NEW: send one new segment, PROBE_LAST:
                   resend r.probe_record()
    ... and then send as above.

    r.before_new_data(now)                          # the application hands over data: idle restart
"""
