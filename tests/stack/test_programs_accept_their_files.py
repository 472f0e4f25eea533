"""Every file of the stack is valid for its program."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.running import CONFIG, ROOT, binary

pytestmark = pytest.mark.stack


def accepts(command: list[str], **environ: str) -> str:
    """Run a validation; return its output, or fail with it."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout or done.stderr


@pytest.mark.parametrize("name", ["otelcol.yaml", "otelcol-gateway.yaml"])
def test_the_collector_accepts_its_file(name: str) -> None:
    """Components, their settings and the graph of pipelines, with every default."""
    accepts([binary("otelcol"), "validate", f"--config=collector-config/{name}"])


def test_a_younger_collector_accepts_the_agents_file() -> None:
    """Load balancing by trace id; the pinned version lacks that exporter."""
    accepts([binary("otelcol-fleet"), "validate", "--config=collector-config/otelcol-agent.yaml"])


@pytest.mark.parametrize(
    ("program", "kind", "instead"),
    [
        pytest.param("otelcol", "exporters", {"debug": {}}, id="Kafka's half"),
        pytest.param(
            "otelcol-fleet",
            "receivers",
            {"otlp": {"protocols": {"grpc": {}}}},
            id="ClickHouse's half",
        ),
    ],
)
def test_two_collectors_accept_the_file_of_ingestion_by_halves(
    program: str, kind: str, instead: dict[str, Any], tmp_path: Path
) -> None:
    """No available version has both components; each half is validated by a real one."""
    config = yaml.safe_load((CONFIG / "otelcol-ingest.yaml").read_text())
    config[kind] = instead
    for pipeline in config["service"]["pipelines"].values():
        pipeline[kind] = list(instead)
    file = tmp_path / "half.yaml"
    file.write_text(yaml.safe_dump(config))

    accepts(
        [binary(program), "validate", f"--config={file}"], CLICKHOUSE_PASSWORD="only-to-validate"
    )


def test_the_collector_accepts_keeping_every_trace() -> None:
    """The variable that .env.example offers."""
    accepts(
        [binary("otelcol"), "validate", "--config=collector-config/otelcol.yaml"],
        OTELCOL_STORE_PROCESSORS="[]",
    )


def test_the_collector_refuses_to_run_without_the_second_line(tmp_path: Path) -> None:
    """Without its redaction rules it does not start."""
    done = subprocess.run(
        [binary("otelcol"), "validate", "--config=collector-config/otelcol.yaml"],
        cwd=ROOT,
        env={"OTELCOL_CONFIG_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode != 0
    assert "redaction.yaml" in done.stderr


def test_jaeger_accepts_its_file() -> None:
    """Jaeger is a Collector inside, and checks its file as one."""
    accepts([binary("jaeger"), "validate", "--config=collector-config/jaeger.yaml"])


def test_prometheus_accepts_its_file_and_all_rules() -> None:
    """The file, the targets and the rules it names."""
    output = accepts([binary("promtool"), "check", "config", "collector-config/prometheus.yml"])

    assert f"{len(list((CONFIG / 'rules').glob('*.yml')))} rule files found" in output
    assert "prometheus.yml is valid" in output


def test_prometheus_knows_every_flag_it_is_given() -> None:
    """With a renamed flag the container would not start."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    output = accepts([binary("prometheus"), "--help-long"])

    for flag in compose["services"]["prometheus"]["command"]:
        name, _, value = flag.partition("=")
        assert name.replace("--", "") in output
        if name == "--enable-feature":
            assert all(feature in output for feature in value.split(","))


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", sorted((CONFIG / "rules/tests").glob("*.yml")), ids=lambda p: p.name
)
def test_rules_pass_their_tests(path: Path) -> None:
    """Burn rates, spikes, leaks and silence, simulated by promtool."""
    accepts([binary("promtool"), "test", "rules", str(path)])


def test_every_alert_of_money_and_privacy_has_a_rule_test() -> None:
    """Alerts that page a person are simulated first."""
    alerts = {
        rule["alert"]
        for path in (CONFIG / "rules").glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if rule.get("labels", {}).get("severity") == "page" and "alert" in rule
    }
    tested = set(
        re.findall(
            r"alertname: (\w+)",
            "".join(p.read_text() for p in (CONFIG / "rules/tests").glob("*.yml")),
        )
    )

    assert alerts - tested == set()


def test_alertmanager_accepts_its_file() -> None:
    """Routes, inhibitions and receivers."""
    accepts([binary("amtool"), "check-config", "collector-config/alertmanager.yml"])


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["severity=page", "topic=cost"], "page"),
        (["severity=page", "topic=privacy"], "privacy"),
        (["severity=ticket", "topic=cost"], "ticket"),
        (["alertname=Unknown"], "ticket"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_alerts_are_routed_by_urgency(labels: list[str], receiver: str) -> None:
    """A page goes to the pager, a leak to the privacy receiver, the rest to tickets."""
    output = accepts(
        [
            binary("amtool"),
            "config",
            "routes",
            "test",
            "--config.file=collector-config/alertmanager.yml",
            *labels,
        ]
    )

    assert output.split()[-1] == receiver


def test_binaries_have_the_versions_of_the_images() -> None:
    """The tests run the programs that `docker compose up` starts."""
    compose = (ROOT / "docker-compose.yml").read_text()
    script = (ROOT / "tests/stack/build-binaries.sh").read_text()

    for image, variable in (
        ("otel/opentelemetry-collector-contrib:", "OTELCOL_VERSION"),
        ("jaegertracing/jaeger:", "JAEGER_VERSION"),
        ("prom/prometheus:v", "PROMETHEUS_VERSION"),
        ("prom/alertmanager:v", "ALERTMANAGER_VERSION"),
    ):
        (version,) = re.findall(rf"^{variable}=(.+)$", script, re.MULTILINE)
        assert set(re.findall(rf"{re.escape(image)}(\S+)", compose)) == {version}
