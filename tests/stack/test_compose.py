"""Guarantees of the compose file, read from the file (no engine needed)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PARTS = {"collector", "jaeger", "prometheus", "alertmanager", "grafana"}
SERVICE_KEYS = {
    "cap_add", "cap_drop", "command", "cpus", "depends_on", "entrypoint", "environment",
    "healthcheck", "image", "logging", "mem_limit", "network_mode", "ports", "profiles",
    "read_only", "restart", "security_opt", "tmpfs", "ulimits", "user", "volumes",
}  # fmt: skip
every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_file_is_valid_for_the_compose_specification() -> None:
    """Checked against the specification's own schema, where its checker is installed."""
    pytest.importorskip("check_jsonschema", reason="pip install check-jsonschema")

    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, "docker-compose.yml"], cwd=ROOT, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout


def test_without_a_profile_the_five_parts_start() -> None:
    """`docker compose up` starts everything that a user looks at without a flag."""
    default = {name for name, service in SERVICES.items() if "profiles" not in service}

    assert default == PARTS | {"volume-owners"}


def test_kafka_and_clickhouse_start_only_for_scale() -> None:
    """A laptop does not need services of a fleet."""
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["scale"]} == {
        "gateway", "ingest", "scale-volume-owners", "kafka", "clickhouse",
    }  # fmt: skip


@every_service
def test_only_known_keys_are_used(name: str) -> None:
    """A typing error in a key would otherwise be found by the first user."""
    assert set(SERVICES[name]) <= SERVICE_KEYS


@every_service
def test_images_are_pinned_to_an_exact_version(name: str) -> None:
    """The same file starts the same programs next year."""
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", SERVICES[name]["image"])


@every_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    """Nothing of the stack can be reached from another machine."""
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:(\d+|\$\{STATSD_PORT:-8125\}):\d+(/udp)?", port)


def test_no_port_is_published_twice() -> None:
    """Every part of every profile can run at the same time."""
    published = [port.split(":")[1] for s in SERVICES.values() for port in s.get("ports", [])]

    assert sorted(published) == sorted(set(published))


@every_service
def test_a_service_has_few_rights(name: str) -> None:
    """Capabilities are dropped, privileges cannot be gained, the root file system is read-only."""
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] or name in {"kafka", "clickhouse"}
    assert "privileged" not in service
    assert "/var/run/docker.sock" not in str(service.get("volumes"))


@every_service
def test_a_service_is_limited_in_memory_and_logs(name: str) -> None:
    """No service can exhaust the host."""
    service = SERVICES[name]

    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])


@pytest.mark.parametrize("name", sorted(n for n in SERVICES if "GOMEMLIMIT" in str(SERVICES[n])))
def test_garbage_is_collected_before_the_memory_limit(name: str) -> None:
    """The memory limit of Go programs is four fifths of the container's."""
    wanted = SERVICES[name]["environment"]["GOMEMLIMIT"]

    limit = SERVICES[name]["mem_limit"]
    megabytes = int(limit[:-1]) * (1024 if limit.endswith("g") else 1)
    assert int(wanted.removesuffix("MiB")) == pytest.approx(0.8 * megabytes, rel=0.01)


@every_service
def test_bind_mounts_exist_and_are_read_only(name: str) -> None:
    """For a missing file the engine would create a folder of that name."""
    for volume in SERVICES[name].get("volumes", []):
        source, _, mode = volume.partition(":")
        if source.startswith("."):
            assert (ROOT / source).exists()
            assert mode.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_every_volume_is_used() -> None:
    """The list at the end of the file has exactly the persistent data."""
    used = {v.split(":")[0] for s in SERVICES.values() for v in s.get("volumes", [])}

    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])


def test_volumes_of_user_10001_are_handed_over_first() -> None:
    """A new volume belongs to root, and the Collector's image cannot change that."""
    for name, service in SERVICES.items():
        kept = [v.split(":")[0] for v in service.get("volumes", []) if not v.startswith(".")]
        if service.get("user") == "10001:10001" and kept:
            (owners,) = [s for s in service["depends_on"] if s.endswith("volume-owners")]
            handed_over = [v.split(":")[0] for v in SERVICES[owners]["volumes"]]
            assert set(kept) <= set(handed_over), name


@every_service
def test_dependencies_are_services_with_the_required_condition(name: str) -> None:
    """No service waits for a missing health check."""
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        if wanted["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no"


def test_the_collector_has_no_probe_inside() -> None:
    """Its image has no shell, so a health check there would fail."""
    for service in SERVICES.values():
        if "opentelemetry-collector" in service["image"]:
            assert "healthcheck" not in service
            assert "CMD-SHELL" not in str(service)


def test_grafana_asks_for_a_password_and_knows_no_anonymous_user() -> None:
    """There is no default password; without one compose refuses to start."""
    environment = SERVICES["grafana"]["environment"]

    assert environment["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert environment["GF_USERS_ALLOW_SIGN_UP"] == "false"


def test_the_file_has_no_password() -> None:
    """Secrets come from .env, which git ignores."""
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if "PASSWORD" in key:
                assert str(value).startswith("${")


def test_every_variable_is_explained_in_the_example() -> None:
    """`.env.example` lists all variables, the required one first."""
    example = (ROOT / ".env.example").read_text()
    text = (ROOT / "docker-compose.yml").read_text()
    wanted = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    wanted |= {
        key
        for service in SERVICES.values()
        for key, value in service.get("environment", {}).items()
        if value is None
    }

    assert {name for name in wanted if f"{name}=" not in example} == set()
    assert re.search(r"^GRAFANA_ADMIN_PASSWORD=$", example, re.MULTILINE)


def test_urls_between_services_name_services() -> None:
    """A host in the files is a service of the file."""
    texts = [str(service.get("environment", {})) for service in SERVICES.values()]
    texts += [path.read_text() for path in (ROOT / "collector-config").rglob("*.y*ml")]
    hosts = {
        host
        for text in texts
        for host in re.findall(r"(?:://|:-|targets: \[)([a-z]+):\d{4,5}\b", text)
    }

    assert hosts - {"localhost"} <= set(SERVICES)


def test_programs_reach_the_collector_where_they_send_by_default() -> None:
    """The default ports of OTLP, so that programs need no setting."""
    assert {"127.0.0.1:4317:4317", "127.0.0.1:4318:4318"} <= set(SERVICES["collector"]["ports"])
