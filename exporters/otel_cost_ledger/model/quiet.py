"""Suppresses spans of instrumented database drivers for the ledger's own SQL."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def suppressed() -> AbstractContextManager[None]:
    """Return a context in which instrumentations, of sqlite3 above all, see nothing.

    The first call imports; make it before threads and forks can meet on the import lock.
    """
    try:
        from opentelemetry.instrumentation.utils import suppress_instrumentation
    except ImportError:
        # The ledger works without OpenTelemetry; then there is nothing to suppress.
        return contextlib.nullcontext()
    return suppress_instrumentation()
