"""Errors of the trace store."""

from __future__ import annotations


class TraceStoreError(Exception):
    """The store cannot be read or written; the message names the file and a remedy."""


class StoreInUseError(TraceStoreError):
    """Another process writes to this store."""
