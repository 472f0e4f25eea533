"""A receiver for telemetry of the examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.otlp_sink import OtlpSink

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    """A real OTLP receiver on loopback."""
    with OtlpSink() as receiver:
        yield receiver
