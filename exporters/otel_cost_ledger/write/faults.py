"""Write faults of a ledger, and the writer's reactions.

The table of `REACTIONS` is the whole policy; docs/ledger.md describes it for users.
"""

from __future__ import annotations

import errno
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from otel_cost_ledger.model.errors import (
    LedgerError,
    NewerSchemaError,
    ServerError,
    UnsafePathError,
)


class Fault(StrEnum):
    """Reason why calls cannot be written now."""

    BUSY = "busy"
    """Another process holds the write lock for longer than the timeout."""
    DISK_FULL = "disk_full"
    """No space, a quota, or a file-size limit."""
    READ_ONLY = "read_only"
    """The file, its directory or its file system is not writable."""
    UNAVAILABLE = "unavailable"
    """The file cannot be opened or read: missing directory, too many files, an I/O error."""
    CORRUPT = "corrupt"
    """The file is damaged or is no SQLite file."""
    NEWER_SCHEMA = "newer_schema"
    """A later version of this package created the file."""
    REFUSED = "refused"
    """The path is not private: a link, another user's file, a world-writable directory."""
    UNEXPECTED = "unexpected"
    """Any other fault."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """Retry delay of the writer after a fault, and its message to the user."""

    first_retry_s: float
    longest_retry_s: float
    remedy: str


REACTIONS: Final = {
    Fault.BUSY: Reaction(0.05, 2, "another process is writing; calls are kept and retried"),
    Fault.DISK_FULL: Reaction(1, 60, "free some disk space; calls are kept while space allows"),
    Fault.READ_ONLY: Reaction(10, 300, "make the file and its directory writable"),
    Fault.UNAVAILABLE: Reaction(1, 60, "check that the directory exists and can be written"),
    Fault.CORRUPT: Reaction(1, 60, "the damaged file could not be set aside; move it away"),
    Fault.NEWER_SCHEMA: Reaction(300, 300, "upgrade otel-distro or choose another ledger"),
    Fault.REFUSED: Reaction(60, 300, "choose a private directory and a file of your own"),
    Fault.UNEXPECTED: Reaction(1, 60, "please report this"),
}

_FULL_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY_ERRNOS: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

# Primary result codes; the extended ones keep them in their low byte.
_BY_RESULT_CODE: Final = {
    sqlite3.SQLITE_BUSY: Fault.BUSY,
    sqlite3.SQLITE_LOCKED: Fault.BUSY,
    sqlite3.SQLITE_PROTOCOL: Fault.BUSY,
    sqlite3.SQLITE_FULL: Fault.DISK_FULL,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_PERM: Fault.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: Fault.UNAVAILABLE,
    sqlite3.SQLITE_IOERR: Fault.UNAVAILABLE,
    sqlite3.SQLITE_NOMEM: Fault.UNAVAILABLE,
    sqlite3.SQLITE_CORRUPT: Fault.CORRUPT,
    sqlite3.SQLITE_NOTADB: Fault.CORRUPT,
}


def fault_of(error: Exception) -> Fault:
    """Return the fault that *error* indicates."""
    if isinstance(error, NewerSchemaError):
        return Fault.NEWER_SCHEMA
    if isinstance(error, UnsafePathError):
        return Fault.REFUSED
    if isinstance(error, ServerError):
        return Fault(error.fault)
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, sqlite3.Error) and isinstance(code, int):
        if code == sqlite3.SQLITE_IOERR_WRITE:
            # A full quota or a file-size limit appears as a failed write.
            return Fault.DISK_FULL
        return _BY_RESULT_CODE.get(code & 0xFF, Fault.UNEXPECTED)
    cause = error if isinstance(error, OSError) else error.__cause__
    if isinstance(cause, OSError):
        if cause.errno in _FULL_ERRNOS:
            return Fault.DISK_FULL
        if cause.errno in _READ_ONLY_ERRNOS:
            return Fault.READ_ONLY
        return Fault.UNAVAILABLE
    return Fault.UNAVAILABLE if isinstance(error, LedgerError) else Fault.UNEXPECTED


def explain(error: Exception, fault: Fault) -> str:
    """Return a message with the fault and its remedy."""
    if isinstance(error, LedgerError):
        # These messages already end with a more specific remedy.
        return str(error)
    return f"{describe(error)}; {REACTIONS[fault].remedy}"


def describe(error: Exception) -> str:
    """Return the message for *error*, which never has a value from a span.

    Messages of SQLite, the operating system and this package only name files; others may quote the
    text that failed.
    """
    if isinstance(error, (sqlite3.Error, OSError, LedgerError)):
        return str(error)
    return type(error).__name__
