"""Starts the distribution from its settings."""
