"""OTLP clients, their credentials and environment variables."""
