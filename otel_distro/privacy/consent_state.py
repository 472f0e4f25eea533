"""The user's decision, stored in a small file in the state folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from otel_host.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

Answer = Literal["granted", "refused", "revoked", "unanswered"]

FILE_NAME = "consent.json"
NOTICE_VERSION = 1
"""Version of the notice; consent to an older one does not count."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The user's answer, its time, notice and source."""

    answer: Answer
    at: str
    """ISO 8601, UTC."""
    notice_version: int
    by: str
    """Its source: terminal, command, or the name of a program."""

    @property
    def granted(self) -> bool:
        """Whether telemetry may leave and be stored."""
        return self.answer == "granted" and self.notice_version >= NOTICE_VERSION


def read(state_dir: Path) -> Decision | None:
    """Return the decision in *state_dir*; None if missing or invalid."""
    try:
        decision = Decision(**json.loads((state_dir / FILE_NAME).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return decision if isinstance(decision.notice_version, int) else None


def write(state_dir: Path, answer: Answer, by: str) -> Decision:
    """Store the decision; raises OSError."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    decision = Decision(answer, at, NOTICE_VERSION, by)
    write_private(state_dir / FILE_NAME, (json.dumps(asdict(decision)) + "\n").encode())
    return decision
