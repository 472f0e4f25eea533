"""Errors of a ledger, for callers that open one.

`LedgerError` is the base; a message names the file and the next action. The writer never raises
these after start-up: it counts them and keeps the calls (see `faults.py`).
"""

from __future__ import annotations


class LedgerError(Exception):
    """A ledger cannot be used as requested."""


class LedgerNotFoundError(LedgerError):
    """There is no ledger at this path yet."""


class UnsafePathError(LedgerError):
    """Another user could read or replace the ledger's file or directory."""


class NewerSchemaError(LedgerError):
    """The ledger was created by a later version of this package; writing could damage it."""


class ServerError(LedgerError):
    """A request to a database server failed; `fault` is the name of a `Fault`."""

    code = 0
    """Error code of a server that has numeric ones; 0 if it did not respond."""

    def __init__(self, message: str, fault: str) -> None:
        super().__init__(message)
        self.fault = fault


class NotWrittenHereError(LedgerError):
    """The ledger is written by a Collector; programs only read it."""


class UnusableRowError(ValueError):
    """A call that the database always refuses."""
