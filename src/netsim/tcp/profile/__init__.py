"""Differences between stacks, as data and one-method policies: rfc, linux, freebsd."""
