"""Internal errors: swallowed, counted, and reported once with their remedy."""

from __future__ import annotations

import threading
from collections import Counter

from otel_distro.base.messages import warn_once

_REMEDY = {
    "redaction": "content of that record was withheld, ids and timing left",
    "account": "that span has no cost; others are not affected",
    "guard": "that record was not exported",
    "ledger": "see `otel-distro doctor`",
    "books": "spending is charged to its budgets later; see `otel-distro doctor`",
}


class InternalErrors:
    """Counts swallowed errors by stage; thread-safe, never raises.

    The message names the stage and the type of the error, never its text: the text of an error
    met while redacting may be the very secret.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def record(self, stage: str, error: BaseException, why: str = "") -> None:
        """Count *error* of *stage*; the first one is reported on stderr.

        *why* replaces the reported text and contains no data of the app.
        """
        with self._lock:
            self._counts[stage] += 1
        remedy = _REMEDY.get(stage, "the app is not affected")
        warn_once(f"{why or f'internal error in {stage} ({type(error).__name__})'}; {remedy}")

    def counts(self) -> dict[str, int]:
        """Return the number of swallowed errors by stage."""
        with self._lock:
            return dict(self._counts)

    def at_fork(self) -> None:
        """Reset after fork."""
        self._lock = threading.Lock()
        self._counts.clear()
