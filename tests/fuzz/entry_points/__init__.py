"""Entry points of the packages, each with an input strategy and its invariants.

`run.py` fuzzes them for the given time; `test_entry_points.py` tries the same few
examples in every run of the everyday suite.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fuzz.entry_points.entry_point import EntryPoint

NAMES: Final = (
    "redaction",
    "gate",
    "gate_answer",
    "page",
    "command_line",
    "importer",
    "receiver",
    "spool_folder",
)


def entry_point(name: str) -> EntryPoint:
    """Return the entry point *name*, of the module of that name."""
    found: EntryPoint = importlib.import_module(f"fuzz.entry_points.{name}").ENTRY_POINT
    return found
