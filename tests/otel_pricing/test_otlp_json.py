"""Reading archives: output of the Collector's file exporter, and damaged files."""

from __future__ import annotations

import base64
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_pricing import LineProblem, SpanRecord, read_spans

if TYPE_CHECKING:
    from pathlib import Path

TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"


def line(**span: Any) -> bytes:
    """Return an export request with one span."""
    fields = {"traceId": TRACE, "spanId": SPAN, "name": "chat"} | span
    scope_spans = {"scope": {"name": "s", "version": "1"}, "spans": [fields]}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "app"}}]}
    return json.dumps(
        {"resourceSpans": [{"resource": resource, "scopeSpans": [scope_spans]}]}
    ).encode()


def read(content: bytes) -> tuple[list[SpanRecord], list[LineProblem]]:
    """Return the spans in *content* and its problems."""
    problems: list[LineProblem] = []
    return list(read_spans(io.BytesIO(content), report=problems.append)), problems


def only(content: bytes) -> SpanRecord:
    """Return the one span in *content*."""
    (span,), problems = read(content)
    assert not problems
    return span


def test_a_span_has_all_fields_for_pricing() -> None:
    """Ids, times, status, scope, resource and events of the protocol's JSON."""
    span = only(
        line(
            parentSpanId="0000000000000007",
            kind=3,
            startTimeUnixNano="1544712660000000000",
            endTimeUnixNano="1544712661000000000",
            status={"code": 2, "message": "boom"},
            events=[{"name": "exception", "timeUnixNano": "5", "attributes": []}],
        )
    )

    assert span.trace_id == int(TRACE, 16)
    assert span.span_id == int(SPAN, 16)
    assert span.parent_span_id == 7
    assert span.end_ns - span.start_ns == 1_000_000_000
    assert (span.kind, span.status_is_error, span.status_message) == (3, True, "boom")
    assert (span.scope_name, span.scope_version) == ("s", "1")
    assert span.resource_attributes == {"service.name": "app"}
    assert [(event.name, event.time_ns) for event in span.events] == [("exception", 5)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"stringValue": "x"}, "x", id="text"),
        pytest.param({"intValue": "1200"}, 1200, id="64-bit integer as text"),
        pytest.param({"intValue": 1200}, 1200, id="integer"),
        pytest.param({"intValue": "many"}, None, id="text that is no integer"),
        pytest.param({"doubleValue": 0.5}, 0.5, id="double"),
        pytest.param({"doubleValue": "Infinity"}, float("inf"), id="double as text"),
        pytest.param({"doubleValue": "wide"}, None, id="text that is no double"),
        pytest.param({"boolValue": True}, True, id="boolean"),
        pytest.param({"arrayValue": {"values": [{"intValue": "1"}]}}, [1], id="array"),
        pytest.param({"arrayValue": {}}, [], id="empty array"),
        pytest.param(
            {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}},
            {"a": 1},
            id="map",
        ),
        pytest.param({"bytesValue": "AA=="}, "AA==", id="bytes"),
        pytest.param({"string_value": "x"}, "x", id="snake case"),
        pytest.param({"futureValue": 1}, None, id="unknown kind"),
        pytest.param({}, None, id="empty"),
        pytest.param("x", None, id="not a value"),
    ],
)
def test_an_attribute_value_is_read_by_its_kind(value: object, expected: object) -> None:
    """Every kind of OTLP value has its Python value; an unknown one is None."""
    assert only(line(attributes=[{"key": "k", "value": value}])).attributes == {"k": expected}


def test_a_value_nested_too_deep_ends_somewhere() -> None:
    """Thirty-two levels are enough for any telemetry, and few enough for any stack."""
    value: dict[str, Any] = {"intValue": "1"}
    for _ in range(100):
        value = {"arrayValue": {"values": [value]}}

    read_value = only(line(attributes=[{"key": "k", "value": value}])).attributes["k"]

    assert str(read_value).count("[") == 33


def test_snake_case_keys_and_base64_ids_are_read_too() -> None:
    """Plain protobuf JSON differs from OTLP's in both."""
    span = {
        "trace_id": base64.b64encode(bytes.fromhex(TRACE)).decode(),
        "span_id": base64.b64encode(bytes.fromhex(SPAN)).decode(),
        "parent_span_id": "",
        "start_time_unix_nano": 5,
        "end_time_unix_nano": "6",
        "kind": "SPAN_KIND_CLIENT",
        "status": {"code": "STATUS_CODE_ERROR"},
    }
    request = {"resource_spans": [{"scope_spans": [{"spans": [span]}]}]}

    read_span = only(json.dumps(request).encode())

    assert (read_span.trace_id, read_span.span_id) == (int(TRACE, 16), int(SPAN, 16))
    assert read_span.parent_span_id is None
    assert (read_span.start_ns, read_span.end_ns) == (5, 6)
    assert (read_span.kind, read_span.status_is_error) == (3, True)


def test_archives_from_before_scopes_were_called_scopes_are_read() -> None:
    """Old archives use `instrumentationLibrary`."""
    span = {"traceId": TRACE, "spanId": SPAN}
    group = {"instrumentationLibrary": {"name": "old"}, "spans": [span]}
    request = {"resourceSpans": [{"instrumentationLibrarySpans": [group]}]}

    assert only(json.dumps(request).encode()).scope_name == "old"


def test_gzip_is_recognised_by_its_content(tmp_path: Path) -> None:
    """A rotated archive needs neither another command nor a certain name."""
    path = tmp_path / "spans.jsonl"
    path.write_bytes(gzip.compress(line()) + gzip.compress(b"\n" + line()))

    assert len(list(read_spans(path))) == 2


def test_a_damaged_gzip_file_gives_its_readable_part_and_a_problem() -> None:
    """The spans before the damage are not lost."""
    packed = gzip.compress(b"\n".join([line()] * 2000), compresslevel=0)

    spans, problems = read(packed[: len(packed) // 2])

    assert len(spans) > 100
    assert len(problems) == 1
    assert "ends early" in problems[0].reason


@pytest.mark.parametrize(
    ("invalid", "reason"),
    [
        pytest.param(b'{"resourceSpans": [', "not JSON", id="torn line"),
        pytest.param(b"\xff\xfe\x00", "not JSON", id="binary"),
        pytest.param(b"[1, 2]", "expected a JSON object, got list", id="not an object"),
        pytest.param(b"[" * 100_000, "not JSON", id="nested without end"),
        pytest.param(line(traceId="xyz"), "span skipped", id="broken id"),
        pytest.param(line(traceId=7), "expected an id", id="id that is a number"),
        pytest.param(line(traceId="0" * 32), "zeros", id="id of zeros"),
        pytest.param(line(spanId="AAAA"), "expected an id of 8 bytes", id="short id"),
        pytest.param(line(startTimeUnixNano="soon"), "span skipped", id="time that is none"),
        pytest.param(line(startTimeUnixNano=-1), "nanoseconds", id="time before 1970"),
    ],
)
def test_unreadable_lines_are_reported_with_their_number_and_skipped(
    invalid: bytes, reason: str
) -> None:
    """Other lines are not affected."""
    spans, problems = read(b"\n".join([line(), invalid, b"", line()]))

    assert len(spans) == 2
    assert [problem.line for problem in problems] == [2]
    assert reason in str(problems[0])


def test_metrics_and_logs_are_passed_over_in_silence() -> None:
    """One file of the Collector may have all signals."""
    assert read(b'{"resourceMetrics": []}\n{"resourceLogs": [{}]}\n') == ([], [])


def test_spans_come_one_by_one() -> None:
    """An archive of any size is read in the memory of one line."""
    endless = io.BytesIO(line() + b"\n" + b"x" * 100)

    first = next(iter(read_spans(endless)))

    assert first.name == "chat"


def test_unread_problems_are_dropped() -> None:
    """Reading without a report is allowed."""
    assert list(read_spans(io.BytesIO(b"nonsense"))) == []


def test_a_callers_stream_stays_open() -> None:
    """The caller closes it."""
    stream = io.BytesIO(line())

    list(read_spans(stream))

    assert not stream.closed


@given(st.binary(max_size=300))
def test_no_content_makes_the_reader_raise(content: bytes) -> None:
    """Reading any file ends with spans and problems."""
    read(content)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_no_span_makes_the_reader_raise(value: object) -> None:
    """For any value in place of the expected one."""
    for key in ("traceId", "attributes", "status", "events", "kind", "endTimeUnixNano"):
        read(line(**{key: value}))
    read(json.dumps({"resourceSpans": value}).encode())
