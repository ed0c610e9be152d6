"""Bytes to packets and back: IPv4, IPv6, TCP, UDP, ICMP, options, checksums. No I/O.

The entry points are `codec.encode_packet` and `codec.decode_packet`.
"""
