"""The protocol core: one complete RFC 9293 endpoint, sans-IO. Imports `netsim.base` only."""
