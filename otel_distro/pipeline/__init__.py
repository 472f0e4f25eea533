"""The guard: every record is accounted for and redacted before anything exports it."""
