"""StatsD metrics received by `otel-distro serve`, with the tags of DogStatsD."""
