"""What `doctor` says of instrumentations: whether they would record anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.process import BIN, clean_environment, run

pytestmark = pytest.mark.process


def check_of(tmp_path: Path, library: str, package: str, entry: str, **files: str) -> str:
    site = tmp_path / "site"
    info = site / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (site / f"{library}.py").write_text("")
    (site / "fake_instrumentor.py").write_text(files.get("body", "class Fake: ...\n"))
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
    (info / "METADATA").write_text(metadata + files.get("metadata", ""))
    (info / "entry_points.txt").write_text(
        f"[opentelemetry_instrumentor]\n{entry} = fake_instrumentor:Fake\n"
    )
    environ = clean_environment(tmp_path, PYTHONPATH=str(site))
    done = run([str(BIN / "otel-distro"), "doctor", "--json"], environ)
    checks = {check["subject"]: check for check in json.loads(done.stdout)["checks"]}
    check = checks[f"{library} calls"]
    return f"{check['status']}: {check['found']}"


def test_a_package_for_a_library_of_a_longer_name_is_not_taken_for_it(tmp_path: Path) -> None:
    """`groq-agents` is not `groq`."""
    found = check_of(tmp_path, "groq", "opentelemetry-instrumentation-groq-agents", "groq_agents")

    assert found == "warn: the library is installed but nothing makes spans of its calls"


@pytest.mark.parametrize("library", ["cohere", "mistralai"])
def test_a_client_with_its_package_is_instrumented(tmp_path: Path, library: str) -> None:
    """By either maker of instrumentations."""
    found = check_of(tmp_path, library, f"openinference-instrumentation-{library}", library)

    assert found == "ok: instrumented"


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    """The agent leaves the instrumentation out without a word."""
    body = "import no_such_part\n"
    found = check_of(tmp_path, "groq", "opentelemetry-instrumentation-groq", "groq", body=body)

    assert found.startswith("warn: instrumentation is installed but cannot be used")
    assert "no_such_part" in found


def test_a_version_that_the_instrumentation_does_not_know_is_named(tmp_path: Path) -> None:
    """It is made for an older library."""
    metadata = 'Requires-Dist: click<1; extra == "instruments"\nProvides-Extra: instruments\n'
    found = check_of(
        tmp_path, "groq", "opentelemetry-instrumentation-groq", "groq", metadata=metadata
    )

    assert found.startswith("warn: instrumentation is installed but cannot be used")
    assert "click" in found
