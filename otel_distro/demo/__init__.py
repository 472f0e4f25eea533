"""A small real app against a fake provider on loopback: `otel-distro demo`."""
