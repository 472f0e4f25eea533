"""The page of one trace: tree and timeline of its spans, and the details of one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.json_format import MessageToDict
from starlette.responses import JSONResponse, Response

from otel_distro.base import formatting as figures
from otel_distro.ui.conversation import ConversationMessage, conversation_of, holds_message
from otel_distro.ui.log_page import LogLine, line, text_of
from otel_distro.ui.markup import element
from otel_distro.ui.spending import label
from otel_distro.ui.trace_list_page import when
from otel_distro.ui.trace_rows import Row, rows_of
from otel_distro.ui.trace_tree import Node, Tree, build_tree
from otel_trace_store.one_trace import (
    read_trace,
    read_trace_costs,
    read_trace_logs,
    read_trace_otlp,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from markupsafe import Markup

    from otel_trace_store.reader import StoreReader
    from otel_trace_store.records import StoredLog

_MOST_EVENTS: Final = 100
_MOST_ERRORS: Final = 8


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event of a span, formatted for display."""

    name: str
    after: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Detail:
    """The details of one span."""

    span_id: str
    name: str
    service: str
    lead: str
    failed: bool
    status_message: str
    facts: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str], ...]
    resource: tuple[tuple[str, str], ...]
    conversation: tuple[ConversationMessage, ...]
    events: tuple[EventLine, ...]
    links: tuple[tuple[str, str, str], ...]
    """(trace id, span id, URL)."""
    logs: tuple[LogLine, ...]


def content(
    reader: StoreReader, trace_id: bytes, query: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return the content of the page; None if the store has no span of the trace."""
    spans = read_trace(reader, trace_id)
    if not spans:
        return None
    tree = build_tree(spans, read_trace_costs(reader, trace_id))
    logs = read_trace_logs(reader, trace_id)
    chosen = tree.by_id.get(query.get("span", ""))
    shown = "all" if query.get("all") == "1" else ""
    rows, hidden = rows_of(tree, everything=bool(shown), chosen=chosen)
    errors = [node for node in tree.order if node.span.failed]
    return {
        "trace_id": trace_id.hex(),
        "title": label(figures.printable(tree.order[0].span.name)),
        "lead": _lead(tree),
        "legend": _legend(tree),
        "rows": rows,
        "hidden": hidden,
        "ticks": _ticks(tree),
        "errors": [
            (node.span.span_id, label(figures.printable(node.span.name)), _why(node))
            for node in errors[:_MOST_ERRORS]
        ],
        "more_errors": max(0, len(errors) - _MOST_ERRORS),
        "detail": None if chosen is None else _detail(chosen, tree, logs),
        "logs": [line(record) for record in logs],
    }


def is_stored(reader: StoreReader, trace_id: bytes) -> bool:
    """Return whether the store has any span or log record of a trace."""
    query = "SELECT 1 FROM traces WHERE trace_id = ?"
    return any(one.connection.execute(query, (trace_id,)).fetchone() for one in reader)


def as_otlp(reader: StoreReader, trace_id: bytes) -> Response:
    """Return a trace as OTLP/JSON, which other tools import."""
    document = MessageToDict(read_trace_otlp(reader, trace_id))
    for group in document.get("resourceSpans", ()):
        for scope in group.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                _hex_ids(span)
                for link in span.get("links", ()):
                    _hex_ids(link)
    name = f"trace-{trace_id.hex()}.json"
    return JSONResponse(document, headers={"content-disposition": f'attachment; filename="{name}"'})


def _hex_ids(holder: dict[str, Any]) -> None:
    import base64

    for key in ("traceId", "spanId", "parentSpanId"):
        if key in holder:
            holder[key] = base64.b64decode(holder[key]).hex()


def _lead(tree: Tree) -> str:
    services = {node.span.service for node in tree.order}
    errors = sum(node.span.failed for node in tree.order)
    parts = [
        figures.duration(tree.duration_ns / 1e6),
        figures.counted(len(tree.order), "span"),
        figures.counted(len(services), "service"),
    ]
    if errors:
        parts.append(figures.counted(errors, "error"))
    calls = sum(root.calls_below for root in tree.roots)
    if calls:
        cost = figures.cost(
            sum(root.nano_below for root in tree.roots),
            calls=calls,
            unpriced=sum(root.unpriced_below for root in tree.roots),
        )
        parts.append(f"{figures.counted(calls, 'model call')} for {cost}")
    return f"{', '.join(parts)}; began {when(tree.start_ns // 1000)} UTC"


def _legend(tree: Tree) -> list[tuple[str, Markup]]:
    labels = []
    for place, service in enumerate(services_of(tree)[:7]):
        swatch = element(
            "svg",
            element("rect", width=10, height=10, rx=2, class_=f"s{place}"),
            class_="swatch",
            width=10,
            height=10,
            aria_hidden="true",
        )
        labels.append((label(figures.printable(service)), swatch))
    return labels


def services_of(tree: Tree) -> list[str]:
    """Return the services of a trace in order of appearance."""
    return list(dict.fromkeys(node.span.service for node in tree.order))


def _ticks(tree: Tree) -> list[str]:
    return [figures.duration(tree.duration_ns * share / 4 / 1e6) for share in range(5)]


def _why(node: Node) -> str:
    if node.span.status_message:
        return text_of(node.span.status_message)[:200]
    kind = node.span.attributes.get("error.type") or node.span.attributes.get("exception.type")
    return text_of(kind)[:200] if kind else ""


def _detail(node: Node, tree: Tree, logs: list[StoredLog]) -> Detail:
    span = node.span
    own = [line(record) for record in logs if record.span_id == span.span_id]
    after = figures.duration((span.start_ns - tree.start_ns) / 1e6)
    return Detail(
        span_id=span.span_id,
        name=label(span.name),
        service=label(span.service),
        lead=f"after {after}, for {figures.duration(node.duration_ns / 1e6)}",
        failed=span.failed,
        status_message=text_of(span.status_message),
        facts=tuple(_facts(node)),
        attributes=_pairs(
            {key: value for key, value in span.attributes.items() if not holds_message(key)}
        ),
        resource=_pairs(span.resource),
        conversation=tuple(conversation_of(span.attributes)),
        events=tuple(
            EventLine(
                event.name,
                figures.duration((event.time_ns - span.start_ns) / 1e6),
                _pairs(event.attributes),
            )
            for event in span.events[:_MOST_EVENTS]
        ),
        links=tuple(
            (link.trace_id, link.span_id, f"/trace/{link.trace_id}?span={link.span_id}")
            for link in span.links[:_MOST_EVENTS]
        ),
        logs=tuple(own),
    )


def _facts(node: Node) -> list[tuple[str, str]]:
    span = node.span
    facts = [
        ("kind", span.kind),
        ("status", span.status),
        ("self time", figures.duration(node.self_ns / 1e6)),
        ("descendant spans", figures.count(node.spans_below)),
        ("on the critical path", "yes" if node.on_path else "no"),
        ("instrumentation", f"{span.scope} {span.scope_version}".strip()),
        ("parent", span.parent_span_id),
    ]
    if node.is_orphan:
        facts.append(("parent is missing", "not stored, or not yet received"))
    if node.calls_below:
        cost = figures.cost(node.nano_below, calls=node.calls_below, unpriced=node.unpriced_below)
        facts.append(("cost with descendants", cost))
    return [(name, figures.printable(value)) for name, value in facts if value]


def _pairs(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((key, text_of(value)) for key, value in sorted(values.items()))


__all__ = ["Detail", "Row", "as_otlp", "content", "services_of"]
