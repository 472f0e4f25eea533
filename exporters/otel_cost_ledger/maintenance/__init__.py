"""Retention, archives, copies and checks."""
