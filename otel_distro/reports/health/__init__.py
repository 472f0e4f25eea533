"""Whether this host's telemetry and model calls are well, from what all processes share."""
