"""Bytes to packets and back: IPv4, IPv6, TCP, UDP, ICMP, options, checksums. No I/O."""
