"""Instrumentation of libraries: selection, time, arguments."""
