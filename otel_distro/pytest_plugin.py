"""Budgets as tests, for tests that call models.

    @pytest.mark.max_cost("0.02")     # US dollars; a call beyond it is refused, the test fails
    @pytest.mark.max_p95_ms(800)      # 95th percentile of the latency of the test's model calls
    @pytest.mark.model_calls          # no limit, but measured for the baseline

pytest finds it by its entry point. Each test has its own budget; the summary shows spending and
tests over their limits. With `--cost-baseline FILE` a test fails if it costs more or takes longer
than the baseline; `--cost-baseline-update` adds the run.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from otel_budget.cost_budget import NANO_PER_USD, Action, CostBudget
from otel_distro.api.cost_baseline import Baseline, Measured
from otel_distro.base.errors import OtelDistroError
from otel_distro.base.percentiles import percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_budget.admitted_call import AdmittedCall
    from otel_budget.refusal import Refusal

_MARKS = ("max_cost", "max_p95_ms", "model_calls")
_PROPERTY = "otel_distro.model_calls"
_NO_LIMIT = Decimal(1_000_000)
_OVER = "otel_distro.over_limit"
_BASELINE = pytest.StashKey[Baseline | None]()
_MEASURED = pytest.StashKey[dict[str, Measured]]()
_OVER_LIMIT = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the baseline."""
    group = parser.getgroup("otel_distro", "cost and latency of model calls")
    group.addoption(
        "--cost-baseline",
        metavar="FILE",
        help="fail tests whose model calls cost more or take longer than the baseline in FILE",
    )
    group.addoption(
        "--cost-baseline-update",
        action="store_true",
        help="add this run to the file of --cost-baseline instead of comparing with it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and read the baseline."""
    for line in (
        "max_cost(usd): limit in US dollars for the model calls of this test",
        "max_p95_ms(ms): limit in milliseconds for the 95th percentile of this test's model calls",
        "model_calls: the model calls of this test are measured",
    ):
        config.addinivalue_line("markers", line)
    config.stash[_MEASURED] = {}
    config.stash[_OVER_LIMIT] = {}
    path = config.getoption("--cost-baseline")
    try:
        config.stash[_BASELINE] = Baseline.read(Path(path)) if path else None
    except OtelDistroError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Run a marked test behind its own gate."""
    if not any(item.get_closest_marker(name) for name in _MARKS):
        return (yield)
    limit = _amount(item, "max_cost", 'max_cost takes US dollars, for example max_cost("0.02")')
    most_ms = _amount(item, "max_p95_ms", "max_p95_ms takes milliseconds, for example 800")
    name = f"max_cost of {item.name}"
    with _measuring(name, _NO_LIMIT if limit is None else limit) as meter:
        result = yield
    run = Measured((meter.cost_nano_usd,), tuple(meter.latency_ms))
    item.user_properties.append((_PROPERTY, [list(run.cost_nano_usd), list(run.latency_ms)]))
    verdict = _verdict(meter, limit, most_ms)
    if verdict is not None:
        item.user_properties.append((_OVER, verdict))
        pytest.fail(verdict, pytrace=False)
    baseline = item.config.stash[_BASELINE]
    if baseline is not None and not item.config.getoption("--cost-baseline-update"):
        worse = baseline.worse(item.nodeid, run)
        if worse:
            pytest.fail(f"worse than the baseline: {'; '.join(worse)}", pytrace=False)
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the measurements of tests; with xdist they run in other processes."""
    if report.when != "call" or _session is None:
        return
    for name, value in report.user_properties:
        if name == _PROPERTY:
            costs, latencies = cast("tuple[list[int], list[float]]", value)
            _session.stash[_MEASURED][report.nodeid] = Measured(tuple(costs), tuple(latencies))
        elif name == _OVER:
            _session.stash[_OVER_LIMIT][report.nodeid] = str(value)


_session: pytest.Config | None = None


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the session for collecting: reports do not refer to it."""
    global _session  # noqa: PLW0603 - one session a process
    _session = session.config


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Report the spending of each marked test, the most expensive first, and write the baseline."""
    measured = config.stash[_MEASURED]
    if not measured:
        return
    terminalreporter.section("cost of model calls")
    for test, run in sorted(measured.items(), key=lambda entry: -sum(entry[1].cost_nano_usd)):
        usd = sum(run.cost_nano_usd) / NANO_PER_USD
        p95 = percentile(run.latency_ms, 95)
        shown = "" if p95 is None else f"  p95 {p95:,.0f} ms"
        terminalreporter.write_line(f"${usd:.6f}{shown}  {test}")
    for test, verdict in sorted(config.stash[_OVER_LIMIT].items()):
        terminalreporter.write_line(f"over its limit: {test}: {verdict}", red=True)
    baseline = config.stash[_BASELINE]
    if baseline is not None and config.getoption("--cost-baseline-update"):
        baseline.add(measured)
        path = Path(str(config.getoption("--cost-baseline")))
        baseline.write(path)
        terminalreporter.write_line(f"added to {path}")


@dataclass
class _Meter:
    admitted: list[AdmittedCall] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    cost_nano_usd: int = 0

    @property
    def latency_ms(self) -> list[float]:
        return [call.latency_ms for call in self.admitted if call.latency_ms is not None]


@contextmanager
def _measuring(name: str, limit: Decimal) -> Iterator[_Meter]:
    from otel_budget.budget_accounts import BudgetAccounts
    from otel_budget.gate import Gate, Listener
    from otel_pricing import PriceBook

    meter = _Meter()
    with tempfile.TemporaryDirectory() as folder:
        # A refused call names its budget to the client, so that is the test's limit, not a day's.
        budget = replace(CostBudget.per_day(limit, Action.REFUSE), name=name)
        accounts = BudgetAccounts(Path(folder))
        listener = Listener(refused=meter.refusals.append, passed=meter.admitted.append)
        gate = Gate([budget], accounts, PriceBook, listener=listener)
        before = _install(gate)
        try:
            yield meter
        finally:
            _restore(before)
            # On the day the test began: it may end on the next one.
            meter.cost_nano_usd = accounts.state(budget.account_of("", gate.began_ns)).spent
            accounts.close()


def _verdict(meter: _Meter, limit: Decimal | None, most_ms: Decimal | None) -> str | None:
    """Return how the test exceeded its limits; None if it did not."""
    spent = Decimal(meter.cost_nano_usd) / NANO_PER_USD
    if meter.refusals:
        model = meter.refusals[0].model
        return f"a call of {model} was refused: ${spent:f} of max_cost ${limit:f} spent"
    if limit is not None and spent > limit:
        return f"model calls cost ${spent:f}, more than max_cost ${limit:f}"
    p95 = percentile(meter.latency_ms, 95)
    if most_ms is not None and p95 is not None and p95 > most_ms:
        calls = len(meter.latency_ms)
        return (
            f"95 % of {calls} model calls took up to {p95:,.1f} ms, more than max_p95_ms {most_ms}"
        )
    return None


def _amount(item: pytest.Item, name: str, usage: str) -> Decimal | None:
    mark = item.get_closest_marker(name)
    if mark is None:
        return None
    try:
        (text,) = mark.args
        return Decimal(str(text))
    except (ValueError, InvalidOperation):
        raise pytest.UsageError(usage) from None


_hooked = False


def _install(gate: Any) -> Any:
    """Install *gate* in all clients, also those that a test imports; return the previous one."""
    global _hooked  # noqa: PLW0603 - libraries are patched once per process
    from otel_wire import clients
    from otel_wire.observer import observer

    if not _hooked:
        _hooked = True
        import wrapt

        for name in clients.HOOKS:
            wrapt.register_post_import_hook(clients.install, name)
    before, observer.admission = observer.admission, gate
    return before


def _restore(before: Any) -> None:
    from otel_wire.observer import observer

    observer.admission = before
