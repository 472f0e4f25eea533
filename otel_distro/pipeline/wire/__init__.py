"""Observes model calls in the HTTP clients of a program, whatever instruments them."""
