"""The page of metrics lists exactly the metrics and attributes of the code."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

import otel_distro
from otel_budget.accounts.account import BudgetAccount, Crossing
from otel_budget.cost_budget import CostBudget
from otel_budget.latency import LatencyBudget, LatencyBudgets
from otel_budget.processor import LatencyReporter
from otel_budget.refusal import Refusal
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.base.self_metrics import SelfMetrics
from otel_distro.bootstrap.instrumentation.instrumentors import SYSTEM_METRICS
from otel_distro.export.counts import Tally
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.accounting.cost_metrics import CostMetrics
from otel_distro.pipeline.budgets.budget_reports import BudgetReporter
from otel_distro.pipeline.series_limit import MOST_SERIES, OVERFLOW
from otel_pricing import PriceBook
from support.documents import PROJECT
from tools.metric_names import FROM_PROGRAMS, FROM_PROGRAMS_IN_TROUBLE

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (PROJECT / "docs" / "metrics.md").read_text(encoding="utf-8")
_KINDS = {
    "Counter": "counter",
    "ObservableCounter": "counter",
    "UpDownCounter": "up-down counter",
    "ObservableUpDownCounter": "up-down counter",
    "Histogram": "histogram",
    "Gauge": "gauge",
    "ObservableGauge": "gauge",
}
_FACTORY = re.compile(r"create_(observable_)?(counter|up_down_counter|gauge|histogram)$")
_OF_THE_APP = "otel_distro/api/measuring/business.py"
"""Makes instruments of the app, under its names."""
_HANDED_ON = "otel_distro/pipeline/input_limits/"
"""Forwards instrument requests to the SDK; creates none itself."""
_OF_THE_CONVENTIONS = "otel_distro/pipeline/accounting/wire_spans.py"
"""Makes the client metrics of the GenAI conventions, under their names."""
_THE_SDKS = "otel_distro/pipeline/sdk_counters.py"
"""Creates those of the SDK: `tests/otel_distro/test_sdk_counts.py`."""


class Row(NamedTuple):
    """One metric, as the page or the code has it."""

    kind: str
    unit: str
    attributes: frozenset[str]


def documented() -> dict[str, Row]:
    """Return the rows of the page; "the same" means the attributes of the row before."""
    found: dict[str, Row] = {}
    attributes: frozenset[str] = frozenset()
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| `") or len(cells) != 6:
            continue
        if cells[4] != "the same":
            attributes = frozenset(re.findall(r"`([^`]+)`", cells[4]))
        found[cells[0].strip("`")] = Row(cells[1], cells[2], attributes)
    return found


class _Made:
    """Meter provider that records its instruments, with the file and line that created each."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.instruments: dict[str, Any] = {}
        self.places: set[tuple[str, int]] = set()

    def get_meter(self, *args: Any, **named: Any) -> Any:
        meter = self.provider.get_meter(*args, **named)
        return SimpleNamespace(
            **{
                name: self._noting(getattr(meter, name))
                for name in dir(meter)
                if _FACTORY.match(name)
            }
        )

    def _noting(self, create: Any) -> Any:
        def made(name: str, *args: Any, **named: Any) -> Any:
            caller = sys._getframe(1)
            self.places.add((caller.f_code.co_filename, caller.f_lineno))
            self.instruments[name] = create(name, *args, **named)
            return self.instruments[name]

        return made

    def rows(self) -> dict[str, Row]:
        """Return the instruments, with the attributes that were set."""
        data = self.reader.get_metrics_data()
        assert data is not None
        attributes: defaultdict[str, set[str]] = defaultdict(set)
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        attributes[metric.name] |= set(point.attributes or ())
        return {
            name: Row(
                _KINDS[type(made).__name__.strip("_")], made.unit, frozenset(attributes[name])
            )
            for name, made in self.instruments.items()
        }


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Made]:
    """Every metric, recorded once with all attributes."""
    everything = _Made()
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", everything)
    _measure_calls_and_latency()
    _measure_budgets()
    _measure_ourselves()
    with pytest.raises(KeyError), otel_distro.measure("work", component="shop"):
        raise KeyError
    otel_distro.track_event("agent.dispatch", agent="planner")
    yield everything
    everything.provider.shutdown()


def _measure_calls_and_latency() -> None:
    accounts = Accounts(
        load_prices=PriceBook,
        latency=LatencyBudgets([LatencyBudget("chat", 1)]),
        internal_errors=InternalErrors(),
        call_sinks=[CostMetrics()],
        verdict_sinks=[LatencyReporter()],
    )
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("app")
    call: Any = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "error.type": "RateLimitError",
    }
    span: Any = tracer.start_span("chat", attributes=call, start_time=1)
    span.end(end_time=10**9)
    accounts.take(span)
    accounts.flush(30)


def _measure_budgets() -> None:
    teller = BudgetReporter({"daily": CostBudget(name="daily", limit=5_000_000_000)})
    book = BudgetAccount("daily", "", 0, 0, 5_000_000_000)
    teller.crossed(Crossing(book, 80, 4_000_000_000))
    teller.refused(Refusal("no room", "gpt-4o", "daily"))


def _measure_ourselves() -> None:
    metrics = SelfMetrics(InternalErrors())
    metrics.redacted("traces", {"email": 1})
    metrics.failed("traces", ValueError())
    metrics.observe_guard(lambda: True)
    counts: Any = SimpleNamespace(counts={"too_long": 1})
    metrics.observe_invalid_input(counts)
    deliveries: Any = SimpleNamespace(
        tallies=lambda: {"spans": Tally(3, 1, 1, {"queue_full": 1})},
        resent_counts=lambda: {"spans": 1},
        spool_lost_counts=lambda: {("spans", "spool_full"): 1},
    )
    metrics.observe_deliveries(deliveries)


def test_every_metric_is_listed(made: _Made) -> None:
    """Name, kind, unit and attributes; and every listed metric exists."""
    page = {name: row for name, row in documented().items() if name.startswith("otel_distro.")}

    assert made.rows() == page


def test_no_metric_is_made_elsewhere(made: _Made) -> None:
    """Every line that creates an instrument ran for the comparison above."""
    files = {file for file, _ in made.places}

    for path, first, last in _factories():
        assert path in files, f"{path}:{first} makes a metric that docs/metrics.md may lack"
        lines = {line for file, line in made.places if file == path}
        assert lines & set(range(first, last + 1)), f"{path}:{first}"


@cache
def _factories() -> tuple[tuple[str, int, int], ...]:
    found = []
    for folder in ("otel_distro", "processors", "exporters"):
        for path in sorted((PROJECT / folder).rglob("*.py")):
            if (
                path.relative_to(PROJECT)
                .as_posix()
                .startswith((_OF_THE_APP, _HANDED_ON, _OF_THE_CONVENTIONS, _THE_SDKS))
            ):
                continue
            text = path.read_text(encoding="utf-8")
            if "create_" not in text:
                continue
            found += [
                (str(path), node.lineno, node.end_lineno or node.lineno)
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and _FACTORY.match(node.func.attr)
            ]
    return tuple(found)


def test_metrics_of_process_and_machine_are_listed() -> None:
    """With the names, units and attributes of the instrumentation that is installed."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    instrumentor = SystemMetricsInstrumentor(config=SYSTEM_METRICS)
    instrumentor.instrument(meter_provider=provider)
    data: Any = reader.get_metrics_data()
    instrumentor.uninstrument()
    provider.shutdown()

    page = {name: row for name, row in documented().items() if not name.startswith("otel_distro.")}
    measured = {
        metric.name: (metric.unit, frozenset().union(*(p.attributes for p in points)))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if (points := metric.data.data_points)
    }
    assert set(page) == set(SYSTEM_METRICS)
    assert measured == {name: (row.unit, row.attributes) for name, row in page.items()}


def test_rules_and_dashboards_find_their_metrics_here() -> None:
    """The page lists the metrics that dashboards read, under their names before Prometheus."""
    names = {name.replace(".", "_") for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", PAGE)}

    for name in FROM_PROGRAMS | FROM_PROGRAMS_IN_TROUBLE:
        bare = re.sub(r"(_seconds)?(_total|_bucket|_sum)$", "", name)
        assert bare in names, name


def test_the_limit_of_series_is_the_one_that_holds() -> None:
    """The page has the number and the attribute."""
    ((attribute, value),) = OVERFLOW.items()

    assert f"at most {MOST_SERIES:,} series" in PAGE
    assert f"`{attribute}={str(value).lower()}`" in PAGE
