"""The shipped files, run by the real programs: delivery, sampling, masking.

An instrumented program with the openai client and a plain OpenTelemetry program without any
redaction send to a real Collector; everything is read back through the APIs of Jaeger, Prometheus
and Alertmanager.
"""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from otel_distro.demo.provider import FakeProvider
from stack.running import ROOT, Stack, eventually, get
from support.process import BIN, clean_environment, instrumented, run
from tools.dashboards import DASHBOARDS
from tools.metric_names import FROM_PROGRAMS, FROM_SPANS, FROM_THE_SECOND_LINE, FROM_THE_STACK

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.stack, pytest.mark.process]

CHEAP_CALLS = 12
SHOP = """
    import logging
    import sys
    import time
    import openai

    logging.getLogger("shop").warning("order of ada@example.com")
    client = openai.OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0)

    def ask(text, model="gpt-4o-mini", **more):
        return client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": text}], **more
        )

    for number in range(int(sys.argv[2])):
        ask(f"Hello {number}, I am ada@example.com")
    ask("cached")
    ask("Think about it", model="gpt-4o")
    for chunk in ask("Stream", stream=True, stream_options={"include_usage": True}):
        pass
    try:
        ask("Too many requests")
    except openai.RateLimitError:
        pass
    time.sleep(3)  # a second and a third export, as a program that lives has
"""

SECRETS = {
    "card": "4111 1111 1111 1111",
    "email": "grace.hopper@example.org",
    "key": "sk-proj-" + "Zx9Cv8Bn" * 5,
    "aws": "AKIAIOSFODNN7EXAMPLQ",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MjQyNDI0MiJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ",
    "url": "hunter2pass",
    "header": "opaque-credential-7d1",
}
LEGACY = """
    import json, sys
    from opentelemetry import trace
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    s = json.loads(sys.argv[1])
    resource = Resource.create({"service.name": "legacy", "owner": s["email"]})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("legacy")
    span = tracer.start_span(f"pay with {s['card']}")
    span.set_attribute("text", f"mail {s['email']} or use {s['key']}")
    span.set_attribute("list", ["fine", s["aws"]])
    span.set_attribute("db.url", f"postgres://app:{s['url']}@db/orders")
    span.set_attribute("http.request.header.authorization", s["header"])
    span.set_attribute("gen_ai.input.messages", "a prompt that nobody asked to keep")
    span.set_attribute("gen_ai.usage.input_tokens", 4242)
    span.add_event(f"told {s['email']}", {"token": s["jwt"]})
    span.set_status(trace.Status(trace.StatusCode.ERROR, f"refused {s['card']}"))
    span.end()
    provider.shutdown()
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter()))
    record = LogRecord(
        body=f"sent {s['jwt']} to {s['email']}",
        severity_number=SeverityNumber.INFO,
        attributes={"card": s["card"]},
    )
    logs.get_logger("legacy").emit(record)
    logs.shutdown()
"""


@dataclass(frozen=True)
class Ran:
    """A stack that has seen both programs."""

    stack: Stack
    costs: dict[str, Any]
    """Output of `otel-distro costs --json` after the shop ended."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    stack = Stack(tmp_path_factory.mktemp("stack"))
    stack.prepare(limit_usd=0.01)
    try:
        stack.alertmanager().start()
        stack.prometheus().start()
        stack.jaeger().start()
        stack.collector(
            OTELCOL_DECISION_WAIT="2s",
            OTELCOL_DECISION_WAIT_AFTER_ROOT="1s",
            OTELCOL_EXPENSIVE_USD="0.005",  # one call to gpt-4o costs 0.006
            OTELCOL_KEEP_ALL_BELOW_SPANS_PER_SECOND="0",
            OTELCOL_KEEP_PERCENT="0",
        ).start()
        costs = _run_shop(stack)
        _run_legacy(stack)
        assert eventually(lambda: stack.traces("shop") and stack.traces("legacy"))
        assert eventually(lambda: stack.query('otel_distro_span_cost_total{job="shop"}'))
        yield Ran(stack, costs)
    finally:
        stack.stop()


def _run_shop(stack: Stack) -> dict[str, Any]:
    home = stack.folder / "home"
    environ = clean_environment(
        home,
        OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp,
        OTEL_SERVICE_NAME="shop",
        OTEL_METRIC_EXPORT_INTERVAL="1000",
    )
    with FakeProvider() as provider:
        done = instrumented(SHOP, environ, f"{provider.url}/v1", str(CHEAP_CALLS))
    assert done.returncode == 0, done.stderr
    answer = run([str(BIN / "otel-distro"), "costs", "--json"], environ)
    assert answer.returncode == 0, answer.stderr
    costs: dict[str, Any] = json.loads(answer.stdout)
    return costs


def _run_legacy(stack: Stack) -> None:
    environ = clean_environment(stack.folder, OTEL_EXPORTER_OTLP_ENDPOINT=stack.otlp)
    command = [sys.executable, "-c", textwrap.dedent(LEGACY), json.dumps(SECRETS)]
    done = run(command, environ)
    assert done.returncode == 0, done.stderr


def tags(span: dict[str, Any]) -> dict[str, Any]:
    return {tag["key"]: tag["value"] for tag in span["tags"]}


def calls_of(stack: Stack) -> list[dict[str, Any]]:
    """Tags of the shop's model calls in Jaeger."""
    spans = [span for trace in stack.traces("shop") for span in trace["spans"]]
    return [tags(span) for span in spans if "gen_ai.request.model" in tags(span)]


def test_a_trace_is_in_jaeger_with_its_cost(ran: Ran) -> None:
    """1,200 input and 300 output tokens of gpt-4o: 1200 × 2.50 + 300 × 10 = 6,000 µUSD."""
    (expensive,) = [c for c in calls_of(ran.stack) if c["gen_ai.request.model"] == "gpt-4o"]

    assert expensive["gen_ai.usage.cost.amount"] == 0.006
    assert expensive["gen_ai.usage.cost.currency"] == "USD"
    assert expensive["otel_distro.cost.status"] == "priced"


def test_errors_and_expensive_calls_survive_sampling_and_the_rest_does_not(ran: Ran) -> None:
    """With a share of 0 % only traces named by a policy are kept."""
    kept = calls_of(ran.stack)

    assert len(kept) == 2
    assert [c for c in kept if c.get("error.type")]
    assert [c for c in kept if c["gen_ai.request.model"] == "gpt-4o"]


def test_prometheus_counts_what_the_ledger_holds_to_the_nano_dollar(ran: Ran) -> None:
    """Sampling does not affect totals, and nothing is rounded."""
    ledger = ran.costs["total"]["cost_nano_usd"]
    assert ledger > 0

    def counted() -> float:
        return ran.stack.value('sum(otel_distro_cost_total{job="shop"})')

    assert eventually(lambda: counted() == ledger), (counted(), ledger)


def test_spans_count_the_same_money_before_sampling(ran: Ran) -> None:
    """The Collector's sum over all spans, dropped ones included."""
    ledger = ran.costs["total"]["cost_nano_usd"]

    def counted() -> float:
        return ran.stack.value('sum(otel_distro_span_cost_total{job="shop"})')

    assert eventually(lambda: counted() == ledger), (counted(), ledger)


def test_every_call_is_counted_at_any_sampling(ran: Ran) -> None:
    """Calls in the metric, in the ledger, and as the program made them."""
    made = CHEAP_CALLS + 4

    assert ran.costs["total"]["calls"] == made
    assert eventually(
        lambda: ran.stack.value('sum(otel_distro_calls_total{job="shop"})') == made
    ), ran.stack.query("otel_distro_calls_total")


def test_the_money_of_a_window_is_exact(ran: Ran) -> None:
    """The recording rule shows the spending of a short program without extrapolation."""
    ledger = ran.costs["total"]["cost_nano_usd"] / 1e9

    def spent() -> float:
        return ran.stack.value('llm:cost_usd:increase1h{job="shop"}')

    assert eventually(lambda: spent() == pytest.approx(ledger, rel=1e-12)), (spent(), ledger)


@pytest.mark.parametrize("kind", SECRETS)
def test_spans_of_a_program_without_redaction_are_masked_in_jaeger(ran: Ran, kind: str) -> None:
    """Attributes, lists, events, names, status and resource: the second line covers them."""
    assert SECRETS[kind] not in json.dumps(ran.stack.traces("legacy"))


@pytest.mark.parametrize("kind", SECRETS)
def test_logs_of_a_program_without_redaction_are_masked_in_the_files(ran: Ran, kind: str) -> None:
    """Bodies and attributes of log records are written masked."""
    logs = ran.stack.folder / "otelcol" / "logs"
    assert eventually(lambda: "legacy" in _read(logs))

    assert SECRETS[kind] not in _read(logs)


def _read(folder: Any) -> str:
    return "".join(path.read_text() for path in folder.glob("*.jsonl"))


def test_the_second_line_leaves_measurements_alone(ran: Ran) -> None:
    """`gen_ai.usage.input_tokens` is neither masked nor turned into text."""
    (span,) = ran.stack.traces("legacy")[0]["spans"]

    assert tags(span)["gen_ai.usage.input_tokens"] == 4242
    assert tags(span)["http.request.header.authorization"] == "****"


def test_content_is_dropped_unless_capture_is_on(ran: Ran) -> None:
    """Prompts sent by a program are dropped."""
    assert "nobody asked to keep" not in json.dumps(ran.stack.traces("legacy"))


def test_metrics_have_the_names_that_rules_and_dashboards_use(ran: Ran) -> None:
    """Every name of metric_names.py except fault metrics is in a real Prometheus."""
    wanted = FROM_PROGRAMS | FROM_SPANS | FROM_THE_SECOND_LINE | FROM_THE_STACK

    def missing() -> frozenset[str]:
        return wanted - set(ran.stack.ask("prometheus", "/api/v1/label/__name__/values")["data"])

    assert eventually(lambda: not missing()), missing()


def _substituted(expr: str) -> str:
    for name, value in {
        "$__range": "15m",
        "$__rate_interval": "15m",
        "$__interval": "15m",
        "$service": ".*",
        "$model": ".*",
    }.items():
        expr = expr.replace(name, value)
    return expr


QUERIES = [
    pytest.param(query.expr, id=f"{name}: {panel.title} {query.legend}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard.panels
    for query in panel.queries
]
_TROUBLE = ("violations", "export_dropped", "_failed_")


@pytest.mark.slow
@pytest.mark.parametrize("expr", QUERIES)
def test_every_panel_has_something_to_show(ran: Ran, expr: str) -> None:
    """Each query of each dashboard answers from real data; queries of faults at least parse."""
    if any(word in expr for word in _TROUBLE):
        assert ran.stack.query(_substituted(expr)) is not None
    else:
        assert eventually(lambda: ran.stack.query(_substituted(expr)), timeout=15)


def test_a_budget_that_burns_fires_and_reaches_alertmanager(ran: Ran) -> None:
    """A budget of one cent and a program that spent more than half of it within a minute."""

    def alerts() -> set[str]:
        return {
            alert["labels"]["alertname"]
            for alert in ran.stack.ask("alertmanager", "/api/v2/alerts")
        }

    assert eventually(lambda: {"LlmBudgetBurnsFast", "FirstLineLeaked"} <= alerts()), alerts()


def test_no_rule_fails_to_evaluate(ran: Ran) -> None:
    """Every rule runs on real data without an error."""
    groups = ran.stack.ask("prometheus", "/api/v1/rules")["data"]["groups"]

    assert [r["lastError"] for g in groups for r in g["rules"] if r["health"] == "err"] == []


def test_exemplars_lead_from_a_metric_to_its_trace(ran: Ran) -> None:
    """A point on a latency panel has a trace id."""
    found = ran.stack.ask(
        "prometheus",
        "/api/v1/query_exemplars?query=traces_span_metrics_duration_seconds_bucket"
        "&start=2000-01-01T00:00:00Z&end=2100-01-01T00:00:00Z",
    )["data"]

    assert [e for s in found for e in s["exemplars"] if len(e["labels"].get("trace_id", "")) == 32]


def test_jaeger_shows_service_performance_from_span_metrics(ran: Ran) -> None:
    """The query of the Monitor tab; its numbers come from Prometheus, before sampling."""
    path = (
        "/api/metrics/calls?service=shop&step=5000&ratePer=600000&lookback=600000"
        "&groupByOperation=true&spanKind=client"
    )
    status, body = get(ran.stack.url("jaeger") + path)

    assert status == 200, body
    metrics = json.loads(body)["metrics"]
    assert any(point for metric in metrics for point in metric["metricPoints"]), body[:2000]


def test_the_stack_check_finds_the_stack_well(ran: Ran) -> None:
    """`otel-distro stack check` against the real parts; Grafana alone cannot run here."""
    places = {
        "otlp": ran.stack.otlp,
        "collector": ran.stack.url("otelcol_health"),
        "jaeger": ran.stack.url("jaeger"),
        "prometheus": ran.stack.url("prometheus"),
        "alertmanager": ran.stack.url("alertmanager"),
        "grafana": "http://127.0.0.1:9",
    }
    options = [part for name, url in places.items() for part in ("--at", f"{name}={url}")]
    command = [sys.executable, "-c", _STACK_COMMAND, "check", "--json", *options]
    done = run(command, clean_environment(ran.stack.folder, PYTHONPATH=str(ROOT)))

    checks = {check["subject"]: check["status"] for check in json.loads(done.stdout)["checks"]}
    assert checks.pop("grafana") == "fail"
    assert checks.pop("rules") in {"ok", "warn"}  # the alerts of this test fire
    assert set(checks.values()) == {"ok"}, done.stdout


_STACK_COMMAND = "from otel_distro.cli.stack_command import command; command()"
