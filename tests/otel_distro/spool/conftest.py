"""A spool folder in a temporary place, and a receiver."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_distro.export.spool.folder import SpoolFolder
from otel_distro.export.spool.limits import SpoolLimits
from support.spool import ADDRESS, SpoolReports, Wire


@pytest.fixture
def reports() -> SpoolReports:
    return SpoolReports()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def folder(tmp_path: Path, reports: SpoolReports) -> SpoolFolder:
    return SpoolFolder(tmp_path / "state", ADDRESS, reports, SpoolLimits())
