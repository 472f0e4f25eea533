"""Observes model calls in HTTP clients, with any instrumentation or none."""
