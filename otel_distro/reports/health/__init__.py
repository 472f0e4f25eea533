"""Health of this host's telemetry and model calls, from the data shared by all processes."""
