"""Patterns are compiled on demand, and every one can be compiled."""

from __future__ import annotations

import pkgutil
import re
from importlib import import_module

import otel_redaction
from otel_redaction.patterns.lazy_pattern import _LazyPattern, lazy_pattern


def test_a_pattern_is_compiled_at_its_first_use() -> None:
    """And once for each method."""
    pattern = lazy_pattern(r"a+")

    assert "search" not in vars(pattern)
    found = pattern.search("baaa")
    assert found is not None
    assert found.group() == "aaa"
    assert "search" in vars(pattern)


def test_every_pattern_can_be_compiled() -> None:
    """An error in one would show only when a text needs it."""
    compiled = 0
    for module in pkgutil.walk_packages(otel_redaction.__path__, "otel_redaction."):
        for value in vars(import_module(module.name)).values():
            for each in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(each, _LazyPattern):
                    re.compile(each._source, each._flags)
                    compiled += 1

    assert compiled > 200
