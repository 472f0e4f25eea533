"""Log records on console and in files: redacted, with ids, never twice, no handler touched."""

from __future__ import annotations

import gzip
import io
import json
import logging
import os
import stat
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import loguru
import pytest
import structlog
from opentelemetry._logs import LogRecord, SeverityNumber

import otel_distro
from otel_distro.pipeline.logs import adapters
from otel_distro.pipeline.logs.lines import json_line, readable_line
from otel_distro.pipeline.logs.outputs import ConsoleOutput
from otel_distro.pipeline.logs.rotation import RotatingFile
from otel_distro.pipeline.logs.setup import install, set_levels
from otel_distro.settings import Settings, load
from support.otlp_sink import OtlpSink
from support.process import Finished, clean_environment, instrumented

from .conftest import GuardedSdk

if TYPE_CHECKING:
    from collections.abc import Iterator


def emit(sdk: GuardedSdk, body: Any = "mail ada@lovelace.example", **more: Any) -> Any:
    """Emit a record through the guard and return the exported one."""
    at = 1_767_225_600_123_000_000
    sdk.logger.emit(LogRecord(timestamp=at, severity_number=SeverityNumber.WARN, body=body, **more))
    return sdk.log_records()[-1]


def test_a_json_line_has_what_a_log_search_needs(sdk: GuardedSdk) -> None:
    """On one line: time, severity, logger, service, ids, message and the rest as attributes."""
    with otel_distro.session("s-1"), sdk.tracer.start_as_current_span("work") as span:
        found = json.loads(json_line(emit(sdk, attributes={"n": 1})))

    context = span.get_span_context()
    assert found == {
        "time": "2026-01-01T00:00:00.123+00:00",
        "severity": "WARN",
        "logger": "app",
        "message": "mail [EMAIL]",
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "session_id": "s-1",
        "service": "shop",
        "pid": os.getpid(),
        "attributes": {"n": 1},
    }


def test_an_error_in_a_json_line_has_type_message_and_traceback(sdk: GuardedSdk) -> None:
    """In separate fields, on the same line."""
    attributes = {
        "exception.type": "KeyError",
        "exception.message": "x",
        "exception.stacktrace": "Traceback\n  line",
    }
    line = json_line(emit(sdk, attributes=attributes))

    assert "\n" not in line
    found = json.loads(line)
    assert (found["error_type"], found["error_message"]) == ("KeyError", "x")
    assert found["error_traceback"] == "Traceback\n  line"


@pytest.mark.parametrize("body", ["two\nlines", "\x1b[2Jclear", "\x00", {"a": [1, {"b": None}]}, 5])
def test_any_body_is_one_harmless_line(sdk: GuardedSdk, body: Any) -> None:
    """Neither format writes a second line or terminal escapes."""
    entry = emit(sdk, body)

    for line in (json_line(entry), readable_line(entry, color=False)):
        assert line.isprintable()
    json.loads(json_line(entry))


def test_a_record_with_its_source_location_has_its_thread(sdk: GuardedSdk) -> None:
    """By number and name; other records omit it."""

    def work() -> None:
        emit(sdk, attributes={"code.line.number": 8})
        emit(sdk)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()

    placed, other = (entry.log_record.attributes for entry in sdk.log_records())
    assert placed == {"thread.id": thread.ident, "thread.name": "worker", "code.line.number": 8}
    assert not other


def test_a_readable_line_has_a_color_only_for_a_terminal(sdk: GuardedSdk) -> None:
    """And ends with its ids."""
    entry = emit(sdk, "hello", attributes={"n": 1})

    plain, colored = readable_line(entry, color=False), readable_line(entry, color=True)
    assert plain.endswith("WARN  app hello n=1")
    assert "\x1b[33mWARN" in colored


@pytest.fixture
def loggers() -> Iterator[logging.Logger]:
    """The root logger in Python's default state; restored afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers[:], root.level = [], logging.WARNING
    yield root
    root.handlers[:], root.level = before


def console(sdk: GuardedSdk, profile: str, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    install(Settings(profile=profile), sdk.logger_provider, lambda _exporter: None, str)  # type: ignore[arg-type,return-value]
    return stream


def test_no_profile_changes_nothing(sdk: GuardedSdk, loggers: logging.Logger) -> None:
    """Neither handlers nor levels."""
    before = loggers.handlers[:]
    install(Settings(), sdk.logger_provider, lambda _exporter: None, str)  # type: ignore[arg-type,return-value]

    assert (loggers.handlers, loggers.level) == (before, logging.WARNING)


@pytest.mark.parametrize(
    ("profile", "severity", "shown"),
    [
        ("dev", SeverityNumber.DEBUG, True),
        ("test", SeverityNumber.INFO, False),
        ("test", SeverityNumber.WARN, True),
        ("prod", SeverityNumber.DEBUG, False),
        ("prod", SeverityNumber.INFO, True),
    ],
)
def test_each_profile_shows_from_its_severity_on(
    sdk: GuardedSdk,
    monkeypatch: pytest.MonkeyPatch,
    loggers: logging.Logger,
    profile: str,
    severity: SeverityNumber,
    shown: bool,
) -> None:
    """dev all, test warnings, prod information."""
    stream = console(sdk, profile, monkeypatch)
    sdk.logger.emit(LogRecord(severity_number=severity, body="ada@lovelace.example"))

    assert ("[EMAIL]" in stream.getvalue()) is shown
    assert "lovelace" not in stream.getvalue()


def test_a_record_shown_by_a_handler_of_the_app_is_not_repeated(
    sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch, loggers: logging.Logger
) -> None:
    """The app's line remains; records that only we handle are still shown."""
    stream = console(sdk, "dev", monkeypatch)
    own = logging.StreamHandler(stream)
    loggers.addHandler(own)
    sdk.logger.emit(LogRecord(severity_number=SeverityNumber.INFO, body="of the app"))
    assert stream.getvalue() == ""

    own.setLevel(logging.ERROR)
    sdk.logger.emit(LogRecord(severity_number=SeverityNumber.INFO, body="too slight for it"))
    assert "too slight for it" in stream.getvalue()


def test_a_handler_that_writes_elsewhere_does_not_count(
    sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch, loggers: logging.Logger
) -> None:
    """A file is not a console."""
    stream = console(sdk, "prod", monkeypatch)
    loggers.addHandler(logging.StreamHandler(io.StringIO()))
    sdk.logger.emit(LogRecord(severity_number=SeverityNumber.INFO, body="hello"))

    assert json.loads(stream.getvalue())["message"] == "hello"


def test_a_broken_stderr_does_not_affect_the_app(
    sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch, loggers: logging.Logger
) -> None:
    """Closed or missing."""
    output = ConsoleOutput("dev", SeverityNumber.DEBUG)
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        output.on_emit(emit(sdk))


def test_levels_prevent_records() -> None:
    """By logger; others are unchanged."""
    settings = load({"HOME": "/", "OTEL_DISTRO_LOG_LEVELS": "shop.db=error,shop=debug"}).settings
    set_levels(settings)

    assert not logging.getLogger("shop.db").isEnabledFor(logging.WARNING)
    assert logging.getLogger("shop.cart").isEnabledFor(logging.DEBUG)


@pytest.mark.parametrize("value", ["httpx", "httpx=loud", "=info"])
def test_invalid_levels_are_reported(value: str) -> None:
    """With the allowed values."""
    (problem,) = load({"HOME": "/", "OTEL_DISTRO_LOG_LEVELS": value}).problems

    assert "httpx=warning" in str(problem) or "choose from" in str(problem)


def test_a_full_file_is_compressed_and_the_oldest_part_is_deleted(tmp_path: Path) -> None:
    """No line is lost before that, and all files are private."""
    file = RotatingFile(tmp_path / "app.jsonl", megabytes=0.001, backups=2)
    for number in range(60):
        file.append([f"{number:049}\n"])

    older = [gzip.decompress((tmp_path / f"app.jsonl.{n}.gz").read_bytes()) for n in (2, 1)]
    text = b"".join(older) + (tmp_path / "app.jsonl").read_bytes()
    assert [int(line) for line in text.split()] == list(range(60))
    file.append([f"{60:049}\n"])
    assert not (tmp_path / "app.jsonl.3.gz").exists()
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_file_of_yesterday_is_rotated(tmp_path: Path) -> None:
    """However small it is."""
    file = RotatingFile(tmp_path / "app.jsonl", megabytes=10, backups=2)
    file.append(["yesterday\n"])
    a_day_ago = time.time() - 86_400
    os.utime(tmp_path / "app.jsonl", (a_day_ago, a_day_ago))
    file.append(["today\n"])

    assert (tmp_path / "app.jsonl").read_text() == "today\n"
    assert gzip.decompress((tmp_path / "app.jsonl.1.gz").read_bytes()) == b"yesterday\n"


@pytest.mark.process
def test_processes_that_share_a_file_lose_no_line(tmp_path: Path) -> None:
    """Also during repeated rotation."""
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from otel_distro.pipeline.logs.rotation import RotatingFile
        file = RotatingFile(Path(sys.argv[1]), megabytes=0.01, backups=1000)
        for number in range(200):
            file.append([f"{sys.argv[2]}-{number}" + "x" * 90 + "\\n"] * 2)
        """
    )
    path = tmp_path / "app.jsonl"
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(n)]) for n in range(3)
    ]
    assert [process.wait(60) for process in running] == [0] * 3

    packed = b"".join(gzip.decompress(part.read_bytes()) for part in tmp_path.glob("*.gz"))
    lines = (packed + path.read_bytes()).decode().splitlines()
    assert sorted(lines) == sorted(
        f"{n}-{number}" + "x" * 90 for n in range(3) for number in range(200) for _ in "12"
    )


@pytest.fixture
def recorded(sdk: GuardedSdk, monkeypatch: pytest.MonkeyPatch) -> GuardedSdk:
    monkeypatch.setattr(adapters, "get_logger", sdk.logger_provider.get_logger)
    return sdk


def test_structlog_events_are_records_and_their_lines_have_our_ids(recorded: GuardedSdk) -> None:
    """With their keys as attributes."""
    lines: list[Any] = []

    def render(_logger: Any, _name: str, event: Any) -> str:
        lines.append(dict(event))
        raise structlog.DropEvent

    logger = structlog.wrap_logger(
        structlog.PrintLogger(io.StringIO()),
        processors=[otel_distro.structlog_processor, render],
    )
    with otel_distro.session("s-1"):
        logger.warning("paid", amount=5)

    record = recorded.log_records()[-1].log_record
    assert (record.body, record.severity_text) == ("paid", "WARN")
    assert record.attributes["amount"] == 5
    assert lines == [{"event": "paid", "amount": 5, "session_id": "s-1"}]


def test_structlog_errors_carry_their_exception(recorded: GuardedSdk) -> None:
    """With any configuration of structlog."""
    logger = structlog.wrap_logger(
        structlog.PrintLogger(io.StringIO()),
        processors=[otel_distro.structlog_processor, structlog.processors.KeyValueRenderer()],
    )
    try:
        raise KeyError("ada@lovelace.example")
    except KeyError:
        logger.exception("failed")

    attributes = recorded.log_records()[-1].log_record.attributes
    assert attributes["exception.type"] == "KeyError"
    assert attributes["exception.message"] == "'[EMAIL]'"


def test_structlog_over_the_standard_library_is_recorded_once(recorded: GuardedSdk) -> None:
    """The standard library's loggers are heard anyway."""
    event = otel_distro.structlog_processor(logging.getLogger("shop"), "info", {"event": "paid"})

    assert event["event"] == "paid"
    assert recorded.log_records() == []


def test_loguru_records_arrive_with_extra_place_and_exception(recorded: GuardedSdk) -> None:
    """And loguru's own formats can show our ids."""
    own = io.StringIO()
    sinks = [
        loguru.logger.add(otel_distro.loguru_sink),
        loguru.logger.add(own, format="{message} {extra[session_id]}"),
    ]
    loguru.logger.configure(patcher=otel_distro.loguru_patcher)
    try:
        with otel_distro.session("s-1"):
            try:
                raise KeyError("x")
            except KeyError:
                loguru.logger.bind(amount=5).exception("failed")
    finally:
        for sink in sinks:
            loguru.logger.remove(sink)
        loguru.logger.configure(patcher=lambda _record: None)

    record = recorded.log_records()[-1].log_record
    assert (record.body, record.severity_text) == ("failed", "ERROR")
    assert record.attributes["amount"] == 5
    assert record.attributes["exception.type"] == "KeyError"
    assert record.attributes["code.function.name"].startswith("test_loguru")
    assert record.attributes["thread.name"] == "MainThread"
    assert own.getvalue().startswith("failed s-1")


APP = """
import logging, sys
if "basic" in sys.argv:
    logging.basicConfig(level=logging.INFO, format="own %(message)s")
import otel_distro
from opentelemetry import trace
with otel_distro.session("s-1"), trace.get_tracer("app").start_as_current_span("work"):
    logging.getLogger("shop").info("for ada@lovelace.example")
    logging.getLogger("shop").debug("detail")
"""


def log(home: Path, sink: OtlpSink, *arguments: str, **more: str) -> Finished:
    environ = clean_environment(home, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **more)
    return instrumented(APP, environ, *arguments)


@pytest.mark.process
def test_a_program_under_a_profile_shows_and_keeps_redacted_lines(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """On stderr and in the file, with ids and the place in the code; stdout stays the app's."""
    file = tmp_path / "logs" / "app.jsonl"
    done = log(
        tmp_path,
        sink,
        OTEL_DISTRO_PROFILE="prod",
        OTEL_DISTRO_LOG_FILE=str(file),
        OTEL_SERVICE_NAME="shop",
        OTEL_RESOURCE_ATTRIBUTES="service.version=1.4,deployment.environment.name=production",
    )

    assert done.stdout == ""
    (shown,) = [json.loads(line) for line in done.stderr.splitlines()]
    (kept,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert shown == kept
    assert (shown["message"], shown["session_id"]) == ("for [EMAIL]", "s-1")
    resource = (shown["service"], shown["version"], shown["environment"])
    assert resource == ("shop", "1.4", "production")
    assert shown["attributes"]["code.line.number"] == 8
    assert shown["attributes"]["thread.name"] == "MainThread"
    (span,) = sink.spans()
    assert shown["trace_id"] == span.trace_id.hex()


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("ending", ["os.kill(os.getpid(), 15)", "os._exit(3)", "raise KeyError"])
def test_the_last_line_is_on_disk_however_the_program_ends(
    tmp_path: Path, sink: OtlpSink, ending: str
) -> None:
    """Written just before the exit."""
    script = f"import logging, os\nlogging.getLogger('shop').warning('the last')\n{ending}\n"
    file = tmp_path / "app.jsonl"
    environ = clean_environment(
        tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_DISTRO_LOG_FILE=str(file)
    )
    instrumented(script, environ)

    first = json.loads(file.read_text().splitlines()[0])
    assert first["message"] == "the last"


@pytest.mark.process
def test_a_program_keeps_its_own_handler_and_prints_nothing_twice(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """`basicConfig` works as without us."""
    done = log(tmp_path, sink, "basic", OTEL_DISTRO_PROFILE="dev")

    assert done.stderr == "own for ada@lovelace.example\n"
