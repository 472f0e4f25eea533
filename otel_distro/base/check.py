"""Result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check."""

    status: Status
    subject: str
    """Subject of the check, in two or three words."""
    found: str
    """The finding; never a secret."""
    remedy: str = ""
    """The remedy, as a command where there is one; empty if none is needed."""
