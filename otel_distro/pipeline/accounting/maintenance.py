"""Ledger maintenance by one process at a time, on a background thread.

Every few minutes calls are added to the sums by hour, agent and user; old calls are removed daily.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from otel_cost_ledger.model.location import PostgresUrl, spill_path
from otel_distro.base import messages
from otel_distro.privacy import audit

if TYPE_CHECKING:
    from otel_cost_ledger.model.location import Location

_DAY_SECONDS = 86_400
_DAY_NS = _DAY_SECONDS * 1_000_000_000
_LOOK_SECONDS = 300.0
_FAILURES_REPORTED = 3
_NEEDED = ("otel_cost_ledger.maintenance.retention", "otel_distro.privacy.content.store")


class Maintenance:
    """Removes single calls older than *days* from the ledger at *path*; daily sums stay.

    Messages are removed after *message_days*, by default with the calls. The time of the last run
    is the age of a file: beside the ledger, or in *state_dir* for a database.
    """

    def __init__(
        self,
        path: Location,
        days: int,
        state_dir: Path | None = None,
        *,
        message_days: int | None = None,
    ) -> None:
        self._path = path
        self._days = days
        self._message_days = message_days or days
        self._state_dir = state_dir
        beside = spill_path(path, state_dir or Path())
        self._failures = 0
        self._stamp = beside.with_name(beside.name.replace(".spill.jsonl", ".retained"))

    def start(self) -> None:
        """Start maintenance of the ledger on a daemon thread.

        Its modules are imported here, on a thread that the process waits for at exit: a daemon
        thread that ends during an import keeps the import locks.
        """
        for name in _NEEDED:
            import_module(name)
        if isinstance(self._path, PostgresUrl):
            import_module("otel_cost_ledger.maintenance.postgres_retention")
        with suppress(RuntimeError):  # the interpreter exits; the next program does it
            threading.Thread(target=self._run, name="otel_distro-maintenance", daemon=True).start()

    def _run(self) -> None:
        while True:
            if self.is_due():
                self.run_once()
            self.sum_calls()
            time.sleep(_LOOK_SECONDS)

    def _expire_messages(self) -> int:
        if self._state_dir is None:
            return 0
        from otel_distro.privacy.content import store

        horizon_ns = (time.time_ns() // _DAY_NS - self._message_days) * _DAY_NS
        return store.delete_before(self._state_dir / store.FILE_NAME, horizon_ns)

    def is_due(self) -> bool:
        """Whether no process has done it in the last 24 hours."""
        try:
            age = time.time() - self._stamp.stat().st_mtime
        except OSError:
            return True
        # A stamp in the future comes from a clock that was wrong.
        return not 0 <= age < _DAY_SECONDS

    def sum_calls(self) -> None:
        """Add calls to the sums that are updated later; never raises."""
        from otel_cost_ledger.maintenance.summing import sum_calls

        try:
            sum_calls(self._path)
            self._failures = 0
        except Exception as error:  # reports read the calls themselves until it succeeds
            self._failures += 1
            if self._failures < _FAILURES_REPORTED:
                return  # server restart or full disk: the next run may succeed
            messages.warn_once(
                f"calls could not be added to the sums of {self._path}: {type(error).__name__}; "
                "reports by hour, agent and user take longer until it succeeds"
            )

    def run_once(self) -> None:
        """Remove calls and messages past their retention; never raises."""
        from otel_cost_ledger.maintenance.retention import retain

        try:
            self._stamp.touch(mode=0o600)
            done = retain(self._path, days=self._days)
            deleted_messages = self._expire_messages()
            if (done.deleted_calls or deleted_messages) and self._state_dir is not None:
                audit.record_quietly(
                    self._state_dir,
                    "ledger.retained",
                    by="otel_distro",
                    days=self._days,
                    calls=done.deleted_calls,
                    messages=deleted_messages,
                )
        except Exception as error:  # a ledger that is too large still works
            messages.warn_once(
                f"old calls could not be removed from {self._path}: {type(error).__name__}; "
                "it is tried again tomorrow"
            )
