"""From processors to the collector or to disk: queues, books, outages."""
