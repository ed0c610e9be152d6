"""Applications as coroutines over simulated sockets."""
