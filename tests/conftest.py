"""Fixtures for the whole suite."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings and corpora beside the project, where there is one."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip("no ../shared/data beside the project: recordings and corpora are not here")
    return data
