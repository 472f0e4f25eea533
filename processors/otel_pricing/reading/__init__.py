"""From spans, log records and archives to model calls."""
