"""Calls, usage and the names of what they carry."""
