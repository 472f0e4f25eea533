"""Marks records that their logging library prints itself."""

NOT_ON_CONSOLE = "otel_distro.printed"
"""Attribute that keeps a record off a profile's console, so that no line is printed twice."""
