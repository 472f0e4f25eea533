"""The mark of records whose own logging library prints them."""

NOT_ON_CONSOLE = "otel_distro.printed"
"""Attribute that keeps a record off a profile's console, so that no line is there twice."""
