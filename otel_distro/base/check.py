"""What a check answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def guarded(subject: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield the results of *check*; one that raises is a failed check, not the end of all."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - what is checked may be broken in any way
        yield Check("fail", subject, f"could not be checked: {type(error).__name__}")
