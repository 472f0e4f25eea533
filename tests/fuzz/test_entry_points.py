"""Every entry point for a moment, with the same examples in every run; see also `run.py`."""

from __future__ import annotations

import pytest

from fuzz.entry_points import NAMES, entry_point


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_input_breaks_an_entry_point(name: str) -> None:
    """`tests/fuzz/run.py` searches longer."""
    found = entry_point(name)

    found.search(found.few)
