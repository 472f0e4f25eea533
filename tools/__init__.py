"""Generators and counts of the project itself; not in the wheel."""
