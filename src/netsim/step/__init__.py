"""Stepping through a run, forwards and backwards: the debugger without any terminal."""
