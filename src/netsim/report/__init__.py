"""Consumers of the event stream: recorder, JSON, pcap, ladder, diagrams, plots, statistics."""
