"""The trace checker: flows as a tap sees them, rules, findings."""
