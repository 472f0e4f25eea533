"""Observers of redaction: what was redacted, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Observer(Protocol):
    """Hears about redactions and failures; must be quick and must not raise."""

    def redacted(self, signal: str, tally: Mapping[str, int]) -> None:
        """Count matches by kind on one record of *signal*."""

    def failed(self, signal: str, error: BaseException) -> None:
        """Count a record whose content was withheld because redaction failed."""


class SilentObserver:
    """Counts nothing; for use of the adapters on their own."""

    def redacted(self, signal: str, tally: Mapping[str, int]) -> None:
        """Ignore it."""

    def failed(self, signal: str, error: BaseException) -> None:
        """Ignore it."""
