"""The API without telemetry: no effect, no cost, no change."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from support.connection_counter import ConnectionCounter
from support.process import Finished, clean_environment, instrumented, run

pytestmark = pytest.mark.process

APP = """
import asyncio, sys
import otel_distro
from otel_distro import consent, current_trace_id, event_span, measure, session, tenant, traced
from otel_distro import feature_flag, track_event, user

@traced
async def answer():
    return 42

@traced
def numbers():
    yield from range(3)

with session("s"), user("ada"), tenant("acme"), feature_flag("f"), measure("m") as measured:
    with event_span("agent", agent="a"):
        track_event("session.start")
        print(asyncio.run(answer()), list(numbers()), current_trace_id())
print(measured.duration_ms >= 0, otel_distro.snapshot().operations["numbers"].calls)
print("opentelemetry.sdk" in sys.modules)
"""
EXPECTED = "42 [0, 1, 2] no-trace\nTrue 1\n"


def plain(script: str, home: Path, **more: str) -> Finished:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    return run(command, clean_environment(home, **more))


def test_without_an_sdk_everything_runs_and_nothing_is_loaded(tmp_path: Path) -> None:
    """And no file is created."""
    done = plain(APP, tmp_path)

    assert (done.stdout, done.stderr) == (EXPECTED + "False\n", "")
    assert list(tmp_path.iterdir()) == []


def test_switched_off_under_the_agent_it_is_the_same(tmp_path: Path) -> None:
    """No connection, no file."""
    with ConnectionCounter() as connections:
        environ = clean_environment(
            tmp_path, OTEL_SDK_DISABLED="true", OTEL_EXPORTER_OTLP_ENDPOINT=connections.url
        )
        done = instrumented(APP, environ)

    assert done.stdout.startswith(EXPECTED), done.stderr
    assert connections.count == 0
    assert list(tmp_path.iterdir()) == []


def test_names_are_loaded_when_they_are_used(tmp_path: Path) -> None:
    """Importing the package loads none of its modules."""
    done = plain(
        """
        import sys, otel_distro
        print(sorted(m for m in sys.modules if m.startswith(("otel_", "opentelemetry"))))
        print(all(hasattr(otel_distro, name) for name in otel_distro.__all__))
        try:
            otel_distro.sesion
        except AttributeError as error:
            print(error)
        """,
        tmp_path,
    )

    assert done.stdout.splitlines() == [
        "['otel_distro']",
        "True",
        "module 'otel_distro' has no attribute 'sesion'",
    ], done.stderr
