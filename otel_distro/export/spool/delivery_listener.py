"""Listener to the outcome of each request."""

from __future__ import annotations

from typing import Protocol


class DeliveryListener(Protocol):
    """Receives the outcome of deliveries."""

    def delivered(self) -> None:
        """Record a delivery."""

    def failed(self, reason: str) -> None:
        """Record a failed delivery; *reason* may be empty."""

    def refused(self, signal: str, reason: str) -> None:
        """Record that the endpoint rejected a request."""

    def warned(self, signal: str, warning: str) -> None:
        """Record a *warning* in a successful response."""

    def kept(self, signal: str, count: int) -> None:
        """Record that *count* records were spooled."""
