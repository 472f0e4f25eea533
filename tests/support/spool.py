"""A receiver and a listener for a spool folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from otel_distro.export.spool.address import Address
from otel_distro.export.spool.export_outcome import DELIVERED, SendResult

ADDRESS = Address("traces", "shop", "http://collector:4318/v1/traces", "http/protobuf")


@dataclass
class SpoolReports:
    """Reports of the spool."""

    lost: Counter[str] = field(default_factory=Counter)
    faults: list[Exception] = field(default_factory=list)

    def spool_lost(self, signal: str, count: int, reason: str) -> None:
        self.lost[reason] += count

    def spool_fault(self, folder: Path, error: Exception) -> None:
        self.faults.append(error)


@dataclass
class Wire:
    """Takes requests; gives the *answers* first, then delivers."""

    answers: list[SendResult] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)

    def send(self, payload: bytes, on_sent: object = None) -> SendResult:
        answer = self.answers.pop(0) if self.answers else DELIVERED
        if answer == DELIVERED:
            self.requests.append(payload)
        return answer
