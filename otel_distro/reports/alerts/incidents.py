"""Incidents across checks: one message at the start of each, one at its end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from otel_host.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from otel_distro.reports.alerts.rules import Incident

MEMORY_FILE_NAME = "alerts.json"
"""File in the state folder; its age is that of the last check with all messages sent."""
COOLDOWN = timedelta(minutes=15)
"""An incident that recurs within this time after it was resolved is not reported again."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send."""

    title: str
    body: str
    resolved: bool = False


def messages(
    incidents: Sequence[Incident], known: dict[str, Any], now: datetime
) -> tuple[list[Message], dict[str, Any]]:
    """Return the messages for *incidents*, and the new value of *known*."""
    alerts: list[Message] = []
    after: dict[str, Any] = {}
    current = {incident.key: incident for incident in incidents}
    for key, incident in current.items():
        before = known.get(key)
        if before is None or _is_over(before, now):
            alerts.append(_started(incident))
            before = {"since": now.isoformat(), "summary": incident.summary}
        after[key] = {**before, "resolved": None}
    for key, before in known.items():
        if key in current:
            continue
        if before.get("resolved") is None:
            alerts.append(_ended(before))
            after[key] = {**before, "resolved": now.isoformat()}
        elif not _is_over(before, now):
            after[key] = before
    return alerts, after


def _is_over(before: dict[str, Any], now: datetime) -> bool:
    resolved = before.get("resolved")
    return resolved is not None and now - datetime.fromisoformat(resolved) > COOLDOWN


def _started(incident: Incident) -> Message:
    lines = [incident.summary, *(f"trace {trace_id}" for trace_id in incident.trace_ids)]
    return Message(f"[{incident.severity}] {incident.summary}", "\n".join(lines))


def _ended(before: dict[str, Any]) -> Message:
    summary = str(before.get("summary", ""))
    return Message(f"[resolved] {summary}", f"over: {summary}\nsince {before['since']}", True)  # noqa: FBT003


class Memory:
    """Known incidents between two checks, in a private file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, Any]:
        """Return the known incidents; none if the file is missing or damaged."""
        try:
            known = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def write(self, known: dict[str, Any]) -> None:
        """Replace the known incidents atomically."""
        write_private(self._path, json.dumps(known).encode())
