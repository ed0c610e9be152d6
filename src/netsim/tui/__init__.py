"""The stepper: a time-travel debugger for TCP in the terminal."""
