"""Guarantees of the Collector's files, read from the files (no Collector needed)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIG = Path(__file__).parents[2] / "collector-config"
NAMES = sorted(path.name for path in CONFIG.glob("otelcol*.yaml"))
every_file = pytest.mark.parametrize("name", NAMES)
_SPAN_PIPELINES = ("traces/in", "traces/measure", "traces/store")


def load(name: str) -> dict[str, Any]:
    """The file with every `${...}` replaced by its default."""
    text = (CONFIG / name).read_text()
    text = re.sub(r"\$\{file:\$\{[^}]*\}/([\w.-]+)\}", r"{}", text)
    text = re.sub(r"\$\{env:\w+(?::-([^}]*))?\}", lambda match: match.group(1) or "unset", text)
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def pipelines(name: str) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = load(name)["service"]["pipelines"]
    return found


@every_file
def test_pipelines_use_exactly_the_defined_components(name: str) -> None:
    """A misspelt name would only be found at start."""
    config = load(name)
    connectors = set(config.get("connectors", {}))
    used: dict[str, set[str]] = {"receivers": set(), "processors": set(), "exporters": set()}
    for pipeline in pipelines(name).values():
        for kind, names in used.items():
            names.update(pipeline.get(kind, []))

    assert used["receivers"] == set(config["receivers"]) | connectors
    assert used["exporters"] == set(config["exporters"]) | connectors
    assert used["processors"] == set(config["processors"])
    assert set(config["service"]["extensions"]) == set(config["extensions"])


@every_file
def test_memory_is_limited_before_anything_else(name: str) -> None:
    """Receiving pipelines refuse before they run out of memory."""
    outside = {"otlp", "kafka", "statsd", "statsd/unix"}
    for pipeline in pipelines(name).values():
        if outside & set(pipeline["receivers"]):
            assert pipeline["processors"][0] == "memory_limiter"


@pytest.mark.parametrize("name", [n for n in NAMES if n != "otelcol-ingest.yaml"])
def test_every_signal_is_redacted_right_after_it_arrives(name: str) -> None:
    """The second line runs before connectors, queues and exporters."""
    outside = {"otlp", "statsd"}
    from_outside = [p for p in pipelines(name).values() if outside & set(p["receivers"])]

    assert len(from_outside) == (4 if name == "otelcol.yaml" else 3)
    for pipeline in from_outside:
        assert pipeline["processors"][1] == "redaction"


@pytest.mark.parametrize("name", ["otelcol.yaml", "otelcol-gateway.yaml"])
def test_money_is_counted_before_sampling(name: str) -> None:
    """Totals count every call; only traces are sampled."""
    incoming, measure, store = (pipelines(name)[pipeline] for pipeline in _SPAN_PIPELINES)

    assert incoming["exporters"] == ["forward/measure", "forward/store"]
    assert "tail_sampling" not in incoming["processors"] + measure["processors"]
    assert measure["exporters"] == ["span_metrics", "signal_to_metrics"]
    assert store["processors"] == ["tail_sampling"]


@every_file
def test_records_accepted_for_another_host_are_written_to_disk_first(name: str) -> None:
    """Queues of network exporters are persistent, batched and retried without end."""
    for exporter, settings in load(name)["exporters"].items():
        if exporter.startswith("file"):
            continue
        assert settings["retry_on_failure"]["max_elapsed_time"] == "0s"
        queue = settings["sending_queue"]
        if exporter == "clickhouse":  # Kafka is its queue
            assert queue["wait_for_result"] is True
        else:
            assert queue["storage"] == "file_storage"


def test_only_the_disk_queue_is_before_the_gateways() -> None:
    """The load balancer's inner exporters queue in memory, and its own queue is off, by default."""
    balancer = load("otelcol-agent.yaml")["exporters"]["load_balancing"]

    assert balancer["sending_queue"]["enabled"] is True
    assert balancer["retry_on_failure"]["enabled"] is True
    assert balancer["protocol"]["otlp"]["sending_queue"]["enabled"] is False
    assert balancer["protocol"]["otlp"]["retry_on_failure"]["enabled"] is False


@every_file
def test_no_batch_processor_is_between_acceptance_and_the_queue(name: str) -> None:
    """It would hold accepted spans in memory; the queue batches instead."""
    for pipeline, parts in pipelines(name).items():
        if pipeline != "traces/measure":
            assert not [p for p in parts.get("processors", []) if p.startswith("batch")]


@every_file
def test_listeners_bind_to_loopback_by_default(name: str) -> None:
    """A plain process of these files is not reachable from outside."""
    for host in re.findall(r"LISTEN_HOST:-([^}]*)\}", (CONFIG / name).read_text()):
        assert host == "127.0.0.1"


@every_file
def test_the_collectors_own_metrics_are_served(name: str) -> None:
    """The pipeline is observable."""
    (reader,) = load(name)["service"]["telemetry"]["metrics"]["readers"]

    assert "prometheus" in reader["pull"]["exporter"]


def test_sampling_keeps_errors_and_expensive_traces() -> None:
    """Errors, budgets, money, leaks, slow and runaway traces always; all of small traffic."""
    policies = load("otelcol.yaml")["processors"]["tail_sampling"]["policies"]

    assert [policy["name"] for policy in policies] == [
        "errors", "latency-budget-exceeded", "expensive", "leaked", "slow", "runaway",
        "while-traffic-is-small", "share-of-the-rest",
    ]  # fmt: skip
    assert policies[-1]["probabilistic"] == {"sampling_percentage": "10"}


def test_attribute_names_are_those_the_distribution_writes() -> None:
    """A renamed attribute would silently switch a policy or a metric off."""
    from otel_budget import attributes as budget
    from otel_pricing.model import attributes as pricing

    text = (CONFIG / "otelcol.yaml").read_text()

    assert budget.EXCEEDED in text
    assert pricing.COST_AMOUNT in text


def test_defaults_between_files_agree() -> None:
    """One variable has one default in all files."""
    found: dict[str, set[str]] = {}
    for path in [*CONFIG.glob("*.yaml"), CONFIG.parent / "docker-compose.yml"]:
        for variable, default in re.findall(r"\$\{(?:env:)?(\w+):-([^}]*)\}", path.read_text()):
            found.setdefault(variable, set()).add(default)

    assert {variable: defaults for variable, defaults in found.items() if len(defaults) > 1} == {}
