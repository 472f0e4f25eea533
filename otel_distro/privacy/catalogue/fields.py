"""Names and meanings of fields, from the code that writes them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT, MESSAGE, PLAIN = "text", "message", "plain"
"""Kinds of field: text of the program, messages to and from models, numbers and names."""

TRACING, COSTS, OWN_HEALTH = "to see what happens", "to know costs", "to see whether this works"

SAID = {
    "session.id": "the session, by the program's id",
    "user.id": "the user, as a keyed pseudonym if set by `user()`",
    "tenant.id": "the tenant, as the program names it",
    "feature_flag.key": "the experiment of a call",
    "feature_flag.result.variant": "its variant",
}

_Field = tuple[str, str, str, str]

_OF_SPANS: tuple[_Field, ...] = (
    ("trace_id, span_id, parent_span_id, links", "random ids", TRACING, PLAIN),
    ("name", "what was done", TRACING, TEXT),
    ("kind, start, end, status code, flags", "time, duration, failure", TRACING, PLAIN),
    ("status description", "what failed, in words", TRACING, TEXT),
    ("trace state", "fields added by tracing systems", TRACING, TEXT),
    ("events: exception.type, .message, .stacktrace", "errors", TRACING, TEXT),
    ("*", "any attribute, event or link attribute of the program and its libraries", TRACING, TEXT),
)
_OF_LOGS: tuple[_Field, ...] = (
    ("time, severity, trace_id, span_id", "time, severity, trace", TRACING, PLAIN),
    ("body", "the message", TRACING, TEXT),
    ("event.name", "which event", TRACING, TEXT),
    ("exception.type, exception.message, exception.stacktrace", "errors", TRACING, TEXT),
    ("code.file.path, code.function.name, code.line.number", "code location", TRACING, TEXT),
    ("*", "any attribute of the program and its libraries", TRACING, TEXT),
)
_OF_METRICS: tuple[_Field, ...] = (
    ("points", "numbers and times", TRACING, PLAIN),
    ("exemplars", "trace and span ids, redacted attributes", TRACING, TEXT),
    ("*", "any metric and attribute of the program and its libraries", TRACING, TEXT),
)
_MESSAGES: _Field = (
    "gen_ai.input.messages, gen_ai.output.messages and their like",
    "messages to and from models, if an instrumentation captures them",
    TRACING,
    MESSAGE,
)

AS_IS = "unchanged: a number, id or name"
"""Protection of a value that is no text."""

DAILY_SUMS = (
    ("day, service, provider, model, operation, tenant, agent", "the call and its caller"),
    ("calls, cost, exposure, tokens, latency", "sums"),
    ("latency histogram", "counts of calls by latency"),
    ("day, service, tool, agent, error class, duration", "executed tools"),
)

BESIDE_CALLS = (
    ("sums by person: day or hour, user, session", "who called", "keyed pseudonym"),
    (
        "tools: service, tool, agent, error class, time, duration, trace and span id",
        "one execution of a tool",
        AS_IS,
    ),
)
"""Data that the ledger keeps as long as calls: (columns, meaning, protection)."""

FILES = (
    ("budget.db", "spent and reserved amounts of each budget, users as pseudonyms",
     "to keep budgets", "until the window ends", "owner only"),
    ("budget.owners", "open reservations and charges of running processes: numbers",
     "to keep budgets", "until the process ends", "owner only"),
    ("processes", "state of running processes: service, process id, counts, names of open spans",
     "to report health", "until the process ends", "owner only"),
    ("alerts.json and alerts-told.jsonl", "incidents, and which were sent",
     "to send each once", "until over, or the latest 5,000", "owner only"),
    ("spool", "telemetry that could not be delivered yet, redacted",
     "to deliver it later", "until it is delivered, or consent is revoked", "owner only"),
    ("audit.jsonl", "decisions about data: consent, forgetting, purges, exports, settings",
     "to account for them", "forever", "owner only, hash chain"),
    ("consent.json", "the decision, its time and how it was made", "to follow it", "forever",
     "owner only"),
    ("settings.seen.json", "settings of the last start, by service", "to notice changes",
     "forever", "owner only, no secrets"),
    ("pseudonym.key", "the key of pseudonyms", "to distinguish users without names",
     "until deleted, which makes every pseudonym meaningless", "owner only"),
)  # fmt: skip

_PSEUDONYM = "keyed pseudonym"
_LEDGER_MEANINGS = {
    "start_ns": "when the call began",
    "span_id": "random id",
    "trace_id": "random id",
    "parent_span_id": "random id",
    "dim_id": "service, provider, model, operation, tenant",
    "origin_id": "instrumentation, requested model, agent, feature flag, service tier, streamed",
    "outcome_id": "price status, billing decision, error type, HTTP status",
    "user_id": "the user",
    "session_id": "the session",
    "response_fingerprint": "24 bits of the provider's response id",
    "extra": "rare units, the cost a provider reports, 40 bits of a keyed hash of the prompt",
}
_NAMES = frozenset({"dim_id", "origin_id", "outcome_id"})


def fields_of_signal(signal: str) -> Iterator[_Field]:
    """Yield (name, meaning, purpose, kind) of the fields of *signal*."""
    yield from {"traces": _OF_SPANS, "logs": _OF_LOGS, "metrics": _OF_METRICS}[signal]
    if signal != "metrics":
        yield _MESSAGES
        for name, meaning in SAID.items():
            yield name, meaning, TRACING, TEXT
    for name, meaning in _resource():
        yield name, meaning, "to distinguish services", TEXT
    yield from _model_calls(signal)
    yield from _own_fields(signal)


def ledger() -> Iterator[tuple[str, str, str]]:
    """Yield (column, meaning, protection) of the ledger's fields of a call."""
    from otel_cost_ledger.sqlite.store import CALL_COLUMNS

    for column in CALL_COLUMNS:
        meaning = _LEDGER_MEANINGS.get(column, column.replace("_", " "))
        if column in {"user_id", "session_id"}:
            yield column, meaning, _PSEUDONYM
        else:
            yield column, meaning, "redacted" if column in _NAMES else "number or id"
    yield "latency violations", "operation, budget, time, ids", "redacted"


def is_remote(location: object) -> bool:
    """Whether the ledger is a database, which may be on another machine."""
    from otel_cost_ledger.model.location import DatabaseUrl

    return isinstance(location, DatabaseUrl)


def _resource() -> Iterator[tuple[str, str]]:
    from opentelemetry.sdk.resources import Resource

    known = {"telemetry.distro.name", "telemetry.distro.version", *Resource.create().attributes}
    for name in sorted(known):
        yield f"resource: {name}", "about the process and its machine"


def _model_calls(signal: str) -> Iterator[_Field]:
    """Yield the conventions' fields of model calls; libraries set a part of them."""
    if signal == "metrics":
        measured = import_module("opentelemetry.semconv._incubating.metrics.gen_ai_metrics")
        for constant, value in vars(measured).items():
            if constant.startswith("GEN_AI_") and isinstance(value, str):
                yield value, "of model calls", COSTS, PLAIN
        return
    from otel_distro.privacy.content.messages import is_message

    module = import_module("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    names = {
        value
        for constant, value in vars(module).items()
        if constant.startswith("GEN_AI_") and isinstance(value, str)
    }
    for name in sorted(names):
        if not is_message(name):
            yield name, "of model calls", COSTS, TEXT


def _own_fields(signal: str) -> Iterator[_Field]:
    for module_name in (
        "otel_distro.base.attributes",
        "otel_budget.attributes",
        "otel_pricing.model.attributes",
    ):
        module = import_module(module_name)
        names = {v for k, v in vars(module).items() if k.isupper() and isinstance(v, str)}
        for name in sorted(n for n in names if "." in n):
            yield name, f"written by {module_name.partition('.')[0]}", OWN_HEALTH, PLAIN
    if signal == "metrics":
        from otel_distro.bootstrap.instrumentation.instrumentors import SYSTEM_METRICS

        for name in SYSTEM_METRICS:
            yield name, "of the process and its machine", OWN_HEALTH, PLAIN
    if signal == "logs":
        from otel_distro.api.events.catalogue import known_events

        for event in known_events():
            carries = ", ".join(attribute.name for attribute in event.attributes)
            yield f"event {event.full_name}: {carries}", event.meaning, TRACING, TEXT
