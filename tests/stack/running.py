"""Runs the shipped files with the real programs, as plain processes on free loopback ports."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.process import clean_environment, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "collector-config"
BUILD = "tests/stack/build-binaries.sh"


def cache() -> Path:
    """Output folder of build-binaries.sh."""
    if folder := os.environ.get("OTEL_STACK_CACHE"):
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "otel-distro" / "stack"


def binary(name: str) -> str:
    """The program *name*, or a skip with the way to get it."""
    found = sorted((cache() / "bin").glob(f"{name}-[0-9]*")) or [cache() / "bin" / name]
    if not found[-1].is_file():
        pytest.skip(f"no {name} in {cache() / 'bin'}: run {BUILD}")
    return str(found[-1])


@dataclass
class Program:
    """One real server: started, observed, ended by process id."""

    name: str
    command: list[str]
    environ: dict[str, str]
    folder: Path
    ready: str
    """URL that answers 200 once it serves."""
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self, timeout: float = 60) -> None:
        """Start it and wait until it serves."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environ, cwd=self.folder, stdout=log, stderr=log
            )
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                if get(self.ready)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        pytest.fail(f"{self.name} does not serve:\n{self.log.read_text()[-4000:]}")

    def stop(self, *, sig: signal.Signals = signal.SIGTERM, timeout: float = 30) -> None:
        """End it; SIGKILL simulates a crash."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(sig)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None


@dataclass
class Stack:
    """Collector, Jaeger, Prometheus and Alertmanager of the shipped files in one folder."""

    folder: Path
    ports: dict[str, int] = field(default_factory=dict)
    programs: dict[str, Program] = field(default_factory=dict)

    def port(self, name: str) -> int:
        return self.ports.setdefault(name, free_port())

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}"

    @property
    def statsd_socket(self) -> Path:
        # Not below the folder of a test, whose path may be too long for a socket.
        return Path(tempfile.gettempdir()) / f"otelcol-{self.port('statsd')}.sock"

    @property
    def otlp(self) -> str:
        return self.url("otlp_http")

    def prepare(self, *, limit_usd: float | None = None) -> None:
        """Copy the shipped files; change targets and the scrape interval of Prometheus."""
        shutil.copytree(CONFIG, self.folder / "config")
        targets = self.folder / "config" / "targets"
        for name, port in (
            ("collector", "otelcol_metrics"),
            ("jaeger", "jaeger_metrics"),
            ("prometheus", "prometheus"),
            ("alertmanager", "alertmanager"),
        ):
            (targets / f"{name}.yml").write_text(f"- targets: ['127.0.0.1:{self.port(port)}']\n")
        self._edit("prometheus.yml", "_interval: 15s", "_interval: 1s")
        self._edit("rules/cost.yml", "interval: 5m", "interval: 1s")
        if limit_usd is not None:
            self._edit("rules/budgets.yml", "vector(1000)", f"vector({limit_usd})")

    def _edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / "config" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def environ(self, **more: str) -> dict[str, str]:
        config = str(self.folder / "config")
        given = {
            "OTELCOL_CONFIG_DIR": config,
            "OTELCOL_STATE_DIR": str(self.folder / "otelcol"),
            "OTELCOL_OTLP_GRPC_PORT": str(self.port("otlp_grpc")),
            "OTELCOL_OTLP_HTTP_PORT": str(self.port("otlp_http")),
            "OTELCOL_HEALTH_PORT": str(self.port("otelcol_health")),
            "OTELCOL_METRICS_PORT": str(self.port("otelcol_metrics")),
            "OTELCOL_STATSD_PORT": str(self.port("statsd")),
            "OTELCOL_STATSD_SOCKET": str(self.statsd_socket),
            "OTELCOL_STATSD_INTERVAL": "1s",
            "OTELCOL_FLUSH_INTERVAL": "1s",
            "JAEGER_OTLP_ENDPOINT": f"127.0.0.1:{self.port('jaeger_otlp')}",
            "JAEGER_CONFIG_DIR": config,
            "JAEGER_STATE_DIR": str(self.folder / "jaeger"),
            "JAEGER_OTLP_PORT": str(self.port("jaeger_otlp")),
            "JAEGER_HTTP_PORT": str(self.port("jaeger")),
            "JAEGER_GRPC_PORT": str(self.port("jaeger_grpc")),
            "JAEGER_HEALTH_PORT": str(self.port("jaeger_health")),
            "JAEGER_METRICS_PORT": str(self.port("jaeger_metrics")),
            "PROMETHEUS_URL": self.url("prometheus"),
        }
        return clean_environment(self.folder, **{**given, **more})

    def jaeger(self, **environ: str) -> Program:
        config = self.folder / "config" / "jaeger.yaml"
        command = [binary("jaeger"), f"--config={config}"]
        return self._program("jaeger", command, f"{self.url('jaeger')}/api/services", environ)

    def collector(self, **environ: str) -> Program:
        config = self.folder / "config" / "otelcol.yaml"
        command = [binary("otelcol"), f"--config={config}"]
        return self._program("collector", command, self.url("otelcol_health"), environ)

    def agent(self) -> Program:
        """The Collector beside the programs, with this stack's Collector as its gateway."""
        config = self.folder / "config" / "otelcol-agent.yaml"
        environ = {
            "GATEWAY_HOSTNAME": "127.0.0.1",
            "GATEWAY_PORT": str(self.port("otlp_grpc")),
            "OTELCOL_STATE_DIR": str(self.folder / "agent"),
            "OTELCOL_OTLP_GRPC_PORT": str(self.port("agent_grpc")),
            "OTELCOL_OTLP_HTTP_PORT": str(self.port("agent_http")),
            "OTELCOL_HEALTH_PORT": str(self.port("agent_health")),
            "OTELCOL_METRICS_PORT": str(self.port("agent_metrics")),
        }
        command = [binary("otelcol-fleet"), f"--config={config}"]
        return self._program("agent", command, self.url("agent_health"), environ)

    def prometheus(self) -> Program:
        flags = prometheus_flags()
        command = [
            binary("prometheus"),
            f"--config.file={self.folder / 'config' / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{self.port('prometheus')}",
            *[f for f in flags if not f.startswith(("--config.file", "--storage.tsdb.path"))],
        ]
        return self._program("prometheus", command, f"{self.url('prometheus')}/-/ready", {})

    def alertmanager(self) -> Program:
        command = [
            binary("alertmanager"),
            f"--config.file={self.folder / 'config' / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self.port('alertmanager')}",
            "--cluster.listen-address=",
        ]
        return self._program("alertmanager", command, f"{self.url('alertmanager')}/-/ready", {})

    def _program(
        self, name: str, command: list[str], ready: str, environ: dict[str, str]
    ) -> Program:
        program = Program(name, command, self.environ(**environ), self.folder, ready)
        self.programs[name] = program
        return program

    def stop(self) -> None:
        for program in reversed(list(self.programs.values())):
            program.stop()

    def query(self, expr: str) -> list[dict[str, Any]]:
        """The samples of an instant query."""
        parameters = urllib.parse.urlencode({"query": expr})
        found: list[dict[str, Any]] = self.ask("prometheus", f"/api/v1/query?{parameters}")["data"][
            "result"
        ]
        return found

    def value(self, expr: str) -> float:
        """The value of the one sample of an instant query; 0 without a sample."""
        return sum(float(sample["value"][1]) for sample in self.query(expr))

    def traces(self, service: str, *, limit: int = 1000) -> list[dict[str, Any]]:
        """Traces of *service* in Jaeger."""
        found: list[dict[str, Any]] = self.ask(
            "jaeger", f"/api/traces?service={service}&limit={limit}&lookback=1h"
        )["data"]
        return found

    def ask(self, name: str, path: str) -> Any:
        status, body = get(self.url(name) + path)
        assert status == 200, body[:1000]
        return json.loads(body)


def prometheus_flags() -> list[str]:
    """The flags that docker-compose.yml gives Prometheus."""
    import yaml

    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    flags: list[str] = compose["services"]["prometheus"]["command"]
    return flags


def get(url: str, *, timeout: float = 10) -> tuple[int, bytes]:
    """Status and body of a GET on loopback."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def post_json(url: str, value: Any, *, timeout: float = 10) -> int:
    """Status of a POST of JSON; OSError without an answer."""
    request = urllib.request.Request(
        url, json.dumps(value).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def eventually(look: Callable[[], Any], *, timeout: float = 60, every: float = 0.5) -> Any:
    """Return the result of *look* once it is true; its last result after the timeout."""
    until = time.monotonic() + timeout
    while True:
        found = look()
        if found or time.monotonic() > until:
            return found
        time.sleep(every)
