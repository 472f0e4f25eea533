"""A real app under the agent: everything arrives, no secret does, every call is priced once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_distro.demo.provider import FakeProvider
from support.otlp_sink import OtlpSink, attributes_of
from support.process import BIN, Finished, clean_environment, instrumented, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.process

APP = Path(__file__).with_name("apps") / "web_app.py"
SECRETS = (
    "grace.hopper@navy-mail.example",
    "5555 5555 5555 4444",
    "Zx8QwErTy12UiOpAsDfGhJkL45ZxCvBnM67",
    "219-54-1873",
    "Tr0ub4dor&3xyz",
)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as fake:
        yield fake


def environment(tmp_path: Path, sink: OtlpSink, **more: str) -> dict[str, str]:
    return clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_SERVICE_NAME="shop",
        OTEL_RESOURCE_ATTRIBUTES=f"owner={SECRETS[0]}",
        OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_AND_EVENT",
        OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT="true",
        **more,
    )


def leaked(tmp_path: Path, sink: OtlpSink, done: Finished) -> list[str]:
    """Planted secrets found in any payload, any file of the state folder, or on stderr."""
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    out = sink.everything() + b"".join(path.read_bytes() for path in files)
    out += done.stderr.encode() + done.stdout.encode()
    return [secret for secret in SECRETS if secret.encode() in out]


def costs(tmp_path: Path) -> dict[str, object]:
    done = run([str(BIN / "otel-distro"), "costs", "--json"], clean_environment(tmp_path))
    total: dict[str, object] = json.loads(done.stdout)["total"]
    return total


@pytest.mark.slow
def test_three_signals_arrive_and_no_secret_does(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """Names, attributes, events, exceptions, links, scopes, resource, bodies: all are masked."""
    done = instrumented(APP, environment(tmp_path, sink), provider.url)

    assert done.returncode == 0, done.stderr
    assert {signal for signal, bodies in sink.bodies.items() if bodies} == {
        "traces",
        "metrics",
        "logs",
    }
    assert leaked(tmp_path, sink, done) == []
    assert "shop" in sink.everything().decode(errors="replace")


def test_every_call_is_priced_once_though_two_libraries_report_it(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """gpt-4o 1200 x 2.50 + 300 x 10 = 6000 and claude 176 x 3 + 300 x 15 = 5028 micro-dollars.

    The anthropic library makes another span inside the instrumentation's.
    """
    instrumented(APP, environment(tmp_path, sink), provider.url)

    total = costs(tmp_path)
    assert (total["calls"], total["cost_nano_usd"]) == (2, 6_000_000 + 5_028_000)
    priced = [
        attributes["gen_ai.usage.cost.amount"]
        for attributes in map(attributes_of, sink.spans())
        if attributes.get("otel_distro.billed")
    ]
    assert sorted(priced) == [0.005028, 0.006]


@pytest.mark.slow
def test_spans_keep_models_counts_and_routes(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """Redaction does not change models, token counts, routes and error types."""
    instrumented(APP, environment(tmp_path, sink), provider.url)

    chat = attributes_of(sink.span("chat gpt-4o"))
    assert chat["gen_ai.request.model"] == "gpt-4o"
    assert chat["gen_ai.usage.input_tokens"] == 1200
    assert chat["gen_ai.response.model"] == "gpt-4o-2024-08-06"
    web = attributes_of(sink.span("GET /pay/<who>"))
    assert web["http.route"] == "/pay/<who>"


DECLARATIVE = """
file_format: "1.0"
resource:
  attributes:
    - {name: service.name, value: shop}
    - {name: owner, value: "grace.hopper@navy-mail.example"}
propagator: {composite_list: "tracecontext,baggage"}
tracer_provider:
  processors: [{batch: {exporter: {otlp_http: {endpoint: "%(url)s/v1/traces"}}}}]
meter_provider:
  readers: [{periodic: {exporter: {otlp_http: {endpoint: "%(url)s/v1/metrics"}}}}]
logger_provider:
  processors: [{batch: {exporter: {otlp_http: {endpoint: "%(url)s/v1/logs"}}}}]
distribution:
  otel_distro: %(section)s
"""


def declarative(tmp_path: Path, sink: OtlpSink, section: str = "{}") -> dict[str, str]:
    file = tmp_path / "otel.yaml"
    file.write_text(DECLARATIVE % {"url": sink.url, "section": section})
    return environment(tmp_path, sink, OTEL_CONFIG_FILE=str(file))


@pytest.mark.slow
def test_a_declarative_file_is_guarded_just_the_same(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """With OTEL_CONFIG_FILE the SDK ignores a configurator's arguments; the guard remains."""
    done = instrumented(APP, declarative(tmp_path, sink), provider.url)

    assert done.returncode == 0, done.stderr
    assert sink.bodies["traces"]
    assert sink.bodies["logs"]
    assert leaked(tmp_path, sink, done) == []
    assert costs(tmp_path)["calls"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("path", [environment, declarative], ids=["environment", "file"])
def test_every_signal_names_the_distribution_and_the_process(
    path: Callable[..., dict[str, str]],
    tmp_path: Path,
    sink: OtlpSink,
    provider: FakeProvider,
) -> None:
    """Without an instance the metrics of two processes would be one series."""
    instrumented(APP, path(tmp_path, sink), provider.url)

    resources = sink.resources()
    assert set(resources) == {"traces", "metrics", "logs"}
    assert {r["telemetry.distro.name"] for r in resources.values()} == {"otel_distro"}
    (instance,) = {r["service.instance.id"] for r in resources.values()}
    assert instance


@pytest.mark.slow
def test_our_settings_are_read_from_the_declarative_file(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """An unknown key in `distribution.otel_distro` withholds content and is named."""
    done = instrumented(APP, declarative(tmp_path, sink, "{redacton: true}"), provider.url)

    assert done.returncode == 0
    assert "redacton: unknown key; did you mean redaction?" in done.stderr
    assert "/pay/" not in sink.everything().decode(errors="replace")


LATE = """
import sys
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import export

provider = trace.get_tracer_provider()
exporter = OTLPSpanExporter(endpoint=sys.argv[2] + "/v1/traces")
provider.add_span_processor(export.BatchSpanProcessor(exporter))
provider.add_span_processor(export.SimpleSpanProcessor(export.ConsoleSpanExporter()))
sys.argv = sys.argv[:2]
import runpy
runpy.run_path(%r, run_name="__main__")
"""


@pytest.mark.slow
def test_a_processor_the_app_adds_after_boot_sees_redacted_spans_only(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """Late processors are behind the guard as well; the console exporter reads private fields."""
    environ = environment(tmp_path, sink, OTEL_TRACES_EXPORTER="none")
    done = instrumented(LATE % str(APP), environ, provider.url, sink.url)

    assert done.returncode == 0, done.stderr
    assert len(sink.spans()) >= 7
    assert '"name": "linked"' in done.stdout
    assert leaked(tmp_path, sink, done) == []


@pytest.mark.slow
def test_several_exporters_at_once_all_get_redacted_spans(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """The console and the plain sqlite exporter beside OTLP; the ledger counts each call once."""
    environ = environment(tmp_path, sink, OTEL_TRACES_EXPORTER="otlp,console,sqlite")
    done = instrumented(APP, environ, provider.url)

    assert done.returncode == 0, done.stderr
    assert leaked(tmp_path, sink, done) == []
    assert costs(tmp_path)["calls"] == 2


@pytest.mark.slow
def test_costs_do_not_depend_on_sampling(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """With every trace sampled out nothing is exported, and the ledger is complete."""
    instrumented(APP, environment(tmp_path, sink, OTEL_TRACES_SAMPLER="always_off"), provider.url)

    assert sink.spans() == []
    assert costs(tmp_path)["calls"] == 2


@pytest.mark.slow
def test_switched_off_means_off(tmp_path: Path, sink: OtlpSink, provider: FakeProvider) -> None:
    """OTEL_SDK_DISABLED=true: the app runs, nothing is exported, nothing is stored."""
    done = instrumented(APP, environment(tmp_path, sink, OTEL_SDK_DISABLED="true"), provider.url)

    assert done.returncode == 0, done.stderr
    assert sink.everything() == b""
    assert not (tmp_path / "state").exists()
