"""Shared parts of tests: a real OTLP sink, a real process runner, apps to run."""
