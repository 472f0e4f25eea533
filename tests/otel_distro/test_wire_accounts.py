"""The comparison used for the programs in `tests/wire` is strict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wire.run import matches

if TYPE_CHECKING:
    from collections.abc import Sequence


def exact(cost: int) -> dict[str, Any]:
    return {"cost_nano_usd": cost, "exposure_nano_usd": None, "cost_status": "priced"}


def estimated(cost: int, bound: int | None) -> dict[str, Any]:
    return {"cost_nano_usd": cost, "exposure_nano_usd": bound, "cost_status": "estimated"}


@pytest.mark.parametrize(
    ("charges", "ledger", "right"),
    [
        ([5, 7], [exact(7), exact(5)], True),
        ([5, 7], [exact(12), exact(0)], False),
        ([5, 7], [exact(5), exact(8)], False),
        ([5, 7], [exact(5), estimated(3, 7)], True),
        ([5, 7], [exact(5), estimated(6, 6)], False),
        ([5], [exact(5), estimated(1, 4)], True),
        ([5, 7], [exact(5)], False),
        ([5], [estimated(0, None)], True),
        ([], [exact(0)], True),
    ],
)
def test_each_charge_is_an_exact_cost_or_within_a_bound(
    charges: Sequence[int], ledger: Sequence[dict[str, Any]], right: bool
) -> None:
    """An equal sum alone is not enough."""
    assert matches(charges, ledger) is right
