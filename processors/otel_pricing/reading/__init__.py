"""Readers of model calls from spans, log records and archives."""
