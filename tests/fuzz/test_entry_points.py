"""Every entry point for a moment, with the same examples in every run; `run.py` goes on."""

from __future__ import annotations

import pytest

from fuzz.entry_points import NAMES, entry_point


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_input_breaks_an_entry_point(name: str) -> None:
    """What is searched for longer by `tests/fuzz/run.py`."""
    found = entry_point(name)

    found.search(found.few)
