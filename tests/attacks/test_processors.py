"""Every way in which a processor of the app can read or write a record, with planted secrets.

The matrix is generated: each reader is tried at each callback under each consent state, and each
writer is followed by a second processor that reads everything.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, TraceFlags, TraceState
from opentelemetry.trace.status import Status, StatusCode

from otel_budget import LatencyBudgets
from otel_distro.base.internal_errors import InternalErrors
from otel_distro.pipeline.accounting.accounts import Accounts
from otel_distro.pipeline.install import guard_providers
from otel_distro.pipeline.pipeline import Pipeline
from otel_distro.privacy.content.messages import MessagelessShield, without_messages
from otel_pricing import PriceBook
from otel_redaction import Redactor
from otel_redaction.shield import Shield

EMAIL = "ada@lovelace.example"
CARD = "4111 1111 1111 1111"
KEY = "sk-proj-9QmZt7LkXw2VbN4rT8yUc3Ef6Gh1Jk5Lp0Aa"
SECRETS = (EMAIL, CARD, KEY)
RAW = " ".join(SECRETS)
STATE = TraceState([("vendor", EMAIL)])
REMOTE = SpanContext(
    5, 6, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("v", KEY)])
)


@dataclass
class Gate:
    """The current consent."""

    open: bool = True
    opened_ns: int = 0

    def is_open(self) -> bool:
        return self.open

    def admits(self, began_ns: int | None) -> bool:
        return self.open and (began_ns or 0) >= self.opened_ns


CONSENT: dict[str, Callable[[], Gate]] = {
    "granted": Gate,
    "not asked yet": lambda: Gate(open=False),
    "given after it began": lambda: Gate(opened_ns=2**63),
}
SHIELDS: dict[str, Callable[[], Shield]] = {
    "redacted": Shield,
    "without messages": lambda: MessagelessShield(Redactor()),
    "withheld": lambda: Shield(withhold=True),
}


class Sdk:
    """Providers whose processors are the app's, behind the guard."""

    def __init__(self, *processors: Any, gate: Gate | None = None, shield: Shield | None = None):
        self.internal_errors = InternalErrors()
        shield = shield or Shield()
        accounts = Accounts(
            load_prices=PriceBook, latency=LatencyBudgets(), internal_errors=self.internal_errors
        )
        pipeline = Pipeline(
            shield,
            accounts,
            self.internal_errors,
            gate=gate or Gate(),
            strip_content=without_messages if isinstance(shield, MessagelessShield) else None,
        )
        resource = Resource({"owner": RAW})
        self.spans = InMemorySpanExporter()
        self.logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self.tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        guard_providers(self.tracer_provider, self.logger_provider, None, pipeline, shield)
        for processor in processors:
            if isinstance(processor, SpanProcessor):
                self.tracer_provider.add_span_processor(processor)
            else:
                self.logger_provider.add_log_record_processor(processor)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.spans))
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self.logs))

    def work(self) -> None:
        """Record a span and a log record that hold secrets in every text."""
        tracer = self.tracer_provider.get_tracer(
            f"scope of {EMAIL}", f"1+{KEY}", attributes={"owner": RAW}
        )
        parent = trace.set_span_in_context(trace.NonRecordingSpan(REMOTE))
        with tracer.start_as_current_span(
            f"outer {RAW}", context=parent, attributes={"outer": RAW}, record_exception=True
        ) as outer:
            context = trace.set_span_in_context(outer)
            span = tracer.start_span(
                f"chat {RAW}",
                context=context,
                links=[Link(REMOTE, {"linked": RAW})],
                attributes={
                    "gen_ai.operation.name": "chat",
                    "gen_ai.provider.name": f"{EMAIL}",
                    "gen_ai.request.model": f"model {KEY}",
                    "openai.request.service_tier": RAW,
                    "error.type": RAW,
                    "gen_ai.input.messages": RAW,
                    "note": RAW,
                    "many": [RAW, RAW],
                    "nested": {"deep": {"mail": RAW}, "list": [RAW]},
                },
            )
            span.add_event(f"asked {RAW}", {"who": RAW})
            span.record_exception(ValueError(RAW))
            span.set_status(Status(StatusCode.ERROR, RAW))
            span.end()
            self.logger_provider.get_logger(f"scope of {EMAIL}").emit(
                LogRecord(
                    body={"said": RAW, "parts": [RAW, {"more": RAW}]},
                    attributes={"note": RAW, "nested": {"deep": RAW}},
                    event_name=f"event {RAW}",
                    severity_text=RAW,
                    exception=ValueError(RAW),
                )
            )

    def wire(self) -> str:
        """Return everything that the exporters behind the other processors would send."""
        spans, logs = self.spans.get_finished_spans(), self.logs.get_finished_logs()
        text = "".join(span.to_json() for span in spans) + "".join(log.to_json() for log in logs)
        text += repr(encode_spans(spans)) + repr(encode_logs(logs))
        return text + repr([list(readable_texts(each)) for each in (*spans, *logs)])


def readable_texts(subject: Any, depth: int = 4, seen: set[int] | None = None) -> Iterator[str]:
    """Yield every readable text of *subject*: items, attributes of any name, `vars`."""
    seen = set() if seen is None else seen
    if isinstance(subject, str | bytes):
        yield str(subject)
        return
    if depth < 0 or id(subject) in seen or subject is None or isinstance(subject, int | float):
        return
    seen.add(id(subject))
    yield repr(subject)
    if isinstance(subject, Mapping):
        for key, value in subject.items():
            yield from readable_texts(key, depth - 1, seen)
            yield from readable_texts(value, depth - 1, seen)
        return
    if isinstance(subject, list | tuple | set | frozenset):
        for item in subject:
            yield from readable_texts(item, depth - 1, seen)
        return
    if isinstance(subject, type) or callable(subject):
        return
    if not type(subject).__module__.startswith(("opentelemetry", "otel_redaction")):
        return
    for name in dir(subject):
        if name.startswith("__") or name in {"_shield", "_span_processor", "_sampler"}:
            continue  # parts of the program rather than of the record
        try:
            value = getattr(subject, name)
        except Exception:
            continue
        yield from readable_texts(value, depth - 1, seen)
    yield from readable_texts(
        vars(subject) if hasattr(subject, "__dict__") else {}, depth - 1, seen
    )


def readable(span: Any) -> ReadableSpan:
    """Return a copy of the readable parts of a span, as exporters of pending spans make."""
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=dict(span.attributes or {}),
        events=span.events,
        links=span.links,
        status=span.status,
        start_time=span.start_time,
        end_time=span.end_time or 1,
        instrumentation_scope=span.instrumentation_scope,
    )


SPAN_READERS: dict[str, Callable[[Any], Any]] = {
    "to_json": lambda span: span.to_json(),
    "repr": repr,
    "properties": lambda span: [
        span.name, dict(span.attributes), span.status.description, span.resource.attributes,
        [(e.name, dict(e.attributes)) for e in span.events],
        [(dict(link.attributes), link.context) for link in span.links],
    ],
    "private fields": lambda span: [
        span._name, span._attributes, span._events, span._links, span._status.description,
        span._resource.attributes, span._context, span._parent, span._instrumentation_scope,
    ],
    "trace state": lambda span: [span.get_span_context(), span.context, span.parent],
    "wire": lambda span: encode_spans([readable(span)]),
    "readable span": lambda span: getattr(span, "_readable_span", lambda: span)().to_json(),
    "vars": vars,
    "copy": lambda span: copy.copy(span).to_json(),
    "deep copy of attributes": lambda span: copy.deepcopy(dict(span.attributes)),
    "everything": lambda span: list(readable_texts(span)),
}  # fmt: skip

LOG_READERS: dict[str, Callable[[ReadWriteLogRecord], Any]] = {
    "fields": lambda entry: [
        entry.log_record.body, entry.log_record.attributes, entry.log_record.event_name,
        entry.log_record.severity_text, entry.log_record.exception,
        entry.resource, entry.instrumentation_scope,
    ],
    "repr": repr,
    "vars": lambda entry: [vars(entry), vars(entry.log_record)],
    "copy": lambda entry: list(readable_texts(copy.copy(entry).log_record)),
    "copied record": lambda entry: list(readable_texts(copy.copy(entry.log_record))),
    "deep copy": lambda entry: list(readable_texts(copy.deepcopy(entry.log_record))),
    "dataclass fields": lambda entry: [
        repr(getattr(entry, field.name)) for field in fields(entry) if is_dataclass(entry)
    ],
    "span of the context": lambda entry: list(
        readable_texts(trace.get_current_span(entry.log_record.context))
    ),
    "everything": lambda entry: list(readable_texts(entry)),
}  # fmt: skip


class SpanReader(SpanProcessor):
    """Reads at every callback."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read
        self.seen: dict[str, str] = {}

    def _note(self, callback: str, subject: Any) -> None:
        self.seen[callback] = self.seen.get(callback, "") + repr(self._read(subject))

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._note("on_start", span)
        parent = trace.get_current_span(parent_context)
        if isinstance(parent, Span):
            self._note("parent", parent)

    def _on_ending(self, span: Span) -> None:
        self._note("_on_ending", span)

    def on_end(self, span: ReadableSpan) -> None:
        self._note("on_end", span)


class LogReader(LogRecordProcessor):
    """Reads emitted records, and the `enabled` query before them."""

    def __init__(self, read: Callable[[ReadWriteLogRecord], Any]) -> None:
        self._read = read
        self.seen = ""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.seen += repr(self._read(log_record))

    def enabled(self, **question: Any) -> bool:
        self.seen += repr(list(readable_texts(question)))
        return True

    def shutdown(self) -> None: ...

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


def leaked(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("shield", SHIELDS)
@pytest.mark.parametrize("consent", CONSENT)
@pytest.mark.parametrize("reader", SPAN_READERS)
def test_no_reader_of_spans_finds_a_secret(reader: str, consent: str, shield: str) -> None:
    """At the start, while ending, at the end, and through the context of the parent."""
    processor = SpanReader(SPAN_READERS[reader])
    sdk = Sdk(processor, gate=CONSENT[consent](), shield=SHIELDS[shield]())
    sdk.work()

    expected = {"on_start", "parent", "_on_ending", "on_end"} if consent == "granted" else set()
    assert sdk.internal_errors.counts() == {}
    assert set(processor.seen) == expected
    assert {callback: leaked(text) for callback, text in processor.seen.items()} == {
        key: [] for key in expected
    }
    assert leaked(sdk.wire()) == []


@pytest.mark.parametrize("shield", SHIELDS)
@pytest.mark.parametrize("consent", CONSENT)
@pytest.mark.parametrize("reader", LOG_READERS)
def test_no_reader_of_log_records_finds_a_secret(reader: str, consent: str, shield: str) -> None:
    """And it is not called before consent."""
    processor = LogReader(LOG_READERS[reader])
    sdk = Sdk(processor, gate=CONSENT[consent](), shield=SHIELDS[shield]())
    sdk.work()
    sdk.logger_provider.get_logger(EMAIL).enabled(event_name=RAW)

    assert sdk.internal_errors.counts() == {}
    assert bool(processor.seen) is (consent != "not asked yet")
    assert leaked(processor.seen) == []
    assert leaked(sdk.wire()) == []


def _set(name: str, value: Any) -> Callable[[Any], None]:
    return lambda subject: setattr(subject, name, value)


def _nest(body: Any) -> None:
    body["said"] = RAW
    body.setdefault("fresh", RAW)
    body["parts"].append(RAW)
    body["parts"][0] = RAW
    body["parts"] += [RAW]
    body["tree"] = {"leaf": [1]}
    body["tree"]["leaf"].append(RAW)
    body["tree"]["branch"] = RAW


EVENT = Event(f"written {RAW}", {"who": RAW}, 1)
SPAN_WRITERS: dict[str, Callable[[Any], None]] = {
    "attribute": lambda span: span._attributes.__setitem__("written", RAW),
    "attribute under a raw name": lambda span: span._attributes.__setitem__(EMAIL, 1),
    "update": lambda span: span._attributes.update(written=RAW),
    "setdefault": lambda span: span._attributes.setdefault("written", RAW),
    "nested": lambda span: span._attributes["nested"].update(written=RAW),
    "all attributes": _set("_attributes", {"written": RAW}),
    "name": _set("_name", RAW),
    "status": _set("_status", Status(StatusCode.ERROR, RAW)),
    "description of the status": lambda span: setattr(span._status, "_description", RAW),
    "events": _set("_events", [EVENT]),
    "attribute of an event": lambda span: span.events[0].attributes.update(written=RAW),
    "name of an event": lambda span: setattr(span.events[0], "_name", RAW),
    "links": _set("_links", [Link(REMOTE, {"written": RAW})]),
    "context": _set("_context", REMOTE),
    "parent": _set("_parent", REMOTE),
    "resource": _set("_resource", Resource({"written": RAW})),
    "scope": _set("_instrumentation_scope", InstrumentationScope(EMAIL, KEY)),
    "vars": lambda span: vars(span).update(_name=RAW, _attributes={"written": RAW}),
}
LOG_WRITERS: dict[str, Callable[[Any], None]] = {
    "body": lambda entry: setattr(entry.log_record, "body", RAW),
    "nested body": lambda entry: _nest(entry.log_record.body),
    "attribute": lambda entry: entry.log_record.attributes.__setitem__("written", RAW),
    "attribute under a raw name": lambda e: e.log_record.attributes.__setitem__(EMAIL, 1),
    "nested attribute": lambda e: e.log_record.attributes["nested"].__setitem__("written", RAW),
    "all attributes": lambda entry: setattr(
        entry.log_record, "attributes", {**entry.log_record.attributes, "written": RAW}
    ),
    "event name": lambda entry: setattr(entry.log_record, "event_name", RAW),
    "severity": lambda entry: setattr(entry.log_record, "severity_text", RAW),
    "exception": lambda entry: setattr(entry.log_record, "exception", ValueError(RAW)),
    "context": lambda entry: setattr(entry.log_record, "context", Context()),
    "whole record": lambda entry: setattr(
        entry, "log_record", LogRecord(body=RAW, attributes={"written": RAW})
    ),
    "resource": lambda entry: setattr(entry, "resource", Resource({"written": RAW})),
    "scope": lambda entry: setattr(entry, "instrumentation_scope", InstrumentationScope(EMAIL)),
    "vars": lambda entry: vars(entry.log_record).update(body=RAW, attributes={"written": RAW}),
}


class SpanWriter(SpanProcessor):
    """Writes at the end of a span, as processors of several vendors do."""

    def __init__(self, write: Callable[[Any], None]) -> None:
        self._write = write

    def on_end(self, span: ReadableSpan) -> None:
        self._write(span)


class LogWriter(LogReader):
    """Writes into emitted records."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self._read(log_record)


@pytest.mark.parametrize("shield", SHIELDS)
@pytest.mark.parametrize("writer", SPAN_WRITERS)
def test_writes_of_one_processor_on_a_span_reach_others_redacted(writer: str, shield: str) -> None:
    """The SDK lets it write; later processors read no secret."""
    reader = SpanReader(lambda span: list(readable_texts(span)))
    sdk = Sdk(SpanWriter(SPAN_WRITERS[writer]), reader, shield=SHIELDS[shield]())
    sdk.work()

    assert leaked(reader.seen["on_end"]) == []
    assert leaked(sdk.wire()) == []


@pytest.mark.parametrize("shield", SHIELDS)
@pytest.mark.parametrize("writer", LOG_WRITERS)
def test_writes_of_one_processor_on_a_log_record_reach_others_redacted(
    writer: str, shield: str
) -> None:
    """An enricher may write; exporters send it redacted."""
    reader = LogReader(lambda entry: list(readable_texts(entry)))
    sdk = Sdk(LogWriter(LOG_WRITERS[writer]), reader, shield=SHIELDS[shield]())
    sdk.work()

    assert leaked(reader.seen) == []
    assert leaked(sdk.wire()) == []


START_WRITERS: dict[str, tuple[Callable[[Any], None], Callable[[ReadableSpan], bool]]] = {
    "set_attribute": (
        lambda span: span.set_attribute("written", f"by {EMAIL}"),
        lambda span: (span.attributes or {}).get("written") == "by [EMAIL]",
    ),
    "set_attributes": (
        lambda span: span.set_attributes({"written": f"by {EMAIL}"}),
        lambda span: (span.attributes or {}).get("written") == "by [EMAIL]",
    ),
    "private attribute": (
        lambda span: span._attributes.__setitem__("written", f"by {EMAIL}"),
        lambda span: (span.attributes or {}).get("written") == "by [EMAIL]",
    ),
    "augmented attributes": (
        lambda span: exec("span._attributes |= {'written': 'by ' + mail}", {
            "span": span, "mail": EMAIL}),
        lambda span: (span.attributes or {}).get("written") == "by [EMAIL]"
        and (span.attributes or {}).get("kept") == "[EMAIL]",
    ),
    "all attributes": (
        _set("_attributes", {"written": f"by {EMAIL}"}),
        lambda span: dict(span.attributes or {}) == {"written": "by [EMAIL]"},
    ),
    "removal": (
        lambda span: span._attributes.pop("kept"),
        lambda span: "kept" not in (span.attributes or {}),
    ),
    "name": (
        lambda span: span.update_name(f"by {EMAIL}"),
        lambda span: span.name == "by [EMAIL]",
    ),
    "private name": (_set("_name", f"by {EMAIL}"), lambda span: span.name == "by [EMAIL]"),
    "event": (
        lambda span: span.add_event(f"by {EMAIL}", {"who": EMAIL}),
        lambda span: [e.name for e in span.events] == ["by [EMAIL]"],
    ),
    "private event": (
        lambda span: span._events.append(Event(f"by {EMAIL}")),
        lambda span: [e.name for e in span.events] == ["by [EMAIL]"],
    ),
    "link": (
        lambda span: span.add_link(REMOTE, {"who": EMAIL}),
        lambda span: [dict(link.attributes or {}) for link in span.links] == [{"who": "[EMAIL]"}],
    ),
    "exception": (
        lambda span: span.record_exception(ValueError(EMAIL)),
        lambda span: [e.name for e in span.events] == ["exception"],
    ),
    "status": (
        lambda span: span.set_status(Status(StatusCode.ERROR, EMAIL)),
        lambda span: span.status.description == "[EMAIL]",
    ),
    "start time": (_set("_start_time", 7), lambda span: span.start_time == 7),
}  # fmt: skip


@pytest.mark.parametrize("writer", START_WRITERS)
def test_writes_at_the_start_of_a_span_are_redacted(writer: str) -> None:
    """The view accepts everything that the SDK's span accepts."""
    write, arrived = START_WRITERS[writer]

    class Writer(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            write(span)

    sdk = Sdk(Writer())
    sdk.tracer_provider.get_tracer("app").start_span("work", attributes={"kept": EMAIL}).end()

    (span,) = sdk.spans.get_finished_spans()
    assert sdk.internal_errors.counts() == {}
    assert arrived(span), span.to_json()
    assert leaked(sdk.wire()) == []


def test_views_have_the_types_that_processors_expect() -> None:
    """Of the SDK's types, one object for the life of a span, and equal to the span itself."""
    seen: list[Any] = []

    class BackgroundFlusher(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            seen.append(span)

        def _on_ending(self, span: Span) -> None:
            seen.append(span)

    sdk = Sdk(BackgroundFlusher())
    span = sdk.tracer_provider.get_tracer("app").start_span("work")
    span.end()

    started, ending = seen
    assert started is ending
    assert isinstance(started, Span)
    assert isinstance(started, trace.Span)
    assert started == span
    assert span == started
    assert len({started, span}) == 1
    assert started.get_span_context() == span.get_span_context()
    assert trace.set_span_in_context(started) is not None


def test_a_field_that_a_processor_adds_is_on_the_span() -> None:
    """Instrumentations and processors pass each other objects that way."""
    marker = object()

    class Marker(SpanProcessor):
        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            span.marker = marker  # type: ignore[attr-defined]
            span.note = RAW  # type: ignore[attr-defined]
            assert leaked(span.note) == []  # type: ignore[attr-defined]

    sdk = Sdk(Marker())
    span: Any = sdk.tracer_provider.get_tracer("app").start_span("work")

    assert span.marker is marker
    assert sdk.internal_errors.counts() == {}


def test_reading_attributes_of_accounting_finds_no_secret_in_json() -> None:
    """Model, provider, tier and type of error are quoted in the reason of a cost."""
    sdk = Sdk()
    sdk.work()

    calls = [
        s
        for s in sdk.spans.get_finished_spans()
        if "otel_distro.cost.status" in (s.attributes or {})
    ]
    assert len(calls) == 1
    assert "otel_distro.cost.reason" in (calls[0].attributes or {})
    assert leaked(json.dumps(dict(calls[0].attributes or {}), default=str)) == []
