"""Errors of PostgreSQL as errors of the ledger, with a remedy."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from otel_cost_ledger.model.errors import ServerError, UnusableRowError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_cost_ledger.model.location import PostgresUrl

_FAULTS: Final = {
    "40": ("busy", "another process is writing; calls are kept and retried"),
    "55": ("busy", "another process is writing; calls are kept and retried"),
    "57": ("unavailable", "the server is stopping or starting; calls are kept and retried"),
    "53": ("unavailable", "the server is out of memory or connections; calls are kept"),
    "53100": ("disk_full", "free some disk space on the server; calls are kept"),
    "25": ("read_only", "the server accepts no writes; name its primary"),
    "42501": ("read_only", "give the user the right to create and write in the database"),
    "42": ("unexpected", "the tables are not those of this version"),
}
"""SQLSTATE, or its class -> name of a fault and its remedy."""
_NO_ANSWER: Final = ("unavailable", "check that the server runs and can be reached")


@contextmanager
def translated(psycopg: Any, url: PostgresUrl) -> Iterator[None]:
    """Raise errors of *psycopg* in the body as `UnusableRowError` or `ServerError`."""
    try:
        yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise UnusableRowError(type(error).__name__) from error
    except psycopg.Error as error:
        state = error.sqlstate or ""
        if state.startswith("54"):
            raise UnusableRowError(type(error).__name__) from error
        fault, remedy = _FAULTS.get(state) or _FAULTS.get(state[:2]) or _NO_ANSWER
        reason = " ".join(str(error).split()) or type(error).__name__
        message = url.without_password(f"{url}: {reason}")
        raise ServerError(f"{message}; {remedy}", fault) from None
