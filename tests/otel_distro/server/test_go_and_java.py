"""The SDKs of Go and Java as senders: all signals, HTTP and gRPC."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.otlp_messages import Server

pytestmark = [pytest.mark.process, pytest.mark.slow]
SENDERS = Path(__file__).with_name("senders")
SECRET = "mira.holt@corp-mail.example"


def run(command: list[str], folder: Path) -> None:
    """Run a build step, or skip if it fails, as without a network."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=400, check=False
    )
    if done.returncode:
        pytest.skip(f"{' '.join(command[:2])} does not work here: {done.stderr[-300:]}")


@pytest.fixture(scope="module")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a Go program."""
    if shutil.which("go") is None:
        pytest.skip("there is no go here")
    folder = tmp_path_factory.mktemp("go")
    for name in ("main.go", "go.mod"):
        shutil.copy(SENDERS / name, folder)
    run(["go", "mod", "tidy"], folder)
    run(["go", "build", "-o", "sender", "."], folder)
    return [str(folder / "sender")]


@pytest.fixture(scope="module")
def java_program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a Java program."""
    if any(shutil.which(tool) is None for tool in ("java", "javac", "mvn")):
        pytest.skip("there is no java, javac or mvn here")
    folder = tmp_path_factory.mktemp("java")
    for name in ("Sender.java", "pom.xml"):
        shutil.copy(SENDERS / name, folder)
    resolve = ["mvn", "dependency:build-classpath", "-q", "-B", "-Dmdep.outputFile=classpath.txt"]
    run(resolve, folder)
    classes = (folder / "classpath.txt").read_text().strip()
    run(["javac", "-cp", classes, "Sender.java"], folder)
    return ["java", "-cp", f"{folder}{os.pathsep}{classes}", "Sender"]


def check_received(server: Server, command: list[str], kind: str) -> None:
    """Run a program and check the records stored by the server."""
    traces = f"http://{server.grpc}" if kind == "grpc" else f"{server.http}/v1/traces"
    environ = {
        **os.environ,
        "OTEL_SERVICE_NAME": "sender",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc" if kind == "grpc" else "http/protobuf",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": traces,
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{server.http}/v1/logs",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{server.http}/v1/metrics",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    done = subprocess.run(
        [*command, kind, SECRET],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trace = done.stdout.strip()
    spans = json.loads(server.run("traces", trace, "--json"))
    (record,) = json.loads(server.run("logs", "--trace", trace, "--json"))
    (metric,) = json.loads(server.run("metrics", "sdk.orders", "--json"))
    costs = json.loads(server.run("costs", "--since", "24h", "--json"))["total"]

    everything = json.dumps([spans, record, metric])
    assert SECRET not in everything
    assert everything.count("[EMAIL]") >= 4
    assert [span["name"] for span in spans] == ["GET /plan", "chat gpt-4o"]
    assert spans[1]["attributes"]["app.ratio"] == 0.5
    assert spans[1]["status"] == "error"
    assert record["span_id"] == spans[1]["span_id"]
    assert metric["points"][-1]["value"] == 3
    assert (costs["calls"], costs["cost_nano_usd"]) == (1, 6_000_000)


@pytest.mark.go
@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_go_programs_are_received(go_program: list[str], server: Server, kind: str) -> None:
    """Redacted, priced, with their logs and metrics."""
    check_received(server, go_program, kind)


@pytest.mark.java
@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_java_programs_are_received(java_program: list[str], server: Server, kind: str) -> None:
    """Redacted, priced, with their logs and metrics."""
    check_received(server, java_program, kind)
