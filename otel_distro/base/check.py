"""What a check answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    status: Status
    subject: str
    """What was looked at, in two or three words."""
    found: str
    """What was found; never a secret."""
    remedy: str = ""
    """What to do about it, as a command where there is one."""
