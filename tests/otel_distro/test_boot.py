"""Starting under the agent and under our launcher: messages, strictness, competitors."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink, attributes_of
from support.process import BIN, clean_environment, instrumented, run

pytestmark = pytest.mark.process

SPAN = """
from opentelemetry import trace
with trace.get_tracer("app").start_as_current_span("visible name") as span:
    span.set_attribute("note", "plain text")
print("app ran")
"""


def environment(home: Path, sink: OtlpSink, **more: str) -> dict[str, str]:
    return clean_environment(home, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **more)


def test_a_misspelt_variable_withholds_content_and_names_the_nearest_one(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """The app runs; ids and timing are exported, text is not."""
    done = instrumented(SPAN, environment(tmp_path, sink, OTEL_DISTRO_REDACTON="true"))

    assert (done.returncode, done.stdout) == (0, "app ran\n")
    assert "OTEL_DISTRO_REDACTON: unknown variable; did you mean OTEL_DISTRO_REDACTION?" in (
        done.stderr
    )
    assert len(sink.spans()) == 1
    for text in (b"visible name", b"plain text"):
        assert text not in sink.everything()


def test_strict_refuses_to_run_with_a_setting_that_cannot_be_used(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """Exit code 78 and one clear message; the app is not started."""
    environ = environment(tmp_path, sink, OTEL_DISTRO_REDACTON="true", OTEL_DISTRO_STRICT="true")
    done = instrumented(SPAN, environ)

    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.splitlines() == [
        "otel_distro: 1 setting cannot be used",
        "  OTEL_DISTRO_REDACTON: unknown variable; did you mean OTEL_DISTRO_REDACTION?",
        "  OTEL_DISTRO_STRICT is set, so the app was not started",
    ]
    assert sink.everything() == b""


def test_an_unknown_exporter_costs_that_exporter_only(tmp_path: Path, sink: OtlpSink) -> None:
    """Upstream loses all three signals and every instrumentation to one wrong name."""
    environ = environment(tmp_path, sink, OTEL_TRACES_EXPORTER="otlp,jaegr")
    done = instrumented(SPAN, environ)

    assert done.stdout == "app ran\n"
    assert "OTEL_TRACES_EXPORTER" in done.stderr
    assert "jaegr" in done.stderr
    assert len(sink.spans()) == 1


def test_the_resource_identifies_the_distribution(tmp_path: Path, sink: OtlpSink) -> None:
    """As the conventions require of a distribution."""
    instrumented(SPAN, environment(tmp_path, sink, OTEL_SERVICE_NAME="shop"))

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    (body,) = sink.bodies["traces"]
    resource = attributes_of(ExportTraceServiceRequest.FromString(body).resource_spans[0].resource)
    assert resource["service.name"] == "shop"
    assert resource["telemetry.distro.name"] == "otel_distro"
    assert resource["telemetry.distro.version"]


def test_our_launcher_covers_child_pythons(tmp_path: Path, sink: OtlpSink) -> None:
    """Python programs started by the program are observed as well."""
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SPAN!r}], check=True)"
    done = run(
        [str(BIN / "otel-distro"), "run", "--", sys.executable, "-c", script],
        environment(tmp_path, sink),
    )

    assert done.returncode == 0, done.stderr
    assert len(sink.spans()) == 1


def test_our_launcher_reports_a_missing_program(tmp_path: Path) -> None:
    """As a shell does: code 127."""
    done = run([str(BIN / "otel-distro"), "run", "nonesuch"], clean_environment(tmp_path))

    assert done.returncode == 127
    assert done.stderr == "otel-distro run: command not found: nonesuch\n"


COMPETITOR = """
from opentelemetry.instrumentation.distro import BaseDistro
from opentelemetry.sdk._configuration import _OTelSDKConfigurator

class Distro(BaseDistro):
    def _configure(self, **kwargs): ...

class Configurator(_OTelSDKConfigurator): ...
"""
ENTRY_POINTS = """
[opentelemetry_distro]
distro = aaa_distro:Distro
[opentelemetry_configurator]
configurator = aaa_distro:Configurator
"""


@pytest.fixture
def competitor(tmp_path: Path) -> Path:
    """A folder that holds another installed distribution, which the agent finds first."""
    folder = tmp_path / "site"
    info = folder / "aaa_distro-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "aaa_distro.py").write_text(COMPETITOR)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-distro\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


def test_our_launcher_wins_over_another_distribution(
    tmp_path: Path, sink: OtlpSink, competitor: Path
) -> None:
    """The agent takes the first it finds; the launcher names ours."""
    secret = SPAN.replace("plain text", "mail ada@lovelace.example")
    environ = environment(tmp_path, sink, PYTHONPATH=str(competitor), OTEL_TRACES_EXPORTER="otlp")
    done = run([str(BIN / "otel-distro"), "run", sys.executable, "-c", secret], environ)

    assert done.returncode == 0, done.stderr
    assert len(sink.spans()) == 1
    assert b"lovelace" not in sink.everything()


@pytest.mark.slow
def test_doctor_names_the_other_distribution(tmp_path: Path, competitor: Path) -> None:
    """With the remedy."""
    environ = clean_environment(tmp_path, PYTHONPATH=str(competitor))
    done = run([str(BIN / "otel-distro"), "doctor", "--json"], environ)

    (check,) = [c for c in json.loads(done.stdout)["checks"] if c["subject"] == "distribution"]
    assert check["status"] == "warn"
    assert "aaa-distro (distro)" in check["found"]
    assert "otel-distro run" in check["remedy"]


DETECTOR = """
import re
from otel_redaction import Match

class Names:
    kinds = ("person",)
    def find(self, text):
        return [Match(m.start(), m.end(), "person") for m in re.finditer("Ada Lovelace", text)]
"""


@pytest.fixture
def detector(tmp_path: Path) -> Path:
    """A folder with an installed package that has a detector."""
    folder = tmp_path / "site"
    info = folder / "names_detector-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "names_detector.py").write_text(DETECTOR)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: names-detector\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[otel_distro_detectors]\nnames = names_detector:Names\n"
    )
    return folder


def test_an_installed_detector_is_used(tmp_path: Path, sink: OtlpSink, detector: Path) -> None:
    """The package only has to be installed."""
    script = SPAN.replace("plain text", "Ada Lovelace wrote")
    instrumented(script, environment(tmp_path, sink, PYTHONPATH=str(detector)))

    assert attributes_of(sink.span("visible name"))["note"] == "[PERSON] wrote"


def test_a_detector_that_cannot_be_loaded_withholds_content(
    tmp_path: Path, sink: OtlpSink, detector: Path
) -> None:
    """Values that it should find would leak."""
    (detector / "names_detector.py").write_text("raise RuntimeError('no model')")
    done = instrumented(SPAN, environment(tmp_path, sink, PYTHONPATH=str(detector)))

    assert done.stdout == "app ran\n"
    assert "detector 'names'" in done.stderr
    assert b"plain text" not in sink.everything()


LOADED = (
    "import sys; print([name for name in sys.modules if name.startswith('opentelemetry.sdk')],"
    " 'otel_distro.bootstrap.runtime' in sys.modules, 'otel_distro.settings' in sys.modules)"
)


@pytest.mark.parametrize(
    "command",
    [
        [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", LOADED],
        [str(BIN / "otel-distro"), "run", "--", sys.executable, "-c", LOADED],
        [sys.executable, "-c", f"import otel_distro; otel_distro.configure(); {LOADED}"],
    ],
    ids=["agent", "launcher", "in code"],
)
def test_switched_off_nothing_of_the_sdk_is_loaded(tmp_path: Path, command: list[str]) -> None:
    """For every way of starting the distribution."""
    done = run(command, clean_environment(tmp_path, OTEL_SDK_DISABLED="true"))

    assert (done.returncode, done.stdout, done.stderr) == (0, "[] False False\n", "")
