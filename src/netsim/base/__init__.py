"""What every other package stands on: units, sequence arithmetic, packets, events, errors."""
