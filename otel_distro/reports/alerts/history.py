"""History of sent alerts: one line each in a private file of bounded length."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from otel_host.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_distro.reports.alerts.incidents import Message

FILE_NAME = "alerts-told.jsonl"
MOST = 5000
"""Older ones are forgotten."""


@dataclass(frozen=True, slots=True)
class SentAlert:
    """A sent message."""

    at: datetime
    title: str
    resolved: bool


class History:
    """Sent alerts, read and written by `otel-distro`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, messages: Sequence[Message], now: datetime) -> None:
        """Remember *messages*; raises OSError."""
        if not messages:
            return
        lines = self._lines()
        lines += [
            json.dumps({"at": now.isoformat(), "title": m.title, "resolved": m.resolved})
            for m in messages
        ]
        write_private(self._path, "".join(f"{line}\n" for line in lines[-MOST:]).encode())

    def since(self, since: datetime) -> list[SentAlert]:
        """Return alerts sent since *since*, the earliest first; damaged lines are skipped."""
        alerts = []
        for line in self._lines():
            try:
                entry = json.loads(line)
                alert = SentAlert(
                    datetime.fromisoformat(entry["at"]), str(entry["title"]), entry["resolved"]
                )
                if alert.at >= since:
                    alerts.append(alert)
            except (ValueError, KeyError, TypeError):
                continue
        return alerts

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text().splitlines()
        except (OSError, ValueError):
            return []
