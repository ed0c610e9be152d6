"""The discrete-event kernel, links, queues, impairments, topology and routing."""
