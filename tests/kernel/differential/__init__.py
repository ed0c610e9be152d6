"""Random packetdrill scripts, put to netsim's Linux profile and to the kernel of this machine, and compared."""
