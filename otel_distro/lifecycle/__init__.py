"""Process exit: delivery of queued telemetry within bounded time."""
