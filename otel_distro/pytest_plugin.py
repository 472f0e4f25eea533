"""Budgets as tests: `@pytest.mark.max_cost("0.02")` on a test that calls models.

Load it with `pytest -p otel_distro.pytest_plugin`, or name it in `pytest_plugins`. Calls that would
go beyond the amount are refused before they are sent, and the test fails; each test has a budget of
its own. What tests with the mark spent stands in the summary.
"""

from __future__ import annotations

import sys
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_budget import aiohttp_gate, httpx_gate, urllib3_gate
from otel_budget.books import Books
from otel_budget.cost_budget import NANO_PER_USD, Action, CostBudget
from otel_budget.gate import Gate, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_budget.refusal import Refusal
    from otel_pricing import PriceBook

_SPENT = pytest.StashKey[dict[str, Decimal]]()
_GATES = (httpx_gate, urllib3_gate, aiohttp_gate)


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers", "max_cost(usd): the model calls of this test may cost so many US dollars"
    )
    config.stash[_SPENT] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Run a marked test behind a gate of its own."""
    mark = item.get_closest_marker("max_cost")
    if mark is None:
        return (yield)
    limit = _amount(mark)
    with tempfile.TemporaryDirectory() as folder:
        budget = CostBudget.per_day(limit, Action.REFUSE)
        books = Books(Path(folder))
        refusals: list[Refusal] = []
        gate = Gate([budget], books, _prices, listener=Listener(refused=refusals.append))
        before = _install(gate)
        try:
            result = yield
        finally:
            _restore(before)
            spent = Decimal(books.state(budget.book_of("", gate.now_ns())).spent) / NANO_PER_USD
            books.close()
            item.config.stash[_SPENT][item.nodeid] = spent
    _judge(spent, limit, refusals)
    return result


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say what each marked test spent, the dearest first."""
    spent = config.stash[_SPENT]
    if not spent:
        return
    terminalreporter.section("cost of model calls")
    for test, usd in sorted(spent.items(), key=lambda entry: -entry[1]):
        terminalreporter.write_line(f"${usd:.6f}  {test}")


def _judge(spent: Decimal, limit: Decimal, refusals: list[Refusal]) -> None:
    if refusals:
        pytest.fail(
            f"a call of {refusals[0].model} was refused: ${spent:f} of max_cost ${limit:f} spent",
            pytrace=False,
        )
    if spent > limit:
        pytest.fail(f"model calls cost ${spent:f}, more than max_cost ${limit:f}", pytrace=False)


def _amount(mark: pytest.Mark) -> Decimal:
    try:
        (text,) = mark.args
        return Decimal(str(text))
    except (ValueError, InvalidOperation):
        raise pytest.UsageError('max_cost takes US dollars, for example max_cost("0.02")') from None


def _prices() -> PriceBook:
    from otel_pricing import PriceBook

    return PriceBook()


def _install(gate: Gate) -> list[Gate | None]:
    before = [module.current() for module in _GATES]
    for gate_module in _GATES:
        for name in gate_module.MODULES:
            if name in sys.modules:
                gate_module.install(sys.modules[name], gate)
    return before


def _restore(before: list[Gate | None]) -> None:
    for gate_module, gate in zip(_GATES, before, strict=True):
        for name in gate_module.MODULES:
            if name in sys.modules:
                gate_module.install(sys.modules[name], gate)
