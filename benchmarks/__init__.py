"""Measurements: ours against peers, the same work in the same run. `python -m benchmarks --help`."""
