"""A fuzzed entry point, and values that are hostile to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

NASTY = (
    *("", " ", "\x00", "\n", "\r\nx: y", "\ud800", "\u202e", "\ufeff", "💥" * 3, "é" * 40),
    *("0", "-1", "-0", "1e999", "nan", "inf", "9" * 400, "0x10", "1_000", "٣", "½", "true", "null"),
    *("0001-01-01", "9999-12-31", "2026-02-30", "9999-12-31T23:59:59+23:59", "today", "-1d"),
    *("99999999999d", "1970-01-01T00:00:00Z", "';--", "%", "%00", "%ff", "_", "*", "[a", "(a+)+$"),
    *("{}", "[]", "[" * 300, '{"a":', "{{7*7}}", "${x}", "../x", "a" * 3000, "--", "-h", "@x"),
)
"""Texts with a special meaning to some reader."""
nasty = st.sampled_from(NASTY)
texts = st.text(max_size=30) | nasty
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | texts
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@dataclass(frozen=True)
class EntryPoint:
    """A function that takes untrusted input."""

    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]
    """Raises if an invariant is broken for one input."""
    few: int = 60
    """Examples in the everyday suite: a second or two."""

    def search(self, examples: int, seed: int | None = None) -> None:
        """Try *examples* inputs: those of *seed*, or the same in every run.

        Raises the fault, with the smallest input for it.
        """
        check = self.check

        def holds(given_input: Any) -> None:
            check(given_input)

        found = given(self.inputs)(holds)
        found = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=seed is None,
            suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
            phases=[Phase.generate, Phase.target, Phase.shrink],
        )(found)
        (found if seed is None else seeded(seed)(found))()
