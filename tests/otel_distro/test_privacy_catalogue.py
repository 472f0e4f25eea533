"""The data catalogue lists every field of ours that is exported or stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from otel_distro.cli import main
from otel_distro.demo.provider import FakeProvider
from otel_distro.privacy.catalogue.catalogue import catalogue
from otel_distro.privacy.catalogue.places import exports, host_of
from otel_distro.settings import load
from support.otlp_sink import OtlpSink, attributes_of
from support.process import clean_environment, instrumented

HOME = {"HOME": "/home/ada"}
OURS = (
    "otel_distro.",
    "gen_ai.",
    "session.",
    "user.",
    "tenant.",
    "feature_flag.",
    "exception.",
    "code.",
    "process.",
)


def names(environ: dict[str, str]) -> dict[str, set[str]]:
    """Names of fields by place."""
    found: dict[str, set[str]] = {}
    for entry in catalogue(load({**HOME, **environ}).settings, environ):
        found.setdefault(entry.place, set()).update(entry.name.split(", "))
    return found


APP = """
import sys, openai, logging, otel_distro
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="x", max_retries=0)
with otel_distro.session("s-1"), otel_distro.user("ada"), otel_distro.tenant("acme"):
    with otel_distro.feature_flag("prompt", "b"), otel_distro.measure("work", memory=True):
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
        for event in ("session.start", "context.cache_hit"):
            otel_distro.track_event(event)
        logging.getLogger("app").warning("worked")
raise KeyError("x")
"""


@pytest.mark.process
def test_every_field_of_ours_that_arrives_is_listed(tmp_path: Path, sink: OtlpSink) -> None:
    """Those of model calls as well; fields of the program are under `*`."""
    environ = clean_environment(
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_DISTRO_BUDGET_USD_PER_DAY="5",
        OTEL_DISTRO_LATENCY_BUDGETS="work=0.001",
    )
    with FakeProvider() as provider:
        instrumented(APP, environ, provider.url)

    listed = names(environ)
    arrived = {
        "traces": {key for span in sink.spans() for key in attributes_of(span)},
        "logs": {key for record in sink.log_records() for key in attributes_of(record)},
        "metrics": set(sink.metrics()),
    }
    for signal, keys in arrived.items():
        our_keys = {key for key in keys if key.startswith(OURS)}
        assert our_keys <= listed[f"{signal} to {sink.url}"], signal
        assert our_keys, signal
    user = next(attributes_of(s)["user.id"] for s in sink.spans() if s.name == "work")
    assert user.startswith("user_")


def test_it_follows_the_configuration() -> None:
    """Places, retention, levels and switches."""
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "https://ada:hunter2@otel.example:4318/path?key=hunter2",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "console",
        "OTEL_DISTRO_LEDGER_RETENTION_DAYS": "7",
        "OTEL_DISTRO_CONTENT": "metadata",
    }
    found = list(catalogue(load({**HOME, **environ}).settings, environ))

    assert "hunter2" not in str(found)
    places = {entry.place for entry in found}
    assert "traces to https://otel.example:4318" in places
    assert not [place for place in places if place.startswith("metrics")]
    assert {e.leaves for e in found if e.place.startswith("logs")} == {False}
    assert {e.kept for e in found if e.place.endswith("ledger.db")} == {"7 days"}
    assert not [e for e in found if "gen_ai.input.messages" in e.name]


def test_nothing_is_listed_if_nothing_is_exported() -> None:
    """Switched off, or with DO_NOT_TRACK."""
    off = {"OTEL_SDK_DISABLED": "true"}

    assert list(exports(off)) == []
    assert names({"DO_NOT_TRACK": "1"}) == {}


def test_a_catalogue_without_redaction_reports_it() -> None:
    """In every affected line."""
    environ = {"OTEL_DISTRO_REDACTION": "false"}
    found = catalogue(load({**HOME, **environ}).settings, environ)

    assert not [entry for entry in found if entry.protection == "redacted" and entry.leaves]


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("http://localhost:4317", "http://localhost:4317"),
        ("localhost:4317", "localhost:4317"),
        ("https://u:p@h:1/x?y=z", "https://h:1"),
    ],
)
def test_places_name_no_secret(endpoint: str, host: str) -> None:
    """Host and port only."""
    assert host_of(endpoint) == host


def test_the_command_prints_it_for_people_documents_and_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same fields each time."""
    monkeypatch.setenv("OTEL_DISTRO_BAGGAGE", "session.id")
    for variable in ("DO_NOT_TRACK", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(variable, raising=False)
    shown = CliRunner().invoke(main, ["privacy", "catalogue"]).output
    document = CliRunner().invoke(main, ["privacy", "catalogue", "--markdown", "--leaves"]).output
    data: Any = json.loads(CliRunner().invoke(main, ["privacy", "catalogue", "--json"]).stdout)

    assert "baggage: session.id" in shown
    assert "| baggage: session.id |" in document
    assert "audit.jsonl" not in document
    assert {field["place"] for field in data["fields"] if not field["leaves"]}
