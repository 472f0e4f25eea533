"""`otel_distro.configure()` for programs that set OpenTelemetry up in code."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink
from support.process import Finished, clean_environment, run, unmeasured

pytestmark = pytest.mark.process


def python(script: str, home: Path, sink: OtlpSink | None = None, **more: str) -> Finished:
    """Run *script* without the agent."""
    if sink is not None:
        more["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url
    return run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script)],
        clean_environment(home, **more),
    )


OWN_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
import otel_distro
before, after = InMemorySpanExporter(), InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(before))
"""
PRINT = """
trace.get_tracer("app").start_span("mail ada@lovelace.example").end()
for exporter in (before, after):
    print([span.name for span in exporter.get_finished_spans()])
"""


def test_the_programs_own_provider_is_guarded(tmp_path: Path) -> None:
    """With processors that were there before, and those that come after."""
    done = python(
        OWN_PROVIDER
        + """
trace.set_tracer_provider(provider)
otel_distro.configure()
otel_distro.configure()
provider.add_span_processor(SimpleSpanProcessor(after))
"""
        + PRINT,
        tmp_path,
    )

    assert done.stdout.splitlines() == ["['mail [EMAIL]']"] * 2, done.stderr


def test_a_provider_that_is_not_global_can_be_passed(tmp_path: Path) -> None:
    """Missing providers are the global ones."""
    done = python(
        OWN_PROVIDER
        + """
otel_distro.configure(tracer_provider=provider)
provider.get_tracer("app").start_span("mail ada@lovelace.example").end()
print([span.name for span in before.get_finished_spans()])
""",
        tmp_path,
    )

    assert done.stdout == "['mail [EMAIL]']\n", done.stderr


def test_without_providers_they_are_made_from_the_environment(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """One line in the program instead of the agent."""
    done = python(
        """
import otel_distro
otel_distro.configure()
from opentelemetry import trace
trace.get_tracer("app").start_span("mail ada@lovelace.example").end()
""",
        tmp_path,
        sink,
    )

    assert done.returncode == 0, done.stderr
    assert [span.name for span in sink.spans()] == ["mail [EMAIL]"]


def test_a_provider_of_another_make_is_refused_clearly(tmp_path: Path) -> None:
    """It cannot be guarded."""
    done = python(
        """
from opentelemetry import trace
class Theirs(trace.TracerProvider):
    def get_tracer(self, *args, **kwargs): ...
import otel_distro
try:
    otel_distro.configure(tracer_provider=Theirs())
except otel_distro.OtelDistroError as error:
    print(error)
""",
        tmp_path,
    )

    assert done.stdout.startswith("cannot guard __main__.Theirs: expected"), done.stderr


def test_settings_that_cannot_be_used_are_an_error(tmp_path: Path) -> None:
    """In code they raise."""
    done = python(
        """
import otel_distro
try:
    otel_distro.configure(config={"redacton": True})
except otel_distro.SettingsError as error:
    print(error.problems[0])
""",
        tmp_path,
    )

    assert done.stdout == "redacton: unknown key; did you mean redaction?\n", done.stderr


def test_importing_the_package_is_cheap(tmp_path: Path) -> None:
    """It loads neither the SDK nor the price data."""
    script = """
import sys
import otel_distro, otel_redaction, otel_pricing, otel_budget
print([name for name in ("opentelemetry.sdk", "genai_prices", "pydantic", "sqlite3")
       if name in sys.modules])
"""
    done = run(
        [sys.executable, "-W", "error", "-c", script], unmeasured(clean_environment(tmp_path))
    )

    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("providers", ["of the variables", "of the program"])
def test_the_settings_in_code_are_in_force(providers: str, tmp_path: Path) -> None:
    """With providers from the variables too: required consent keeps every record back."""
    own = "trace.set_tracer_provider(provider)" if providers == "of the program" else ""
    with OtlpSink() as sink:
        done = python(
            OWN_PROVIDER
            + own
            + """
otel_distro.configure(config={"consent": "required"})
from otel_distro import consent
print(consent.status().required, consent.status().open)
trace.get_tracer("app").start_span("secret step").end()
""",
            tmp_path,
            sink,
        )

    assert done.stdout == "True False\n", done.stderr
    assert sink.bodies["traces"] == []


def test_settings_in_code_that_come_too_late_are_reported(tmp_path: Path) -> None:
    """A second call with other settings has no effect, and one line says so."""
    done = python(
        """
import otel_distro
otel_distro.configure(config={"budget_usd_per_day": 5})
otel_distro.configure(config={"budget_usd_per_day": 5})
print("first", flush=True)
otel_distro.configure(config={"budget_usd_per_day": 1})
""",
        tmp_path,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )

    assert done.stdout == "first\n"
    assert done.stderr.count("configure(config=...) has no effect") == 1
