"""Received telemetry is redacted, priced once, stored and forwarded."""

from __future__ import annotations

import http.server
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otel_distro.server.attribute_redaction import AttributeRedactor
from otel_distro.server.limits import ReceiverLimits
from otel_distro.server.message_redaction import MessageRedactor
from otel_distro.server.otlp_values import set_value
from otel_redaction.shield import Shield
from support.http_server import serving
from support.otlp_messages import (
    BEGAN_NS,
    TRACE,
    A,
    Server,
    counter,
    eventually,
    logs,
    span_id,
    spans,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRETS = ("mira.holt@corp-mail.example", "sk-proj-7QmZt7xKd93LsPw02VbNcR5uYhG8eJ1A")
TEXT = f"write to {SECRETS[0]} with {SECRETS[1]}"
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.response.id": "r-1",
}
COST = 6_000_000


def planted() -> tuple[Any, Any, Any]:
    """Return a request of each signal with the secrets in every field that can hold text."""
    group = spans(
        A(
            1,
            TEXT,
            attributes={
                "a": TEXT,
                "nested": {"k": [TEXT, {TEXT: TEXT}]},
                TEXT: 1,
                "json": json.dumps({"deep": {"mail": TEXT}}),
                "bytes": TEXT.encode(),
                "list": [TEXT, TEXT],
            },
            failed=True,
            message=TEXT,
            events=[(TEXT, {"exception.message": TEXT})],
        ),
        service=TEXT,
        scope=TEXT,
        resource={"owner": TEXT, "process.command_args": [TEXT]},
    )
    group.schema_url = TEXT
    span = group.scope_spans[0].spans[0]
    span.trace_state = f"vendor={SECRETS[1]}"
    link = span.links.add(trace_id=TRACE, span_id=span_id(2), trace_state=f"v={SECRETS[1]}")
    set_value(link.attributes.add(key="l").value, TEXT)
    group.scope_spans[0].schema_url = TEXT
    group.scope_spans[0].scope.version = TEXT
    set_value(group.scope_spans[0].scope.attributes.add(key="s").value, TEXT)
    log = logs({"text": TEXT, TEXT: [TEXT]}, attributes={"x": TEXT}, event=TEXT, scope=TEXT)
    log.scope_logs[0].log_records[0].severity_text = TEXT
    metrics = counter(TEXT, 1, attributes={"customer": TEXT}, service=TEXT)
    metric = metrics.scope_metrics[0].metrics[0]
    metric.description, metric.unit = TEXT, TEXT
    set_value(metric.metadata.add(key="m").value, TEXT)
    exemplar = metric.sum.data_points[0].exemplars.add(as_int=1)
    set_value(exemplar.filtered_attributes.add(key="f").value, TEXT)
    return (
        ExportTraceServiceRequest(resource_spans=[group]),
        ExportLogsServiceRequest(resource_logs=[log]),
        ExportMetricsServiceRequest(resource_metrics=[metrics]),
    )


def redact(shield: Shield | None = None) -> list[bytes]:
    """Return the planted requests as they are after redaction."""
    redactor = MessageRedactor(shield or Shield(), ReceiverLimits())
    traces, records, metrics = planted()
    redactor.traces(traces, lambda *_: {"otel_distro.cost.reason": TEXT})
    redactor.logs(records, lambda *_: None)
    redactor.metrics(metrics)
    return [message.SerializeToString() for message in (traces, records, metrics)]


def test_no_field_of_any_signal_keeps_a_secret() -> None:
    """Names of attributes, nested values, trace states, exemplars, attributes of pricing."""
    for _ in range(2):  # the cache of the first must not let the second through
        for body in redact():
            assert not [secret for secret in SECRETS if secret.encode() in body]
            assert b"write to" in body


def test_where_redaction_fails_content_is_withheld() -> None:
    """It fails closed: ids and times stay."""
    for body in redact(Shield(withhold=True)):
        assert not [secret for secret in SECRETS if secret.encode() in body]
        assert b"write to" not in body


def test_fields_of_later_versions_do_not_pass() -> None:
    """This version cannot redact unknown fields."""
    from otel_distro.server.decoding import decode

    unknown = bytes([0xFA, 0x3E, len(TEXT)]) + TEXT.encode()  # field 1007
    request = ExportTraceServiceRequest.FromString(unknown)
    assert TEXT.encode() in request.SerializeToString()

    message = decode("traces", unknown, "application/x-protobuf", "", ReceiverLimits())

    assert message.SerializeToString() == b""


def test_values_beyond_the_bounds_are_cut_and_counted() -> None:
    """Attributes, events, and levels of nesting."""
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]
    limits = ReceiverLimits(attributes=5, events=2, nesting=8)
    many = spans(
        A(
            1,
            attributes={"deep": deep, **{f"k{n}": n for n in range(20)}},
            events=[("e", {})] * 9,
        )
    )
    request = ExportTraceServiceRequest(resource_spans=[many])

    MessageRedactor(Shield(), limits).traces(request, lambda *_: None)

    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert (len(span.attributes), span.dropped_attributes_count) == (5, 16)
    assert (len(span.events), span.dropped_events_count) == (2, 7)
    assert len(span.attributes[0].value.SerializeToString()) < 200


def test_attributes_that_the_policy_drops_are_gone() -> None:
    """Those beside them stay, in their order."""
    from otel_redaction import Policy, Redactor

    shield = Shield(Redactor(Policy(keys={"gone": "drop"})))
    group = spans(A(1, attributes={"a": "1", "gone": "x", "b": "2"}))
    span = group.scope_spans[0].spans[0]

    AttributeRedactor(shield, most=100, nesting=8).redact(span, "attributes", "traces")

    assert [pair.key for pair in span.attributes] == ["a", "b"]


def test_a_secret_is_hidden_wherever_it_recurs_in_a_span() -> None:
    """Under a name that identifies it, and in a text without one."""
    group = spans(
        A(1, attributes={"note": "retry sent Xk93LsPw02Vb", "password": "Xk93LsPw02Vb", "n": 7})
    )
    request = ExportTraceServiceRequest(resource_spans=[group])

    for _ in range(2):
        MessageRedactor(Shield(), ReceiverLimits()).traces(request, lambda *_: None)

    assert b"Xk93LsPw02Vb" not in request.SerializeToString()
    assert len(request.resource_spans[0].scope_spans[0].spans[0].attributes) == 3


class _Sink(http.server.BaseHTTPRequestHandler):
    got: dict[str, list[bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.setdefault(self.path, []).append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        pass


@pytest.fixture
def sink() -> Iterator[tuple[str, dict[str, list[bytes]]]]:
    """Another collector, with its requests by path."""
    got: dict[str, list[bytes]] = {}
    handler = type("Sink", (_Sink,), {"got": got})
    with serving(handler) as address:
        yield address, got


def send(server: Server, *groups: Any) -> None:
    """Send spans."""
    request = ExportTraceServiceRequest(resource_spans=groups)
    assert server.send("traces", request.SerializeToString())[0] == 200


def total(server: Server) -> tuple[int, int]:
    """Return calls and nano-dollars of the ledger."""
    found = json.loads(server.run("costs", "--since", "2020-01-01", "--json"))["total"]
    return found["calls"], found["cost_nano_usd"]


@pytest.mark.slow
@pytest.mark.process
def test_a_call_is_priced_once_however_often_it_is_sent(server: Server) -> None:
    """Again, by another instrumentation around it, and after a restart."""
    client = spans(A(2, "chat gpt-4o", 1, start_ms=10, ms=500, attributes=CHAT))
    framework = spans(A(1, "ChatOpenAI", ms=600, attributes={**CHAT, "gen_ai.response.id": "r-1"}))
    framework.scope_spans[0].scope.name = "opentelemetry.instrumentation.langchain"
    send(server, client)
    send(server, client)
    send(server, framework)
    server.stop()
    server.start()
    send(server, client)
    page = server.get(f"/trace/{TRACE.hex()}")
    server.stop()

    assert total(server) == (1, COST)
    assert "1 model call for $0.006;" in page


@pytest.mark.process
def test_a_call_priced_by_its_sender_keeps_that_price(server: Server) -> None:
    """From this distribution in another process; claims of others are not trusted."""
    priced = {
        **CHAT,
        "otel_distro.cost.status": "priced",
        "otel_distro.billed": True,
        "otel_distro.cost.nano_usd": 1234,
    }
    send(
        server,
        spans(
            A(1, "chat gpt-4o", attributes=priced),
            resource={"telemetry.distro.name": "otel_distro"},
        ),
    )
    send(
        server,
        spans(
            A(2, "chat gpt-4o", start_ms=5000, attributes={**priced, "gen_ai.response.id": "r-2"})
        ),
    )
    server.stop()

    assert total(server) == (2, 1234 + COST)


@pytest.mark.process
def test_events_of_coding_agents_are_calls(server: Server) -> None:
    """Once, for any number of deliveries."""
    record = logs(
        "claude_code.api_request",
        event="claude_code.api_request",
        service="claude-code",
        scope="com.anthropic.claude_code.events",
        attributes={
            "event.name": "api_request",
            "session.id": "s-1",
            "model": "claude-sonnet-4-5-20250929",
            "input_tokens": "5",
            "output_tokens": "120",
            "cache_read_tokens": "20000",
            "cache_creation_tokens": "1500",
            "cost_usd": "0.0134",
            "duration_ms": "5120",
        },
    )
    body = ExportLogsServiceRequest(resource_logs=[record]).SerializeToString()
    for _ in range(2):
        assert server.send("logs", body)[0] == 200
    page = server.get("/logs?event=claude_code.api_request")
    server.stop()

    assert total(server) == (1, 13_440_000)
    assert page.count('<summary><span class="at') == 1


@pytest.mark.slow
@pytest.mark.process
def test_received_records_are_forwarded_redacted_and_spooled_during_an_outage(
    tmp_path: Path, sink: tuple[str, dict[str, list[bytes]]]
) -> None:
    """Each request once; undelivered requests are sent after the next start."""
    url, got = sink
    offline = Server(tmp_path, OTEL_DISTRO_FORWARD="http://127.0.0.1:9")
    send(offline, spans(A(1, "kept meanwhile", attributes={"a": TEXT})))
    assert offline.stop() == 0
    server = Server(tmp_path, OTEL_DISTRO_FORWARD=url)
    send(server, spans(A(2, "sent at once", attributes={"a": TEXT})))
    assert server.stop() == 0
    assert [n.startswith("traces-") for n in _names(tmp_path / "state/otel-distro/spool")]

    bodies = b"".join(got.get("/v1/traces", []))
    assert b"sent at once" in bodies
    assert not [secret for secret in SECRETS if secret.encode() in bodies]


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.exists() else []


@pytest.mark.process
def test_it_does_not_forward_to_its_own_endpoint(tmp_path: Path) -> None:
    """That would be an endless loop."""
    with pytest.raises(AssertionError, match="names this server itself"):
        Server(tmp_path, "--otlp-http-port", "24377", OTEL_DISTRO_FORWARD="http://localhost:24377")


@pytest.mark.slow
@pytest.mark.process
def test_acknowledged_records_survive_kill_9(server: Server) -> None:
    """Spans, and their costs in the ledger."""
    sent = 0
    for _ in range(4):
        for _ in range(10):
            sent += 1
            attributes = {**CHAT, "gen_ai.response.id": f"r-{sent}"}
            group = spans(
                A(sent, "chat gpt-4o", attributes=attributes), began_ns=BEGAN_NS + sent * 10**10
            )
            send(server, group)
        server.stop(signal.SIGKILL)
        server.start()
    page = server.get(f"/trace/{TRACE.hex()}")
    server.stop()

    assert total(server) == (sent, sent * COST)
    assert f"{sent} spans" in page


@pytest.mark.process
def test_without_consent_nothing_is_received(tmp_path: Path) -> None:
    """And nothing stored."""
    server = Server(tmp_path, OTEL_DISTRO_CONSENT="required")
    try:
        status = server.send(
            "traces", ExportTraceServiceRequest(resource_spans=[spans(A(1))]).SerializeToString()
        )[0]
        page = server.get("/traces")
    finally:
        server.close()

    assert status == 403
    assert "work" not in page


@pytest.mark.process
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")
def test_a_full_disk_is_answered_with_503_and_nothing_acknowledged_is_lost(server: Server) -> None:
    """The sender keeps the request; it is accepted when there is room again."""
    answers: list[int] = []
    acknowledged: list[int] = []

    def send_one(number: int) -> tuple[int, dict[str, str]]:
        group = spans(A(number, "work", attributes={"n": f"{number} {'x' * 200}"}))
        request = ExportTraceServiceRequest(resource_spans=[group])
        status, _, headers = server.send("traces", request.SerializeToString())
        answers.append(status)
        if status == 200:
            acknowledged.append(number)
        return status, headers

    send_one(1)
    pid, unlimited = server.process.pid, resource.RLIM_INFINITY
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (200_000, unlimited))
    number = 1
    while answers[-1] == 200 and number < 2_000:
        number += 1
        _, headers = send_one(number)
    assert answers[-1] == 503
    assert int(headers["retry-after"]) > 0  # pyright: ignore[reportPossiblyUnboundVariable]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
    assert send_one(number)[0] == 200
    stored = {span["span_id"] for span in json.loads(server.run("traces", TRACE.hex(), "--json"))}

    assert stored == {span_id(n).hex() for n in acknowledged}
    assert server.stop() == 0


@pytest.mark.process
def test_a_call_is_acknowledged_once_the_ledger_would_survive_a_kill(tmp_path: Path) -> None:
    """Other spans are accepted meanwhile; the call is billed once when it is sent again."""
    place = tmp_path / "place"
    place.touch()  # no folder: neither a ledger nor a spill file can be written there
    call = ExportTraceServiceRequest(
        resource_spans=[spans(A(1, "chat gpt-4o", attributes=CHAT))]
    ).SerializeToString()
    plain = ExportTraceServiceRequest(resource_spans=[spans(A(2))]).SerializeToString()
    server = Server(tmp_path, OTEL_DISTRO_LEDGER=str(place / "ledger.db"))
    try:
        refused, accepted = (server.send("traces", body)[0] for body in (call, plain))
        place.unlink()
        eventually(lambda: server.send("traces", call)[0] == 200, 60)
        server.stop(signal.SIGKILL)
        costs = json.loads(server.run("costs", "--json"))
    finally:
        server.close()

    assert (refused, accepted) == (503, 200)
    assert costs["total"]["calls"] == 1


@pytest.mark.slow
@pytest.mark.process
def test_many_connections_and_slow_bodies_leave_room_for_others(server: Server) -> None:
    """Connections beyond the bound get 503; when they end, requests are served again."""
    from urllib.parse import urlsplit

    from otel_distro.server.limits import DEFAULT_LIMITS

    parts = urlsplit(server.http)
    address = (str(parts.hostname), parts.port or 0)
    head = b"POST /v1/traces HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000\r\n\r\nx"
    opened = []
    try:
        for _ in range(DEFAULT_LIMITS.connections + 40):
            connection = socket.create_connection(address, timeout=10)
            connection.sendall(head)
            opened.append(connection)
        group = spans(A(1))
        body = ExportTraceServiceRequest(resource_spans=[group]).SerializeToString()
        crowded = server.send("traces", body)[0]
    finally:
        for connection in opened:
            connection.close()
    assert crowded in {200, 503}
    assert eventually(lambda: server.send("traces", body)[0] == 200)
    assert server.get("/traces")


@pytest.mark.process
def test_budgets_are_charged_once_for_received_calls(tmp_path: Path) -> None:
    """`budgets` and `costs` show the same spending."""
    server = Server(tmp_path, OTEL_DISTRO_BUDGET_USD_PER_DAY="5")
    try:
        group = spans(A(2, "chat gpt-4o", attributes=CHAT), began_ns=time.time_ns() - 10**9)
        send(server, group)
        send(server, group)
    finally:
        server.close()

    (budget,) = json.loads(server.run("budgets", "--json"))["budgets"]
    assert (budget["spent"], total(server)) == (COST, (1, COST))


@pytest.mark.process
def test_a_user_is_known_by_a_pseudonym_and_can_be_forgotten(server: Server) -> None:
    """The same as in the ledger; their traces are deleted, those of others stay."""
    for number, user in enumerate(("alice", "bob", "alice"), start=1):
        trace = number.to_bytes(16, "big")
        attributes = {**CHAT, "gen_ai.response.id": f"r-{number}", "user.id": user}
        call = A(number * 10 + 1, "chat", number * 10, trace, attributes=attributes)
        send(server, spans(A(number * 10, f"request {number}", trace=trace), call))
        record = logs(f"log {number}", trace=trace, attributes={"enduser.id": user})
        body = ExportLogsServiceRequest(resource_logs=[record]).SerializeToString()
        assert server.send("logs", body)[0] == 200
    page = server.get(f"/trace/{1:032x}?span={11:016x}")
    server.run("forget", "alice", "--erase")
    left = json.loads(server.run("traces", "--json"))
    lines = json.loads(server.run("logs", "--json"))
    found = json.loads(server.run("traces", "--search", "request", "--json"))
    send(server, spans(A(99, "goes on", trace=(99).to_bytes(16, "big"))))
    server.stop()
    files = b"".join(f.read_bytes() for f in server.home.rglob("*") if f.is_file())

    assert "user_" in page
    assert "alice" not in page
    assert b"alice" not in files
    assert [row["name"] for row in left] == ["request 2"]
    assert [line["body"] for line in lines] == ["log 2"]
    assert [row["name"] for row in found] == ["request 2"]


@pytest.mark.slow
@pytest.mark.process
def test_records_spooled_by_programs_arrive_when_it_starts(tmp_path: Path) -> None:
    """Once, after the program ended; requests for other endpoints stay."""
    program = (
        "import otel_distro; otel_distro.configure()\n"
        "from opentelemetry import trace\n"
        "with trace.get_tracer('app').start_as_current_span('before serve'): pass\n"
    )
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    for port in ports:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "HOME": str(tmp_path),
                "XDG_STATE_HOME": str(tmp_path / "state"),
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_SERVICE_NAME": f"app-{port}",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
    server = Server(tmp_path, "--otlp-http-port", str(ports[0]))
    try:
        rows = eventually(
            lambda: [row for row in json.loads(server.get("/traces.json")) if row["spans"]]
        )
    finally:
        server.close()

    assert [(row["name"], row["service"]) for row in rows] == [("before serve", f"app-{ports[0]}")]
