"""`otel-distro stack`: output for a healthy, faulty or absent stack."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from otel_distro.cli.stack_command import command
from otel_distro.stack import files
from otel_distro.stack.places import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator


class FakeStack:
    """Fakes every service of the stack at one address, with `answers` by path."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {
            "/api/v1/targets?state=active": (200, {"data": {"activeTargets": [_target("up")]}}),
            "/api/v1/rules": (200, {"data": {"groups": [{"rules": [_rule("ok")]}]}}),
        }
        stack = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                status, value = stack.answers.get(self.path, (200, {}))
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


def _target(health: str) -> dict[str, Any]:
    return {"health": health, "labels": {"job": "jaeger"}, "lastError": "connection refused"}


def _rule(health: str, state: str = "inactive") -> dict[str, Any]:
    return {"name": "LlmBudgetSpent", "health": health, "state": state}


@pytest.fixture
def stack() -> Iterator[FakeStack]:
    fake = FakeStack()
    threading.Thread(target=fake.server.serve_forever, args=(0.02,), daemon=True).start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


def check(url: str, *arguments: str) -> Result:
    names = ["otlp", *(place.service for place in PLACES)]
    options = [part for name in names for part in ("--at", f"{name}={url}")]
    return CliRunner().invoke(command, ["check", *options, *arguments])


def test_a_healthy_stack_exits_with_0(stack: FakeStack) -> None:
    """Every service is checked, with its purpose."""
    result = check(stack.url)

    assert result.exit_code == 0, result.output
    assert result.output.count("ok  ") == 9


def test_an_absent_stack_exits_with_1_and_the_start_command() -> None:
    """The remedy is a command."""
    result = check("http://127.0.0.1:9")

    assert result.exit_code == 1
    assert "connection refused" in result.output
    assert "run: docker compose up -d collector" in result.output


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        pytest.param("/-/ready", (503, {}), "docker compose logs prometheus", id="not ready"),
        pytest.param(
            "/v1/traces", (404, {}), "is something else on this port?", id="another program"
        ),
        pytest.param(
            "/api/v1/otlp/v1/metrics",
            (404, {}),
            "start it with --web.enable-otlp-receiver",
            id="no OTLP",
        ),
        pytest.param(
            "/api/v1/targets?state=active",
            (200, {"data": {"activeTargets": [_target("down")]}}),
            "not reached: jaeger (connection refused)",
            id="target down",
        ),
        pytest.param(
            "/api/v1/rules",
            (200, {"data": {"groups": [{"rules": [_rule("err")]}]}}),
            "cannot be evaluated: LlmBudgetSpent",
            id="broken rule",
        ),
        pytest.param(
            "/api/v1/rules",
            (200, {"data": {"groups": []}}),
            "none are loaded, so nothing alerts",
            id="no rules",
        ),
    ],
)
def test_faults_are_named_with_a_remedy(
    stack: FakeStack, path: str, answer: tuple[int, Any], message: str
) -> None:
    """Each known fault of the stack has a separate message."""
    stack.answers[path] = answer

    result = check(stack.url)

    assert result.exit_code == 1
    assert message in result.output


def test_a_firing_alert_is_reported_but_is_not_a_fault_of_the_stack(stack: FakeStack) -> None:
    """The stack works; the exit code stays 0."""
    stack.answers["/api/v1/rules"] = (
        200,
        {"data": {"groups": [{"rules": [_rule("ok", "firing")]}]}},
    )

    result = check(stack.url)

    assert result.exit_code == 0
    assert "firing: LlmBudgetSpent" in result.output


def test_the_check_can_be_read_by_programs(stack: FakeStack) -> None:
    """`--json` has one object per check."""
    result = check(stack.url, "--json")

    checks = json.loads(result.output)["checks"]
    assert {"status", "subject", "found", "remedy"} == set(checks[0])


def test_an_address_that_is_none_is_refused_with_the_names() -> None:
    """A typing error is wrong usage, not a stopped stack."""
    result = CliRunner().invoke(command, ["check", "--at", "jeager=http://x"])

    assert result.exit_code == 2
    assert "jaeger" in result.output


def test_urls_names_every_part() -> None:
    """One line per service: address and purpose."""
    result = CliRunner().invoke(command, ["urls"])

    assert result.exit_code == 0
    assert "http://localhost:4318" in result.output
    assert all(place.url in result.output for place in PLACES)


def test_config_writes_everything_compose_needs(tmp_path: Path) -> None:
    """The written files equal the shipped ones."""
    result = CliRunner().invoke(command, ["config", str(tmp_path / "stack")])

    assert result.exit_code == 0, result.output
    source = files.bundled()
    for name in ("docker-compose.yml", ".env.example", "collector-config/otelcol.yaml"):
        assert (tmp_path / "stack" / name).read_bytes() == (source / name).read_bytes()


def test_config_keeps_changed_files(tmp_path: Path) -> None:
    """Budgets are edited in place; a second run must keep the edits."""
    files.write_files(tmp_path)
    budgets = tmp_path / "collector-config/rules/budgets.yml"
    budgets.write_text("changed")

    kept = files.write_files(tmp_path)
    text_kept = budgets.read_text()
    files.write_files(tmp_path, overwrite=True)

    assert kept == []
    assert text_kept == "changed"
    assert budgets.read_text() != "changed"


def test_up_makes_a_password_that_only_the_owner_can_read(tmp_path: Path) -> None:
    """There is no default password, and other users cannot read it."""
    files.write_files(tmp_path)

    made = files.write_password(tmp_path)
    first = (tmp_path / ".env").read_text()
    second_password = files.write_password(tmp_path)

    assert (made, second_password) == (True, False)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    password = first.split("GRAFANA_ADMIN_PASSWORD=")[1].splitlines()[0]
    assert len(password) >= 32
    assert (tmp_path / ".env").read_text() == first


def test_up_without_docker_prints_the_alternatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback, exit code 1, a remedy."""
    monkeypatch.setenv("PATH", str(tmp_path))

    result = CliRunner().invoke(command, ["up", str(tmp_path / "stack")])

    assert result.exit_code == 1
    assert "docker is not installed here" in result.output


def test_up_runs_compose_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose waits until the services are healthy."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\npwd >> {tmp_path}/called\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")

    result = CliRunner().invoke(command, ["up", str(tmp_path / "stack")])

    assert result.exit_code == 0, result.output
    assert (tmp_path / "called").read_text().splitlines() == [
        "compose up --detach --wait",
        str(tmp_path / "stack"),
    ]
    assert (tmp_path / "stack" / ".env").exists()


def test_down_in_a_folder_without_a_stack_reports_that(tmp_path: Path) -> None:
    """Nothing is started or stopped by mistake."""
    result = CliRunner().invoke(command, ["down", str(tmp_path)])

    assert result.exit_code == 1
    assert "there is no docker-compose.yml" in result.output
