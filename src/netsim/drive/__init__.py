"""The drivers of the core: virtual time, a script's time, a capture's time, real time."""
