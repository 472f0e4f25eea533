"""The package layout keeps the limits of CONTRIBUTING.md."""

from __future__ import annotations

from tools.imports import (
    LONG_MODULES,
    LONGEST_CHAIN,
    cycles,
    edges,
    long_modules,
    longest_chain,
    modules,
)


def test_a_long_module_has_a_reason() -> None:
    """And a reason has its module."""
    known = modules()

    assert set(long_modules(known)) - set(LONG_MODULES) == set()
    assert set(LONG_MODULES) - set(known) == set()


def test_imports_have_no_cycle_and_no_long_chain() -> None:
    """Between folders, when modules are loaded."""
    rooms = edges(modules(), at_load_only=True)

    assert cycles(rooms) == []
    assert len(longest_chain(rooms)) <= LONGEST_CHAIN
