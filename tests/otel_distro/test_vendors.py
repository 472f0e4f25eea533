"""The recipes of docs/backends, against intakes that enforce each vendor's published rules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.process import BIN, clean_environment, instrumented, run
from support.vendor_intake import (
    Intake,
    at_most,
    at_path,
    attribute_limits,
    attributes_in,
    deltas,
    header,
    metrics_in,
    protobuf,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.vendor_intake import Rule

PAGES = Path(__file__).parents[2] / "docs" / "backends"
OTLP_PATHS = ("/v1/traces", "/v1/metrics", "/v1/logs")
AZURE = "/dataCollectionRules/dcr-0/streams/Microsoft-OTLP"
RULES: dict[str, list[Rule]] = {
    "new-relic": [
        header("api-key", "k-e-y"),
        protobuf,
        at_path(*OTLP_PATHS),
        at_most(1_000_000),
        attribute_limits(255, 4095, 64),
        deltas,
    ],
    "datadog": [
        header("dd-api-key", "k-e-y"),
        header("dd-protocol", "otlp", "traces", "logs"),
        header("dd-otlp-source", "your-organisation", "traces"),
        protobuf,
        at_path(*OTLP_PATHS),
        at_most(3_200_000, 5_000_000),
        deltas,
    ],
    "elastic": [
        header("authorization", "ApiKey k-e-y"),
        protobuf,
        at_path(*OTLP_PATHS),
        deltas,
    ],
    "azure-monitor": [
        header("authorization", "Bearer k-e-y"),
        protobuf,
        at_path(
            f"{AZURE}-Traces/otlp/v1/traces",
            f"{AZURE}-Metrics/otlp/v1/metrics",
            f"{AZURE}-Logs/otlp/v1/logs",
        ),
    ],
}
SECRETS = ("NEW_RELIC_LICENSE_KEY", "DD_API_KEY", "ELASTIC_API_KEY", "AZURE_TOKEN")
APP = """
import logging, random
from opentelemetry import metrics, trace
tracer = trace.get_tracer("opentelemetry.instrumentation.genai.openai")
call = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
}
with tracer.start_as_current_span("work"):
    tracer.start_span("chat gpt-4o", attributes=call).end()
    for number in range(100):
        # Words that do not compress well, longer than any vendor keeps.
        words = "".join(random.Random(number).choices("abcdefghij klmnop", k=6000))
        tracer.start_span("step", attributes={"note": words, "list": ["x"] * 60}).end()
    logging.getLogger("shop").warning("order of ada@example.com")
meter = metrics.get_meter("shop")
meter.create_counter("orders").add(2)
meter.create_histogram("took").record(1.5)
meter.create_up_down_counter("open").add(1)
"""


def recipe(vendor: str) -> dict[str, str]:
    """The variables that the last block of a vendor's page sets, as a shell would."""
    text = (PAGES / f"{vendor}.md").read_text(encoding="utf-8")
    block = [
        found for found in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "https:" in found
    ]
    exports = re.findall(r"^export (\w+)=(\"[^\"]*\"|\S+)", block[-1], re.MULTILINE)
    found = {name: value.strip('"') for name, value in exports}
    for secret in SECRETS:
        found = {name: value.replace(f"${secret}", "k-e-y") for name, value in found.items()}
    return found


def on_loopback(variables: dict[str, str], intake: Intake) -> dict[str, str]:
    """The same, with the intake in place of every host of the vendor."""
    return {
        name: re.sub(r"https://[^/\s]+", intake.url, value) for name, value in variables.items()
    }


@pytest.fixture(params=RULES)
def sent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Intake]]:
    """Requests of an app with the recipe of a vendor's page."""
    vendor = request.param
    with Intake(RULES[vendor], busy=1 if vendor == "elastic" else 0) as intake:
        environ = on_loopback(recipe(vendor), intake)
        environ = clean_environment(tmp_path, OTEL_DISTRO_EXIT_TIMEOUT="30", **environ)
        done = instrumented(APP, environ)
        assert done.returncode == 0, done.stderr
        # Throttled requests wait on disk, for the next program or this command.
        done = run([str(BIN / "otel-distro"), "spool", "drain"], environ)
        assert done.returncode == 0, done.stdout + done.stderr
        yield vendor, intake


@pytest.mark.process
@pytest.mark.slow
def test_the_recipe_meets_what_the_vendor_requires(sent: tuple[str, Intake]) -> None:
    """Headers, paths, sizes, temporality, attributes; everything arrives, priced and redacted."""
    vendor, intake = sent

    assert intake.violations == []
    spans = [
        span
        for message in intake.accepted["traces"]
        for group in message.resource_spans
        for scope in group.scope_spans
        for span in scope.spans
    ]
    assert len({span.span_id for span in spans}) == 102, vendor
    keys = {
        pair.key: pair.value
        for message in intake.accepted["traces"]
        for pair in attributes_in(message)
    }
    assert keys["gen_ai.usage.cost.amount"].double_value == pytest.approx(0.006)
    names = {
        metric.name for message in intake.accepted["metrics"] for metric in metrics_in(message)
    }
    assert {"orders", "took", "open", "otel_distro.cost"} <= names
    assert "ada@example.com" not in str(intake.accepted["logs"])
    assert "order of [EMAIL]" in str(intake.accepted["logs"])
    if intake.busy:
        assert min(intake.refused_as_busy.values()) == 1


@pytest.mark.parametrize(
    ("vendor", "change", "reason"),
    [
        ("new-relic", {"headers": {"api-key": "other"}}, "api-key"),
        ("new-relic", {"sent_bytes": 1_000_001}, "bytes"),
        ("datadog", {"headers": {"dd-api-key": "k-e-y"}}, "dd-protocol"),
        ("elastic", {"headers": {"authorization": "Bearer k-e-y"}}, "authorization"),
        ("azure-monitor", {"path": "/v1/traces"}, "at /v1/traces"),
    ],
)
def test_the_intakes_refuse_what_the_vendors_would(
    vendor: str, change: dict[str, Any], reason: str
) -> None:
    """Otherwise a wrong recipe would pass."""
    from support.vendor_intake import Request

    given: dict[str, Any] = {
        "signal": "traces", "path": "/v1/traces", "headers": {}, "sent_bytes": 1, "body": b"",
    }  # fmt: skip
    intake = Intake(RULES[vendor])
    assert intake.answer(Request(**(given | change))) >= 400
    assert any(reason in violation for violation in intake.violations)


def test_cumulative_counters_and_long_values_are_refused() -> None:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    from support.otlp_messages import A, counter, spans
    from support.vendor_intake import Request

    metrics = ExportMetricsServiceRequest(resource_metrics=[counter("orders", 1)])
    traces = ExportTraceServiceRequest(resource_spans=[spans(A(1, attributes={"a": "x" * 4096}))])
    for signal, message, reason in (
        ("metrics", metrics, "orders is cumulative"),
        ("traces", traces, "a has 4096 characters"),
    ):
        intake = Intake([deltas, attribute_limits(255, 4095, 64)])
        body = message.SerializeToString()
        assert intake.answer(Request(signal, "", {}, len(body), body)) == 400
        assert intake.violations == [f"metric {reason}" if signal == "metrics" else reason]
