"""`otel-distro doctor --startup`: start-up time by part."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from otel_distro.reports.doctor.startup import Imports, Phase, imports_of, phases_of, remedies_for
from support.process import clean_environment, run

MS = 1_000_000

REPORT = """
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:      2000 |       2100 | opentelemetry.sdk.trace
import time:       500 |        500 |   opentelemetry.sdk.resources
import time:      9000 |       9000 | flask.app
otel_distro: said something in between
"""


def test_the_parts_of_a_start_add_up_to_all_of_it() -> None:
    """Untimed parts are named as well."""
    taken = [("providers", 60 * MS, 90 * MS), ("settings", 50 * MS, 60 * MS)]

    phases = phases_of(taken, began=0, ready=100 * MS, bare_ms=15.0)

    assert [phase.ms for phase in phases] == [15.0, 35.0, 10.0, 30.0, 10.0]
    assert [phase.name for phase in phases[2:4]] == ["settings", "providers"]


def test_a_start_without_telemetry_has_one_part() -> None:
    """Switched off, or another distribution was chosen."""
    assert phases_of([], began=0, ready=20 * MS, bare_ms=20.0) == (Phase("interpreter", 20.0),)


def test_imports_are_added_up_by_package_the_slowest_first() -> None:
    """Each module counts without its own imports."""
    assert imports_of(REPORT) == (
        Imports("flask", 9.0, 1),
        Imports("opentelemetry.sdk", 2.5, 2),
        Imports("(standard library)", 0.1, 1),
    )


def test_a_slow_instrumentor_is_named_with_the_variable_that_disables_it() -> None:
    """Together with those already disabled."""
    phases = [Phase("instrumentor flask", 94.0), Phase("instrumentor logging", 2.0)]
    environ = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis"}

    remedies = list(remedies_for(phases, environ))

    assert remedies[0].startswith("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=redis,flask leaves out")
    assert not any("logging" in remedy for remedy in remedies)


@pytest.mark.slow
@pytest.mark.process
def test_the_command_measures_fresh_processes_in_the_users_environment(tmp_path: Path) -> None:
    """As text and as JSON."""
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    environ = clean_environment(tmp_path, **exporters)
    command = [sys.executable, "-m", "otel_distro", "doctor", "--startup"]

    report = run(command, environ)
    found = json.loads(run([*command, "--json"], environ).stdout)["startup"]

    assert report.returncode == 0, report.stderr
    assert "part of the start" in report.stdout
    assert found["ms"] > found["bare_ms"] > 0
    names = [phase["name"] for phase in found["phases"]]
    assert "providers and exporters" in names
    assert "instrumentor logging" in names
    assert sum(phase["ms"] for phase in found["phases"]) == pytest.approx(found["ms"], rel=0.05)
    assert "opentelemetry.sdk" in {each["package"] for each in found["imports"]}
