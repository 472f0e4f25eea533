"""Observers of redactions and failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Observer(Protocol):
    """Receives redactions and failures; must be fast and must not raise."""

    def redacted(self, signal: str, tally: Mapping[str, int]) -> None:
        """Count matches by kind on one record of *signal*."""

    def failed(self, signal: str, error: BaseException) -> None:
        """Count a record whose content was withheld because redaction failed."""


class SilentObserver:
    """Counts nothing; for adapters without the distribution."""

    def redacted(self, signal: str, tally: Mapping[str, int]) -> None:
        """Ignore it."""

    def failed(self, signal: str, error: BaseException) -> None:
        """Ignore it."""
