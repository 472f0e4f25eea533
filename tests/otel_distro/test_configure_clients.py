"""`otel_distro.configure()` alone records model calls."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from otel_distro.demo.provider import FakeProvider
from support.otlp_sink import OtlpSink
from support.process import BIN, Finished, clean_environment, run

pytestmark = pytest.mark.process

CALL = """
import openai, os
openai.OpenAI(base_url=os.environ["PROVIDER_URL"] + "/v1", api_key="sk-x").chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "hello"}]
)
"""
CONFIGURE = "import otel_distro; otel_distro.configure()\n"
OWN_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
"""
BY_HAND = """
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
OpenAIInstrumentor().instrument()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        CONFIGURE + CALL,
        "import openai\n" + CONFIGURE + CALL,
        OWN_PROVIDER + CONFIGURE + CALL,
        CONFIGURE + BY_HAND + CALL,
        BY_HAND + CONFIGURE + CALL,
    ],
    ids=["before", "client first", "own provider", "then by hand", "by hand before"],
)
def test_a_model_call_is_recorded_once(tmp_path: Path, sink: OtlpSink, script: str) -> None:
    """In any order of set-up; stderr has only the line at the exit."""
    done = called(script, tmp_path, sink)

    assert done.returncode == 0, done.stderr
    assert calls(tmp_path) == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.fixture
def clients(tmp_path: Path) -> str:
    """A folder with two clients that no installed package instruments."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "groq.py").write_text("")
    (site / "cohere.py").write_text("")
    return str(site)


def test_a_client_without_instrumentation_needs_none(
    tmp_path: Path, sink: OtlpSink, clients: str
) -> None:
    """Its calls are read from its requests."""
    done = called(CONFIGURE + "import groq", tmp_path, sink, PYTHONPATH=clients)

    assert (done.returncode, done.stderr) == (0, "")


def test_where_requests_are_not_observed_a_client_without_instrumentation_is_named(
    tmp_path: Path, sink: OtlpSink, clients: str
) -> None:
    """With the package to install, at its import; an unused client is not named."""
    off = {"OTEL_DISTRO_WIRE": "off"}
    done = called(CONFIGURE + "import groq", tmp_path, sink, PYTHONPATH=clients, **off)

    assert done.stderr == (
        "otel_distro: groq is imported, but its calls have no spans until you run: "
        "pip install openinference-instrumentation-groq\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "more"),
    [
        (CONFIGURE.replace("()", "(instrument=False)"), {}),
        (CONFIGURE, {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openai"}),
        (CONFIGURE, {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*"}),
    ],
    ids=["argument", "one", "all"],
)
def test_it_can_be_left_to_the_program(
    tmp_path: Path, sink: OtlpSink, script: str, more: dict[str, str]
) -> None:
    """Then `openai` is neither instrumented nor reported."""
    done = called(script + "import openai; print(openai.__version__)", tmp_path, sink, **more)

    assert (done.returncode, done.stderr) == (0, "")


def called(script: str, home: Path, sink: OtlpSink, **more: str) -> Finished:
    with FakeProvider() as provider:
        environ = clean_environment(
            home, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, PROVIDER_URL=provider.url, **more
        )
        return run([sys.executable, "-c", script], environ)


def calls(home: Path) -> int:
    done = run([str(BIN / "otel-distro"), "costs", "--json"], clean_environment(home))
    return int(json.loads(done.stdout)["total"]["calls"])
