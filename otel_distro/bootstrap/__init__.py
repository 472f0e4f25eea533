"""From settings to a running distribution."""
