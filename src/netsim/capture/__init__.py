"""Reading, writing and live capture of packets."""
