"""Shared test support: a real OTLP sink, a real process runner, apps to run."""
