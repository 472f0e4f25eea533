"""Delivery from processors to the collector or to disk: queues, counters, outages."""
