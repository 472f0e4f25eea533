"""Result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    """The remedy, as a command if there is one; empty if none is needed."""


def guarded(subject: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Yield the results of *check*; an exception becomes a failed check."""
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - the subject of the check may be broken in any way
        yield Check("fail", subject, f"could not be checked: {type(error).__name__}")
