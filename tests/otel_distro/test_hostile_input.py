"""Any input to OpenTelemetry: no exception, no loss of other values."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import threading
import traceback
from collections import UserDict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, propagate, trace
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.status import Status

from otel_distro.pipeline.input_limits.default import make_cleaner
from otel_distro.pipeline.input_limits.install import tolerate_api
from otel_distro.pipeline.input_limits.limits import VALUE_LIMITS, ValueLimits
from otel_redaction.shield import OpenShield, Shield

from .conftest import GuardedSdk

LONE = "\ud800"


@pytest.fixture(autouse=True)
def _tolerant() -> Iterator[None]:
    """The default limits, also for the tests that come after one with others."""
    tolerate_api(make_cleaner(VALUE_LIMITS)[0])
    yield
    tolerate_api(make_cleaner(VALUE_LIMITS)[0])


class Unprintable:
    """Cannot be converted to text."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


class FakeStr(str):
    """A string with overridden methods."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        raise RuntimeError("no bytes")

    def __len__(self) -> int:
        raise RuntimeError("no length")

    def __bool__(self) -> bool:
        raise RuntimeError("no truth")


class Endless(Mapping[str, int]):
    """A mapping that never ends."""

    def __getitem__(self, key: str) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield str(number)

    def __len__(self) -> int:
        return 3


class UnprintableError(Exception):
    """An exception whose `str()` raises."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"inner": value}
    return value


def cyclic() -> dict[str, Any]:
    value: dict[str, Any] = {"name": "loop"}
    value["self"] = value
    return value


def branching() -> list[Any]:
    """Few bytes in memory, more than 10**20 leaves when written out."""
    value: list[Any] = [1]
    for _ in range(70):
        value = [value, value]
    return value


ENDLESS_AS_TEXT = {"branches without end", "an endless mapping"}
"""Values for which `str` does not end: log handlers cannot prevent that."""

VALUES: dict[str, Any] = {
    "a lone surrogate": f"broken {LONE} text",
    "a pair of surrogates": "\ud83d\ude00",
    "NUL": "nul \0 here",
    "megabytes of text": "word " * 400_000,
    "megabytes of bytes": b"x" * 2_000_000,
    "a list of a million numbers": list(range(1_000_000)),
    "a range": range(10**12),
    "nested 100 times": nested(100),
    "nested 5,000 times": nested(5_000),
    "a cycle": cyclic(),
    "branches without end": branching(),
    "an endless mapping": Endless(),
    "no words": Unprintable(),
    "no words in a list": [Unprintable(), "fine"],
    "text with odd methods": FakeStr("odd"),
    "an integer of 65 bits": 2**65,
    "an integer of 100,000 digits": 10**100_000,
    "the least integer but one": -(2**63) - 1,
    "not a number": math.nan,
    "infinity": -math.inf,
    "nothing": None,
    "a mixed list": [1, "two", None, 3.0, b"four", {"five": 6}],
    "a surrogate in a list": ["fine", LONE],
    "a surrogate in a name": {LONE: 1},
    "bytes": b"\xff\x00",
    "a set": {1},
    "a function": lambda: None,
    "a class": Unprintable,
    "numbers as names": {1: "one", None: "none", "": "empty", (1, 2): "pair"},
    "a decimal": Decimal("1.5"),
    "a mapping of somebody's": UserDict({"a": 1}),
}


def strict(sdk: GuardedSdk) -> list[Any]:
    """Return every span of *sdk* after strict readers have read them."""
    spans = sdk.spans()
    message = encode_spans(spans)
    message.SerializeToString()
    json.loads(MessageToJson(message, indent=None).encode("utf-8"), parse_constant=_refuse)
    return spans


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_value_raises_or_costs_its_neighbours(sdk: GuardedSdk, value: Any) -> None:
    """In every parameter: the span is exported, with the usable part of the value."""
    tracer = sdk.tracer
    before = tracer.start_span("before")
    before.set_attributes(value)
    with tracer.start_as_current_span("odd", attributes={"given": value, "plain": 1}) as span:
        span.set_attribute("value", value)
        span.set_attribute(value, "as a name")
        span.set_attributes({"another": value, "fine": True})
        span.add_event(value, {"value": value}, value)
        span.add_event("event", value)
        span.add_link(value, {"value": value})
        span.add_link(before.get_span_context(), {"value": value})
        span.record_exception(value)
        span.record_exception(ValueError(), {"value": value}, value)
        span.set_status(value, value)
        span.set_status(StatusCode.ERROR, value)
    tracer.start_span(value, value, value, value, value, value).end(value)
    before.end()

    spans = strict(sdk)
    odd = next(span for span in spans if span.name == "odd")
    assert len(spans) == 3
    assert (odd.attributes["plain"], odd.attributes["fine"]) == (1, True)
    assert "given" in odd.attributes


@pytest.mark.parametrize("name", VALUES)
def test_no_value_in_a_log_record_raises_or_costs_it(sdk: GuardedSdk, name: str) -> None:
    """Emitted by field, as a record, or through the handler of `logging`."""
    value = VALUES[name]
    sdk.logger.emit(
        body=value, attributes={"value": value, "fine": 1}, severity_text=value, event_name=value
    )
    sdk.logger.emit(LogRecord(body=value, attributes=value, timestamp=value, severity_number=value))
    log = logging.Logger("app")  # noqa: LOG001 - one that no other code configures
    log.addHandler(LoggingHandler(logger_provider=sdk.logger_provider))
    log.warning("logged" if name in ENDLESS_AS_TEXT else value)
    log.warning("%s", name if name in ENDLESS_AS_TEXT else value, extra={"value": value})

    records = sdk.log_records()
    encode_logs(records).SerializeToString()
    assert len(records) == 4
    assert records[0].log_record.attributes["fine"] == 1


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_measurement_raises_or_spoils_the_metric(sdk: GuardedSdk, value: Any) -> None:
    """Only finite numbers are measured."""
    counter = sdk.meter.create_counter("requests")
    for instrument in (
        counter.add,
        sdk.meter.create_up_down_counter("open").add,
        sdk.meter.create_histogram("latency").record,
        sdk.meter.create_gauge("load").set,
    ):
        instrument(value, {"value": value})
        instrument(1, {"value": value})
        instrument(1, value)
    sdk.meter.create_counter(value)
    counter.add(2, {"route": "/"})

    data = sdk.reader.get_metrics_data()
    assert data is not None
    encode_metrics(data).SerializeToString()


@pytest.mark.parametrize(
    "value", [LONE, Unprintable(), 2**70, None, FakeStr("x"), cyclic()], ids=type
)
def test_odd_baggage_leaves_the_trace_context_in_the_headers(sdk: GuardedSdk, value: Any) -> None:
    """The app's request is sent, and the trace continues behind it."""
    headers: dict[str, str] = {}
    with sdk.tracer.start_as_current_span("call"):
        context = baggage.set_baggage("odd", value, baggage.set_baggage("fine", "yes"))
        propagate.inject(headers, context)

    assert "traceparent" in headers
    assert "fine=yes" in headers["baggage"]
    headers["baggage"].encode("ascii")


@pytest.mark.parametrize("name", VALUES)
def test_odd_headers_do_not_affect_other_propagators(sdk: GuardedSdk, name: str) -> None:
    """Endless ones are read up to a bound."""
    headers: dict[str, Any] = {"traceparent": f"00-{1:032x}-{2:016x}-01", "baggage": VALUES[name]}
    propagate.extract({"traceparent": VALUES[name], "tracestate": VALUES[name]})
    propagate.extract(VALUES[name])

    context = propagate.extract(headers)

    assert trace.get_current_span(context).get_span_context().trace_id == 1


def test_the_exception_that_ends_a_block_is_always_the_apps_own(sdk: GuardedSdk) -> None:
    """The same object with the same traceback, though its `str()` raises."""
    error = UnprintableError()

    def fail() -> None:
        raise error

    blocks: list[Callable[[], Any]] = [
        lambda: sdk.tracer.start_as_current_span("current"),
        lambda: sdk.tracer.start_span("managed"),
        lambda: trace.use_span(sdk.tracer.start_span("used"), end_on_exit=True),
    ]
    for block in blocks:
        with pytest.raises(UnprintableError) as raised:
            with block():
                fail()
        assert raised.value is error
        assert traceback.extract_tb(error.__traceback__)[-1].name == "fail"

    spans = strict(sdk)
    assert [span.name for span in spans] == ["current", "managed", "used"]
    for span in spans:
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description.startswith("UnprintableError")
        assert span.events[0].attributes["exception.type"].endswith("UnprintableError")


def test_spans_as_decorators_end_with_their_function(sdk: GuardedSdk) -> None:
    """Also coroutine functions, and each call has a separate span."""

    @sdk.tracer.start_as_current_span("plain")
    def plain() -> str:
        return "result"

    @sdk.tracer.start_as_current_span("awaited")
    async def awaited() -> str:
        await asyncio.sleep(0.01)
        return "result"

    assert plain() == plain() == asyncio.run(awaited()) == "result"

    first, second, last = sdk.spans()
    assert (first.name, second.name, last.name) == ("plain", "plain", "awaited")
    assert last.end_time - last.start_time >= 10_000_000


def test_exits_are_not_errors_of_the_span_they_leave(sdk: GuardedSdk) -> None:
    """SystemExit and its like go through a span without a mark."""
    with pytest.raises(SystemExit), sdk.tracer.start_as_current_span("leaving"):
        raise SystemExit(3)

    (span,) = sdk.spans()
    assert span.status.status_code is StatusCode.UNSET
    assert not span.events


def test_limits_hold_and_dropped_records_are_counted(sdk: GuardedSdk) -> None:
    """By kind, and reported once a kind, not once a value."""
    cleaner, invalid_input = make_cleaner(
        ValueLimits(max_chars=300, max_items=3, max_depth=2, max_parts=100)
    )
    tolerate_api(cleaner)
    with sdk.tracer.start_as_current_span("limited") as span:
        span.set_attribute("text", "word " * 100)
        span.set_attribute("items", [1, 2, 3, 4])
        span.set_attribute("deep", {"a": {"b": {"c": {"d": 1}}}})

    (limited,) = strict(sdk)
    assert 40 < len(limited.attributes["text"]) <= 300
    assert limited.attributes["items"] == (1, 2, 3)
    assert limited.attributes["deep"] == {"a": {"b": {"c": "[TOO DEEP]"}}}
    assert invalid_input.counts == {"too_long": 1, "too_many_items": 1, "too_deep": 1}


def test_a_limit_of_the_users_own_is_obeyed_in_both_directions() -> None:
    """OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT may be above the default; the SDK handles lower values."""
    assert ValueLimits().with_variables({}).max_chars == 262_144
    name = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"
    assert ValueLimits().with_variables({name: "1000000"}).max_chars == 1_000_000
    assert ValueLimits().with_variables({name: "10"}).max_chars == 262_144
    assert ValueLimits().with_variables({name: "many"}).max_chars == 262_144


def test_ten_thousand_attributes_are_one_line_of_warning(
    sdk: GuardedSdk, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK alone writes 9,872."""
    with sdk.tracer.start_as_current_span("many") as span:
        for number in range(10_000):
            span.set_attribute(f"attribute {number}", number)

    assert len(caplog.records) <= 1


def test_a_warning_about_a_value_is_not_a_record_about_itself(
    sdk: GuardedSdk, capfd: pytest.CaptureFixture[str]
) -> None:
    """The SDK warns through `logging`, and its handler emits to the SDK."""
    handler = LoggingHandler(logger_provider=sdk.logger_provider)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        for _ in range(3):
            logging.getLogger("app").warning("odd", extra={"thing": object(), "other": {1, 2}})
    finally:
        root.removeHandler(handler)

    assert [entry.log_record.body for entry in sdk.log_records()] == ["odd"] * 3
    assert "recursive" not in capfd.readouterr().err


def test_a_resource_from_an_environment_that_is_not_utf8_does_not_cost_the_batch() -> None:
    """Python reads such variables with surrogates, and the resource is in every batch."""
    for shield in (Shield(), OpenShield()):
        clean = shield.resource(Resource({"service.name": "caf\udce9"}), "traces")
        assert clean.attributes["service.name"] == "caf\N{REPLACEMENT CHARACTER}"


words = st.text(st.characters(codec=None), max_size=20)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), words, st.binary(max_size=20),
    st.builds(Unprintable), st.builds(FakeStr, words), st.builds(object), st.decimals(), st.dates(),
    st.complex_numbers(), st.just(Endless()), st.just(int), st.builds(UnprintableError),
)  # fmt: skip
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(words, st.integers(), st.none()), inner, max_size=4),
        st.frozensets(st.integers(), max_size=3),
    ),
    max_leaves=12,
)
often = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@often
@given(first=anything, second=anything, name=st.one_of(words, anything))
def test_any_python_object_can_go_anywhere(first: Any, second: Any, name: Any) -> None:
    """No error reaches the app, every span and log record leaves, and strict readers read them."""
    sdk = GuardedSdk()
    with sdk.tracer.start_as_current_span(name, attributes={"first": first}) as span:
        span.set_attribute(name, first)
        span.set_attributes({"second": second, name if isinstance(name, str) else "x": first})
        span.add_event(name, {"value": first}, second)
        span.set_status(Status(StatusCode.ERROR, "odd"), name)
        span.update_name(name)
        span.record_exception(first, second)
    sdk.tracer.start_span(name, kind=SpanKind.CLIENT, start_time=first).end(second)
    sdk.logger.emit(body=first, attributes={"second": second}, event_name=name)
    sdk.meter.create_counter("calls").add(first, {"second": second})
    propagate.inject({}, baggage.set_baggage("first", first))
    propagate.extract({"baggage": first, "traceparent": second})

    assert len(strict(sdk)) == 2
    records = sdk.log_records()
    encode_logs(records).SerializeToString()
    assert len(records) == 1
    data = sdk.reader.get_metrics_data()
    if data is not None:
        encode_metrics(data).SerializeToString()


def test_a_flush_while_the_interpreter_exits_raises_nothing(
    sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`logging` flushes its handlers then, and from Python 3.12 on no thread can start."""

    def cannot_start(_thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    handler = LoggingHandler(logger_provider=sdk.logger_provider)
    monkeypatch.setattr(threading.Thread, "start", cannot_start)

    handler.flush()
