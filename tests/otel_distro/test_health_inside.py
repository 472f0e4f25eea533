"""Health of processes: their state files, and `/healthz` on loopback."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from otel_distro.reports.health.board import Board, running
from otel_distro.reports.health.processes import check_processes
from support.process import BIN, clean_environment, free_port, instrumented, run

if TYPE_CHECKING:
    from pathlib import Path

WELL = {"pid": 1, "guard_ok": True, "ledger_waiting": 0, "ledger_fault": "", "faults": {}}


def test_a_process_writes_its_state_until_it_ends(tmp_path: Path) -> None:
    """In a file that only its owner may read."""
    board = Board(tmp_path, lambda: dict(WELL))
    board.write()

    assert list(running(tmp_path)) == [WELL]
    (path,) = (tmp_path / "processes").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    board.close()
    assert list(running(tmp_path)) == []


def test_files_of_a_dead_process_are_removed(tmp_path: Path) -> None:
    """The kernel has released its lock."""
    board = Board(tmp_path, lambda: dict(WELL))
    board.write()
    assert board._own is not None
    board._own.close()

    assert list(running(tmp_path)) == []
    assert list((tmp_path / "processes").iterdir()) == []


def test_a_shorter_state_replaces_a_longer_one(tmp_path: Path) -> None:
    """Without remains of the old one."""
    states: list[dict[str, Any]] = [{**WELL, "faults": {"ledger": 12345}}, dict(WELL)]
    board = Board(tmp_path, lambda: states.pop(0))
    board.write()
    board.write()

    assert list(running(tmp_path)) == [WELL]
    board.close()


@pytest.mark.parametrize(
    ("state", "check", "status"),
    [
        ({}, "guard", "healthy"),
        ({"guard_ok": False}, "guard", "critical"),
        ({"ledger_waiting": 12}, "ledger lag", "healthy"),
        ({"ledger_waiting": 1200}, "ledger lag", "warning"),
        ({"ledger_waiting": 1, "ledger_fault": "disk_full"}, "ledger lag", "degraded"),
        ({"faults": {"redaction": 1}}, "own errors", "warning"),
    ],
)
def test_states_of_processes_are_judged(state: dict[str, Any], check: str, status: str) -> None:
    """One unhealthy process is enough."""
    found = {one.name: one for one in check_processes([WELL, {**WELL, **state}])}

    assert found[check].status == status


def test_open_spans_of_all_processes_are_listed_by_name() -> None:
    """At most five names, without terminal escapes."""
    many = {f"work {n}": 10 - n for n in range(9)}
    states = [{**WELL, "open_spans": {"\x1b[2Jwork": 20}}, {**WELL, "open_spans": many}]
    found = {one.name: one for one in check_processes([*states, WELL])}["open spans"]

    assert found.value == 20 + sum(many.values())
    assert found.found.isprintable()
    assert found.found.endswith("work 0 (10), work 1 (9), work 2 (8), work 3 (7), ...")


def test_without_processes_nothing_is_judged() -> None:
    """Without data there is no status."""
    assert list(check_processes([])) == []


def get(url: str, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@pytest.mark.slow
@pytest.mark.process
def test_an_app_answers_probes_and_others_see_that_it_runs(tmp_path: Path) -> None:
    """Off unless a port is set; loopback names only; nothing but /healthz."""
    port = free_port()
    environ = clean_environment(
        tmp_path,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_DISTRO_HEALTH_PORT=str(port),
        OTEL_SERVICE_NAME="checkout",
    )
    script = """
import time
from opentelemetry import trace
tracer = trace.get_tracer("app")
spans = [tracer.start_span(name) for name in ("upload", "upload", "mail ada@lovelace.example")]
time.sleep(30)
"""
    app = subprocess.Popen(
        [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", script], env=environ
    )
    try:
        url = f"http://127.0.0.1:{port}/healthz"
        deadline = time.monotonic() + 20
        status, data = 0, dict[str, Any]()
        while time.monotonic() < deadline:
            try:
                status, data = get(url)
                if "guard" in data["checks"]:
                    break
            except OSError:
                pass
            time.sleep(0.2)
        assert status in {200, 503}
        assert data["checks"]["guard"]["status"] == "healthy"
        assert data["checks"]["guard"]["found"] == "in place in 1 of 1 process"
        going_on = data["checks"]["open spans"]
        assert going_on["found"] == "3 now: upload (2), mail [EMAIL] (1)"
        assert get(f"http://127.0.0.1:{port}/other")[0] == 404
        assert get(url, Host="evil.example")[0] == 403
        done = run([str(BIN / "otel-distro"), "reports", "health", "--json"], environ)
        assert json.loads(done.stdout)["checks"]["guard"]["value"] == 0
    finally:
        app.kill()
        app.wait()

    done = run([str(BIN / "otel-distro"), "reports", "health", "--json"], environ)
    assert "guard" not in json.loads(done.stdout)["checks"]


@pytest.mark.process
def test_a_port_in_use_is_reported_and_does_no_harm(tmp_path: Path) -> None:
    """The app runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environ = clean_environment(
            tmp_path,
            OTEL_TRACES_EXPORTER="none",
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
            OTEL_DISTRO_HEALTH_PORT=str(taken.getsockname()[1]),
        )
        done = instrumented("print('ran')", environ)

    assert done.stdout.strip() == "ran"
    assert "OTEL_DISTRO_HEALTH_PORT" in done.stderr
