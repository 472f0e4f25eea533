"""Archives with log records, batch results, metrics and other formats."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_pricing import LineProblem, SpanRecord, read_call
from otel_pricing.reading import large_lines
from otel_pricing.reading.archive_lines import Place
from otel_pricing.reading.batch_results import NOT_RUN, span_of_result
from otel_pricing.reading.large_lines import pieces_of
from otel_pricing.reading.log_events import LogRecord, call_of_log
from otel_pricing.reading.other_formats import name_of
from otel_pricing.reading.otlp_json import read_records
from otel_pricing.reading.otlp_records import SpanLink, spans_of

if TYPE_CHECKING:
    from pathlib import Path

TRACE = "5b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"


def read(*lines: Any, source: Any = None) -> tuple[list[Any], list[str], Counter[str]]:
    """Return the records of *lines*, the problems, and the skipped lines."""
    problems: list[LineProblem] = []
    passed: Counter[str] = Counter()
    data = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
    )
    found = list(read_records(source or io.BytesIO(data), report=problems.append, passed=passed))
    return found, [problem.reason for problem in problems], passed


def logs(**record: Any) -> dict[str, Any]:
    fields = {"timeUnixNano": "5", "traceId": TRACE, "spanId": SPAN} | record
    return {"resourceLogs": [{"scopeLogs": [{"scope": {"name": "s"}, "logRecords": [fields]}]}]}


def spans(**span: Any) -> dict[str, Any]:
    fields = {"traceId": TRACE, "spanId": SPAN} | span
    return {"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}


def test_log_records_and_spans_come_in_the_files_order() -> None:
    found, problems, passed = read(logs(eventName="a"), spans(name="chat"), logs(eventName="b"))

    assert [type(each) for each in found] == [LogRecord, SpanRecord, LogRecord]
    assert [each.event_name for each in found if isinstance(each, LogRecord)] == ["a", "b"]
    assert (problems, sum(passed.values())) == ([], 0)


def test_a_log_record_without_a_time_has_the_observed_one_and_without_ids_none() -> None:
    (record,), _, _ = read(
        logs(timeUnixNano="0", observedTimeUnixNano="7", traceId="", spanId="zz")
    )
    assert (record.time_ns, record.trace_id, record.span_id) == (7, None, None)


def test_lines_of_metrics_are_counted() -> None:
    found, problems, passed = read(
        {"resourceMetrics": []}, {**spans(), "resourceMetrics": []}, {"resource_metrics": []}
    )
    assert len(found) == 1
    assert passed == {"lines of metrics": 3}
    assert problems == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (logs(timeUnixNano=True), "log record skipped"),
        (logs(timeUnixNano="-1"), "log record skipped"),
        (spans(traceId="0" * 32), "an id of zeros means no id"),
        (spans(traceId=7), "expected an id of 16 bytes"),
        (spans(spanId=base64.b64encode(b"short").decode()), "expected an id of 8 bytes"),
        (spans(startTimeUnixNano=1.5), "expected nanoseconds"),
        ([1], "expected a JSON object"),
        ({"a": 1}, "no spans, log records or metrics"),
        (b"{" * 5000, "not JSON"),
    ],
)
def test_malformed_lines_are_reported_and_the_rest_is_read(line: Any, reason: str) -> None:
    found, problems, _ = read(spans(), line, spans())
    assert len(found) == 2
    assert [reason in problem for problem in problems] == [True]


def test_ids_in_base64_and_kinds_by_name_are_read() -> None:
    """As in plain protobuf JSON; an invalid kind is unspecified."""
    trace = base64.b64encode(bytes.fromhex(TRACE)).decode()
    found, problems, _ = read(
        spans(traceId=trace, kind="SPAN_KIND_CLIENT"), spans(kind="X"), spans(kind=[])
    )
    assert problems == []
    assert [(each.trace_id, each.kind) for each in found] == [
        (int(TRACE, 16), 3),
        (int(TRACE, 16), 0),
        (int(TRACE, 16), 0),
    ]


_IDS = st.integers(1, 2**60).map(lambda number: f"{number:016x}")
_RECORDS = st.lists(
    st.fixed_dictionaries({"traceId": st.just(TRACE), "spanId": _IDS, "name": st.text(max_size=3)}),
    max_size=6,
)
_SCOPE = st.fixed_dictionaries({"name": st.sampled_from(("a", "b"))})
_RESOURCE = st.fixed_dictionaries(
    {"attributes": st.just([{"key": "service.name", "value": {"stringValue": "shop"}}])}
)


@st.composite
def _shuffled(draw: st.DrawFn, /, **members: Any) -> dict[str, Any]:
    """Return an object with some of *members*, in any order."""
    names = draw(st.permutations(list(members)))
    return {name: draw(members[name]) for name in names if draw(st.integers(0, 5))}


_SCOPES = st.lists(_shuffled(scope=_SCOPE, spans=_RECORDS, schemaUrl=st.just("u")), max_size=3)
_REQUESTS = _shuffled(
    resourceSpans=st.lists(
        st.one_of(
            _shuffled(resource=_RESOURCE, scopeSpans=_SCOPES, schemaUrl=st.just("")), st.just({})
        ),
        max_size=3,
    ),
    other=st.just([1, None]),
)


@given(_REQUESTS, st.sampled_from((None, 1)))
def test_a_large_line_in_pieces_gives_the_same_spans(request: Any, indent: int | None) -> None:
    """Whatever the order of its members is."""
    line = json.dumps(request, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_lines, "_PIECE", 2)
        in_pieces = [span for piece in pieces_of(line) for span in spans_of(piece)]

    assert in_pieces == list(spans_of(request))


def test_a_large_line_is_read_to_where_it_is_damaged() -> None:
    """The spans before are read, and the damage is reported."""
    many = spans()
    many["resourceSpans"][0]["resource"] = {}
    many["resourceSpans"][0]["scopeSpans"][0] = {
        "scope": {"name": "s"},
        "spans": [{"traceId": TRACE, "spanId": f"{number:016x}"} for number in range(1, 10_001)],
    }
    many["resourceSpans"][0] = dict(reversed(many["resourceSpans"][0].items()))
    line = json.dumps(many).encode()

    whole, no_problems, _ = read(line)
    damaged, problems, _ = read(line[: len(line) // 2], spans())

    assert (len(whole), no_problems) == (10_000, [])
    assert 4_000 < len(damaged) < 5_100
    assert ["not JSON" in problem for problem in problems] == [True]


@pytest.mark.parametrize(
    ("attributes", "is_read"),
    [
        ([{"key": "gen_ai.request.model", "value": {"stringValue": "m"}}], True),
        ([{"key": "http.route", "value": {"stringValue": "/"}}], False),
        ([{"value": {"stringValue": "/"}}], True),
        ([7], True),
        ([{"key": ["a"]}], True),
        ([], False),
        (None, False),
    ],
)
def test_spans_without_a_mark_of_a_call_are_passed_as_their_ids(
    attributes: Any, is_read: bool
) -> None:
    """Malformed attributes are left to the reader."""
    line = spans(attributes=attributes, parentSpanId="00000000000000ff")
    others: list[SpanLink] = []

    found = list(read_records(io.BytesIO(json.dumps(line).encode()), on_other=others.append))

    assert len(found) == is_read
    assert others == ([] if is_read else [SpanLink(int(TRACE, 16), int(SPAN, 16), 255)])


def test_reading_begins_at_any_place_it_reported() -> None:
    """Of a plain file and of a stream that cannot seek."""
    data = b"\n\n".join(json.dumps(spans(name=str(number))).encode() for number in range(20))
    places: list[Place] = []
    list(read_records(io.BytesIO(data), on_line=places.append))

    for number, place in enumerate(places):
        for source in (data, gzip.compress(data)):
            rest = list(read_records(io.BytesIO(source), start_at=place))
            assert [record.name for record in rest if isinstance(record, SpanRecord)] == [
                str(each) for each in range(number, 20)
            ]


def test_a_line_beyond_all_bounds_is_skipped() -> None:
    _, problems, _ = read(b" " + b"x" * (32 * 2**20 + 1), spans())
    assert problems == ["longer than 32 MiB; skipped"]


def test_a_file_without_readable_lines_is_abandoned() -> None:
    _, problems, _ = read(*[b"noise"] * 1200)
    assert problems[-1] == "nothing could be read so far; stopped"
    assert len(problems) == 1001


def test_a_damaged_file_gives_the_records_before_the_damage(tmp_path: Path) -> None:
    """From a path or a stream."""
    compressed = gzip.compress(b"\n".join([json.dumps(spans()).encode()] * 5000))
    file = tmp_path / "spans.jsonl.gz"
    file.write_bytes(compressed[:-20])
    found, problems, _ = read(source=file)
    assert found
    assert "ends early or is damaged" in problems[-1]


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b'{"batches": [\n', "Tempo"),
        (b'{"trace": {\n"resourceSpans": [', "Tempo"),
        (b'[{"traceID": "1",\n"spanID": "2"}', "Jaeger"),
        (b'[{"traceId": "1",\n"localEndpoint": {}', "Zipkin"),
        (b'{\n"trace_id": "0x5b8e', "console"),
        (b'{\n"trace_id":"0x5b8e', "console"),
        (b'{\n"resourceSpans": [', "over several lines"),
    ],
)
def test_an_archive_in_another_format_is_named(head: bytes, name: str) -> None:
    found, problems, _ = read(head)
    assert found == []
    assert len(problems) == 1
    assert name in problems[0]


def test_an_unknown_format_has_no_name() -> None:
    assert name_of(b'{\n"a": 1') is None
    assert read(b'{\n"a": [')[1][0].startswith("not JSON")


OPENAI = {
    "custom_id": "a",
    "response": {
        "body": {"model": "gpt-4o", "usage": {"prompt_tokens": 9, "completion_tokens": 1}}
    },
}


@pytest.mark.parametrize(
    ("line", "provider"),
    [
        (OPENAI, "openai"),
        (
            {
                "custom_id": "a",
                "result": {
                    "message": {
                        "model": "claude-sonnet-4",
                        "usage": {"input_tokens": 9, "output_tokens": 1},
                    }
                },
            },
            "anthropic",
        ),
        (
            {
                "recordId": "r",
                "modelOutput": {"model": "m", "usage": {"inputTokens": 9, "outputTokens": 1}},
            },
            "aws.bedrock",
        ),
        (
            {
                "key": "k",
                "response": {
                    "modelVersion": "gemini-2.5-flash",
                    "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1},
                },
            },
            "gcp.gemini",
        ),
    ],
)
def test_results_of_batches_are_calls(line: dict[str, Any], provider: str) -> None:
    """Each once: the same line always has the same ids."""
    (one,), problems, _ = read(line)
    (reread,), _, _ = read(line)
    call = read_call(one)
    assert problems == []
    assert call is not None
    assert (call.provider, one.span_id) == (provider, reread.span_id)
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.output_tokens) == (9, 1)


@pytest.mark.parametrize(
    "line",
    [
        {"custom_id": "a", "error": {"code": 500}},
        {"recordId": "r", "error": {}},
        {"key": "k", "error": {}},
        {"custom_id": "a", "result": {"type": "expired"}},
    ],
)
def test_a_request_of_a_batch_that_was_not_run_is_counted(line: dict[str, Any]) -> None:
    found, problems, passed = read(line)
    assert (found, problems, passed) == ([], [], {NOT_RUN: 1})


def test_a_result_with_a_time_keeps_it() -> None:
    line = json.loads(json.dumps(OPENAI))
    line["response"]["body"]["created"] = 1_700_000_000
    record = span_of_result(line, 5)
    assert record is not None
    assert record.start_ns == 1_700_000_000_000_000_000


CLAUDE = {"model": "claude-sonnet-4", "input_tokens": 9, "output_tokens": 1}


def claude(name: str = "api_request", **more: Any) -> LogRecord:
    attributes = {**CLAUDE, "event.name": name, **more}
    return LogRecord(time_ns=10**18, attributes=attributes, scope_name="com.anthropic.claude_code")


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({"error": "RateLimitError", "status_code": 429}, "RateLimitError"),
        ({"error": "say 4111 1111 1111 1111", "status_code": "529"}, "529"),
        ({"error": "a sentence of somebody"}, "_OTHER"),
        ({"status_code": 9999}, "_OTHER"),
    ],
)
def test_an_error_event_keeps_its_class_or_status_and_no_message(
    attributes: dict[str, Any], error: str
) -> None:
    call = call_of_log(claude("api_error", **attributes))
    assert call is not None
    assert call.error_type == error


def test_an_event_without_a_name_is_not_a_call() -> None:
    assert call_of_log(LogRecord(attributes=CLAUDE)) is None
    assert call_of_log(claude("")) is None


@pytest.mark.parametrize(
    ("attributes", "lasted_ns"),
    [({"duration_ms": 250}, 250_000_000), ({"duration_ms": "9" * 9}, 86_400_000_000_000), ({}, 0)],
)
def test_an_events_duration_is_that_of_the_call_at_most_a_day(
    attributes: dict[str, Any], lasted_ns: int
) -> None:
    call = call_of_log(claude(**attributes))
    assert call is not None
    assert call.end_ns - call.start_ns == lasted_ns
