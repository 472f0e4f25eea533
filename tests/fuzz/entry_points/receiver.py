"""The receiver of OTLP: a body is decoded or refused with a status, in bounds."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any, NamedTuple

from hypothesis import strategies as st

from fuzz.entry_points.entry_point import EntryPoint, json_values, texts
from otel_distro.server.decoding import JSON, PROTOBUF, RefusedBodyError, decode
from otel_distro.server.limits import ReceiverLimits
from otel_distro.server.signals import message_class

_LIMITS = ReceiverLimits(message_bytes=100_000)
_SIGNALS = ("traces", "logs", "metrics")
_KEYS = (
    *("resourceSpans", "scopeSpans", "spans", "resourceLogs", "scopeLogs", "logRecords", "body"),
    *("resourceMetrics", "scopeMetrics", "metrics", "gauge", "sum", "histogram", "dataPoints"),
    *("attributes", "key", "value", "stringValue", "intValue", "kvlistValue", "arrayValue"),
    *("values", "traceId", "spanId", "kind", "startTimeUnixNano", "asInt", "bucketCounts"),
    *("resource", "resource_spans", "bytesValue", "doubleValue", "boolValue", "events", "links"),
)
_documents = st.recursive(
    json_values,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4)
    ),
    max_leaves=15,
)


class Body(NamedTuple):
    """A request."""

    signal: str
    content: bytes
    content_type: str
    encoding: str


@st.composite
def bodies(draw: Any) -> Body:
    """Return a body with valid or invalid type and encoding."""
    content = draw(_documents.map(lambda d: json.dumps(d).encode()) | st.binary(max_size=80))
    if draw(st.integers(0, 9)) == 0:
        content = content * 5000
    how = draw(st.sampled_from(["plain", "gzip", "zlib", "cut", "twice"]))
    if how != "plain":
        content = zlib.compress(content) if how == "zlib" else gzip.compress(content)
    if how == "cut":
        content = content[: draw(st.integers(0, len(content)))]
    if how == "twice":
        content += content
    kinds = st.sampled_from([JSON, PROTOBUF, f"{JSON}; charset=utf-8", "text/plain"]) | texts
    encodings = st.sampled_from(["", "gzip", "deflate", "zstd", "identity", "br"]) | texts
    return Body(draw(st.sampled_from(_SIGNALS)), content, draw(kinds), draw(encodings))


def check(body: Body) -> None:
    """A message of the signal, or a refusal with a reason of one line."""
    try:
        message = decode(body.signal, body.content, body.content_type, body.encoding, _LIMITS)
    except RefusedBodyError as refused:
        _check_refusal(refused)
        return
    assert isinstance(message, message_class(body.signal))
    message.SerializeToString()


def _check_refusal(refused: RefusedBodyError) -> None:
    assert refused.status in {400, 413, 415}
    assert refused.reason
    assert "\n" not in refused.reason
    assert len(refused.reason) < 500


ENTRY_POINT = EntryPoint(bodies(), check, few=60)
