"""Errors of a ledger, for callers that open one.

`LedgerError` is the base; a message names the file and the next action. The writer never raises
these after start-up: it counts them and keeps the calls (see `faults.py`).
"""

from __future__ import annotations


class LedgerError(Exception):
    """A ledger file cannot be used as asked."""


class LedgerNotFoundError(LedgerError):
    """There is no ledger at this path yet."""


class UnsafePathError(LedgerError):
    """The ledger's file or directory could be read or replaced by another user."""


class NewerSchemaError(LedgerError):
    """The ledger was made by a later version of this package; writing could damage it."""


class ServerError(LedgerError):
    """A request to a database server failed; `fault` is the name of a `Fault`."""

    code = 0
    """The number of the error where the server has numbers; 0 where it did not answer."""

    def __init__(self, message: str, fault: str) -> None:
        super().__init__(message)
        self.fault = fault


class NotWrittenHereError(LedgerError):
    """The ledger is filled by a Collector; programs only read it."""


class UnusableRowError(ValueError):
    """A call that the database refuses whatever its state is."""
