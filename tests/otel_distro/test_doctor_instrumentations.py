"""`doctor` says "instrumented" only where calls are recorded."""

from __future__ import annotations

import json
import textwrap
import time
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from otel_distro.bootstrap.instrumentation.model_clients import untried_version_of
from otel_pricing.model.instrumentations import MODEL_CLIENTS
from support.otlp_archive import chat_span, write_archive
from support.process import BIN, clean_environment, instrumented, run

pytestmark = pytest.mark.process

INSTRUMENTOR = """
{needs}
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

class Theirs(BaseInstrumentor):
    def instrumentation_dependencies(self):
        return []
    def _instrument(self, **kwargs):
        {activate}
    def _uninstrument(self, **kwargs):
        pass
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages as pip would leave them: a model client, nothing else."""
    folder = tmp_path / "site"
    package(folder, "cohere", "5.2", modules={"cohere": ""})
    return folder


def package(
    folder: Path,
    name: str,
    version: str,
    *,
    modules: dict[str, str],
    entry_point: str = "",
    requires: str = "",
) -> None:
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if requires:
        metadata += f"Provides-Extra: instruments\nRequires-Dist: {requires}\n"
    (info / "METADATA").write_text(metadata)
    if entry_point:
        (info / "entry_points.txt").write_text(f"[opentelemetry_instrumentor]\n{entry_point}\n")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(textwrap.dedent(source))


def instrumentation(
    folder: Path,
    *,
    name: str = "cohere",
    needs: str = "",
    activate: str = "pass",
    requires: str = 'cohere<6; extra == "instruments"',
) -> None:
    package(
        folder,
        f"opentelemetry-instrumentation-{name}",
        "1.0",
        modules={f"{name}_instrumentor": INSTRUMENTOR.format(needs=needs, activate=activate)},
        entry_point=f"{name} = {name}_instrumentor:Theirs",
        requires=requires,
    )


def cohere_check(home: Path, folder: Path, **more: str) -> dict[str, str]:
    environ = clean_environment(home, PYTHONPATH=str(folder), **more)
    done = run([str(BIN / "otel-distro"), "doctor", "--json"], environ)
    checks = json.loads(done.stdout)["checks"]
    return next(check for check in checks if check["subject"] == "cohere calls")


@pytest.mark.slow
def test_an_instrumentation_without_a_span_yet_is_not_called_instrumented(
    tmp_path: Path, site: Path
) -> None:
    """It can be activated, but there is no evidence yet."""
    instrumentation(site)

    assert cohere_check(tmp_path, site)["found"] == (
        "billed from the wire; an instrumentation is active, none was seen so far"
    )


@pytest.mark.slow
def test_a_client_without_instrumentation_is_billed_from_the_wire(
    tmp_path: Path, site: Path
) -> None:
    """No package is needed."""
    check = cohere_check(tmp_path, site)

    assert (check["status"], check["remedy"]) == ("ok", "")
    assert check["found"] == ("billed from the wire; no span from an instrumentation: ours is made")


@pytest.mark.slow
def test_without_the_wire_a_client_needs_an_instrumentation(tmp_path: Path, site: Path) -> None:
    """With the package to install."""
    check = cohere_check(tmp_path, site, OTEL_DISTRO_WIRE="off")

    assert check["status"] == "warn"
    assert check["remedy"] == "pip install opentelemetry-instrumentation-cohere"


@pytest.mark.slow
def test_a_client_whose_spans_the_ledger_has_is_instrumented(tmp_path: Path, site: Path) -> None:
    """With or without an installed package."""
    span = chat_span(1, start_ns=time.time_ns() - 3_600 * 10**9)
    scope = "opentelemetry.instrumentation.cohere"
    archive = write_archive(tmp_path / "spans.jsonl", span, scope_name=scope)
    clean = clean_environment(tmp_path)
    run([str(BIN / "otel-distro"), "ledger", "import", str(archive)], clean)

    found = cohere_check(tmp_path, site)["found"]

    assert found == "instrumented: spans of 1 call in 7 days"


@pytest.mark.slow
def test_versions_that_do_not_fit_are_named(tmp_path: Path, site: Path) -> None:
    """Both the required and the installed version; calls are billed in either case."""
    instrumentation(site, requires='cohere<5; extra == "instruments"')

    check = cohere_check(tmp_path, site)

    assert check["status"] == "warn"
    assert check["found"] == (
        "billed from the wire; the instrumentation makes no spans, ours are made: "
        "opentelemetry-instrumentation-cohere works with cohere<5, installed is cohere 5.2"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    [{"needs": "import nonesuch.part"}, {"activate": "import nonesuch.part"}],
    ids=["on import", "on activation"],
)
def test_a_missing_part_is_named(tmp_path: Path, site: Path, broken: dict[str, str]) -> None:
    """At its first use."""
    instrumentation(site, **broken)

    check = cohere_check(tmp_path, site, OTEL_DISTRO_WIRE="off")

    assert check["status"] == "fail"
    assert check["found"].endswith("cannot be activated: module nonesuch is missing")


@pytest.mark.slow
def test_the_instrumentation_of_a_neighbour_does_not_count(tmp_path: Path, site: Path) -> None:
    """cohere-tools is not cohere, as openai-agents is not openai."""
    instrumentation(site, name="cohere_tools")

    assert "no span from an instrumentation" in cohere_check(tmp_path, site)["found"]


def test_a_missing_part_is_reported_when_the_library_is_imported(
    tmp_path: Path, site: Path
) -> None:
    """One line; upstream says nothing."""
    instrumentation(site, needs="import nonesuch.part", requires="")
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    environ = clean_environment(tmp_path, PYTHONPATH=str(site), **exporters)
    done = instrumented("import cohere; print('app ran')", environ)

    assert done.stdout == "app ran\n"
    assert done.stderr == (
        "otel_distro: cohere is imported but not instrumented: module nonesuch, which "
        "opentelemetry-instrumentation-cohere needs, is missing; run `otel-distro doctor`\n"
    )


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ("1.2", "older than 1.3b0, the oldest version that is known to work"),
        ("1.3b0", None),
        ("2", None),
        ("unreadable", None),
    ],
)
def test_an_older_instrumentation_than_those_that_were_tried_is_named(
    tmp_path: Path, installed: str, expected: str | None
) -> None:
    """Its spans may lack attributes for billing."""
    name = "opentelemetry-instrumentation-genai-openai"
    package(tmp_path, name, installed, modules={}, entry_point="openai = theirs:Theirs")
    (found,) = Distribution.discover(path=[str(tmp_path)])
    (entry_point,) = (entry for entry in found.entry_points)
    openai = next(client for client in MODEL_CLIENTS if client.name == "openai")

    note = untried_version_of(entry_point, openai)

    assert note == (expected and f"{name} {installed} is {expected}")


def test_the_known_clients_are_the_most_used_ones() -> None:
    """Each with distinct names."""
    names = [name for client in MODEL_CLIENTS for name in client.instrumentors]

    assert len(names) == len(set(names))
    assert {client.name for client in MODEL_CLIENTS} >= {
        "openai", "anthropic", "google-genai", "langchain", "llama-index", "openai-agents",
        "litellm", "mistralai", "cohere", "groq", "together", "ollama", "huggingface_hub", "boto3",
    }  # fmt: skip
