"""Loss detection and what to resend: scoreboard, NewReno, SACK (RFC 6675), RACK-TLP, PRR, F-RTO."""
