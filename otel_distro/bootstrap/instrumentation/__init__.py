"""Instrumentation of libraries: selection, activation, arguments."""
