"""Accepted requests: content, form, sender, response."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from support.otlp_messages import A, Server, spans, trace_id

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

_NUMBERS = iter(range(1000, 100_000))


def request(*made: A) -> ExportTraceServiceRequest:
    """Return a request with *made*, or with one new span."""
    made = made or (A(1, trace=trace_id(next(_NUMBERS))),)
    return ExportTraceServiceRequest(resource_spans=[spans(*made)])


def encoded(*made: A) -> bytes:
    """Return such a request as protobuf."""
    return request(*made).SerializeToString()


def as_json(trace: str, span: str = "00000000000000aa", **more: Any) -> dict[str, Any]:
    """Return a request as OTLP/JSON."""
    one = {"traceId": trace, "spanId": span, "name": "from json", "startTimeUnixNano": "1790000000000000000", **more}  # fmt: skip # noqa: E501
    return {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}


def test_protobuf_is_answered_with_protobuf(shared_server: Server) -> None:
    """Without a partial success if all spans were accepted."""
    status, body, headers = shared_server.send("traces", encoded())

    assert (status, headers["content-type"]) == (200, "application/x-protobuf")
    assert not ExportTraceServiceResponse.FromString(body).HasField("partial_success")


def test_json_is_answered_with_json(shared_server: Server) -> None:
    """As another language's SDK sends it, unknown fields included."""
    document = as_json(
        f"{next(_NUMBERS):032x}",
        kind="SPAN_KIND_CLIENT",
        notOfThisVersion={"a": [1]},
        attributes=[
            {"key": "n", "value": {"intValue": "12"}},
            {"key": "d", "value": {"doubleValue": 0.5}},
            {"key": "l", "value": {"arrayValue": {"values": [{"stringValue": "x"}]}}},
            {"key": "m", "value": {"kvlistValue": {"values": [{"key": "k", "value": {}}]}}},
        ],
        status={"code": "STATUS_CODE_ERROR"},
    )

    status, body, headers = shared_server.send("traces", document)

    assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", {})
    trace = document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"]
    stored = json.loads(shared_server.get(f"/trace/{trace}.json"))
    (span,) = stored["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (span["kind"], span["status"]["code"]) == ("SPAN_KIND_CLIENT", "STATUS_CODE_ERROR")
    assert span["traceId"] == trace
    assert {a["key"] for a in span["attributes"]} == {"n", "d", "l", "m"}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "identity"])
def test_bodies_may_be_compressed(shared_server: Server, encoding: str) -> None:
    """With every algorithm of the SDKs."""
    body = encoded()
    if encoding == "zstd":
        zstandard = pytest.importorskip("zstandard")
        body = zstandard.ZstdCompressor().compress(body)
    else:
        if encoding == "gzip":
            body = gzip.compress(body)
        elif encoding == "deflate":
            body = zlib.compress(body)

    assert shared_server.send("traces", body, content_encoding=encoding)[0] == 200


BOMB = gzip.compress(b"\0" * (70 * 2**20), 9, mtime=0)


@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        (b"\x00garbage", {}, 400, "not an OTLP traces request"),
        (b"{", {"content_type": "application/json"}, 400, "not JSON"),
        (b"[]", {"content_type": "application/json"}, 400, "expected an object"),
        (b"[" * 100_000, {"content_type": "application/json"}, 400, "nested too deeply"),
        (b'{"resourceSpans": 7}', {"content_type": "application/json"}, 400, "resourceSpans"),
        (
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz!"}]}]}]}',
            {"content_type": "application/json"},
            400,
            "traceId",
        ),
        (b"9" * 5000, {"content_type": "application/json"}, 400, "not JSON"),
        (b"x", {"content_type": "text/plain"}, 415, "content type"),
        (b"x", {"content_encoding": "br"}, 415, "content encoding"),
        (b"not gzip", {"content_encoding": "gzip"}, 400, "damaged"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-12], {"content_encoding": "gzip"}, 400, "end early"),
        (gzip.compress(b"", mtime=0) * 2_000, {"content_encoding": "gzip"}, 400, "members"),
        (b"not zstd", {"content_encoding": "zstd"}, 400, "damaged"),
        (BOMB, {"content_encoding": "gzip"}, 413, "when decompressed"),
        (b"\0" * (17 * 2**20), {}, 413, "bytes"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_unusable_requests_are_refused_with_a_reason(
    shared_server: Server, body: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    """As a `google.rpc.Status` in the format of the request; the next request is accepted."""
    try:
        found, answer, _ = shared_server.send("traces", body, **headers)
    except OSError:  # a body that is not fully read may end the connection instead
        assert status == 413
    else:
        assert found == status
        if headers.get("content_type") == "application/json":
            assert message in json.loads(answer)["message"]
        else:
            assert message in Status.FromString(answer).message

    assert shared_server.send("traces", encoded())[0] == 200


def test_spans_without_usable_ids_are_a_partial_success(shared_server: Server) -> None:
    """The others of the request are stored."""
    valid = A(5, trace=trace_id(next(_NUMBERS)))
    invalid = [A(1, trace=bytes(16)), A(0, trace=trace_id(9)), A(2, trace=b"short")]

    status, body, _ = shared_server.send("traces", encoded(valid, *invalid))
    none_usable = shared_server.send("traces", encoded(*invalid))[0]

    partial = ExportTraceServiceResponse.FromString(body).partial_success
    assert (status, partial.rejected_spans) == (200, 3)
    assert "trace id of 16 bytes" in partial.error_message
    assert none_usable == 400
    assert shared_server.get(f"/trace/{valid.trace.hex()}")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:4318"}, 421),
        ({"host": "localhost:4318"}, 200),
        ({"host": "[::1]:4318"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9"}, 403),
        ({"sec_fetch_site": "cross-site", "origin": "https://a.example"}, 403),
    ],
    ids=str,
)
def test_other_names_and_origins_are_refused(
    shared_server: Server, headers: dict[str, str], status: int
) -> None:
    """A web page can reach a port of loopback; it may not send."""
    assert shared_server.send("traces", encoded(), **headers)[0] == status


def test_other_paths_and_methods_are_refused(shared_server: Server) -> None:
    """With the valid paths."""
    assert shared_server.ask(f"{shared_server.http}/v1/profiles", b"x")[0] == 404
    status, _, headers = shared_server.ask(f"{shared_server.http}/v1/traces")
    assert (status, headers["allow"]) == (405, "POST")


def test_named_origins_may_send(tmp_path: Path) -> None:
    """After a preflight, and no others."""
    origin = "http://localhost:3000"
    server = Server(tmp_path, OTEL_DISTRO_SERVE_ORIGINS=origin)
    try:
        status, _, headers = server.send("traces", encoded(), origin=origin)
        url = f"{server.http}/v1/traces"
        preflight = _options(url, origin)
        refused = _options(url, "http://evil.example")
        other = server.send("traces", encoded(), origin="http://evil.example")
    finally:
        server.close()

    assert (status, headers["access-control-allow-origin"]) == (200, origin)
    assert (preflight[0], preflight[1]["access-control-allow-methods"]) == (204, "POST")
    assert refused[0] == 403
    assert "access-control-allow-origin" not in refused[1]
    assert (other[0], "access-control-allow-origin" in other[2]) == (403, False)


def _options(url: str, origin: str) -> tuple[int, dict[str, str]]:
    import urllib.error
    import urllib.request

    preflight = urllib.request.Request(
        url, method="OPTIONS", headers={"origin": origin, "access-control-request-method": "POST"}
    )
    try:
        with urllib.request.urlopen(preflight, timeout=30) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers)


def test_a_token_is_required_if_set(tmp_path: Path) -> None:
    """Over HTTP and over gRPC."""
    grpc = pytest.importorskip("grpc")
    token = "t" * 32
    server = Server(tmp_path, OTEL_DISTRO_SERVE_TOKEN=token)
    try:
        without = server.send("traces", encoded())[0]
        wrong = server.send("traces", encoded(), authorization="Bearer x")[0]
        right = server.send("traces", encoded(), authorization=f"Bearer {token}")[0]
        with pytest.raises(grpc.RpcError) as refused:
            _export(server, encoded())
        _export(server, encoded(), (("authorization", f"Bearer {token}"),))
    finally:
        server.close()

    assert (without, wrong, right) == (401, 401, 200)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def _export(server: Server, body: bytes, metadata: tuple[tuple[str, str], ...] = ()) -> bytes:
    grpc = pytest.importorskip("grpc")
    with grpc.insecure_channel(server.grpc) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        return bytes(export(body, metadata=metadata, timeout=30))


def test_grpc_is_received(shared_server: Server) -> None:
    """And garbage is refused."""
    grpc = pytest.importorskip("grpc")
    one = A(1, trace=trace_id(next(_NUMBERS)))

    _export(shared_server, encoded(one))
    with pytest.raises(grpc.RpcError) as refused:
        _export(shared_server, b"\x00garbage")

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert shared_server.get(f"/trace/{one.trace.hex()}")


def test_other_machines_are_served_with_tokens_only(tmp_path: Path) -> None:
    """The error names the missing ones."""
    import os
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "otel_distro", "serve", "--host", "0.0.0.0", "--no-browser"],
        env={**os.environ, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "OTEL_DISTRO_SERVE_TOKEN and OTEL_DISTRO_UI_TOKEN" in done.stderr


@pytest.mark.slow
def test_a_connection_that_sends_no_request_is_closed(tmp_path: Path) -> None:
    """Silent ones and those that send a byte now and then; others are served meanwhile."""
    from otel_distro.server.limits import DEFAULT_LIMITS

    assert DEFAULT_LIMITS.head_seconds <= 10
    server = Server(tmp_path)
    try:
        for url in (server.http, server.page):
            parts = urlsplit(url)
            with socket.create_connection((str(parts.hostname), parts.port or 0)) as slow:
                slow.settimeout(DEFAULT_LIMITS.head_seconds * 3)
                slow.sendall(b"POST /v1/traces HT")
                assert server.send("traces", encoded())[0] == 200
                assert slow.recv(1000) in {b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"}
    finally:
        server.close()
