"""The same spans as under upstream's distribution; needs the environments of `tests/parity.sh`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMPARE = Path(__file__).resolve().parents[1] / "parity" / "compare.py"


@pytest.mark.process
def test_every_instrumentation_makes_the_spans_that_it_makes_under_upstreams_distribution() -> None:
    """Except spans for single ASGI messages, which this distribution omits."""
    pythons = os.environ.get("OTEL_DISTRO_PARITY", "").split()
    if len(pythons) != 2:
        pytest.skip("needs two environments with some 80 packages: run tests/parity.sh")

    done = subprocess.run(
        [sys.executable, COMPARE, *pythons], capture_output=True, text=True, timeout=900
    )

    assert done.returncode == 0, done.stdout
