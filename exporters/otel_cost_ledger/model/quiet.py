"""Suppresses spans of instrumented database drivers for the ledger's own SQL."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def suppressed() -> AbstractContextManager[None]:
    """Return a context that suppresses instrumentations, such as that of sqlite3.

    The first call imports modules; make it before threads and forks compete for the import lock.
    """
    try:
        from opentelemetry.instrumentation.utils import suppress_instrumentation
    except ImportError:
        # The ledger works without OpenTelemetry; then there is nothing to suppress.
        return contextlib.nullcontext()
    return suppress_instrumentation()
