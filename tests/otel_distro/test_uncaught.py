"""Uncaught exceptions, at a real receiver; stderr and exit codes do not change."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink, attributes_of
from support.process import Finished, clean_environment, instrumented

pytestmark = pytest.mark.process


def crash(script: str, home: Path, sink: OtlpSink, **more: str) -> Finished:
    environ = clean_environment(home, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **more)
    return instrumented(script, environ)


def test_the_error_that_ends_a_program_arrives(tmp_path: Path, sink: OtlpSink) -> None:
    """Redacted, with its trace; traceback and exit code are unchanged."""
    done = crash("raise KeyError('ada@lovelace.example')", tmp_path, sink)

    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("KeyError: 'ada@lovelace.example'")
    (record,) = sink.log_records()
    assert record.event_name == "otel_distro.uncaught_exception"
    assert record.severity_text == "FATAL"
    found = attributes_of(record)
    assert found["exception.type"] == "builtins.KeyError"
    assert found["exception.message"] == "'[EMAIL]'"
    assert found["exception.stacktrace"].startswith("Traceback")
    assert (found["otel_distro.uncaught.in"], found["error.type"]) == ("main", "KeyError")
    assert found["otel_distro.error.category"] == "data"
    assert b"lovelace" not in sink.everything()


def test_errors_of_threads_and_tasks_arrive_once_each(tmp_path: Path, sink: OtlpSink) -> None:
    """Also with the app's handler for tasks, which is still called."""
    done = crash(
        """
        import asyncio, threading
        thread = threading.Thread(target=lambda: 1 / 0, name="worker")
        thread.start(); thread.join()

        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: print("own handler"))
            async def fails(): raise ValueError("in a task")
            task = asyncio.ensure_future(fails())
            await asyncio.sleep(0.01)
            del task
            import gc; gc.collect()
        asyncio.run(main())
        """,
        tmp_path,
        sink,
    )

    assert done.returncode == 0
    assert done.stdout == "own handler\n"
    assert "ZeroDivisionError" in done.stderr
    found = [attributes_of(record) for record in sink.log_records()]
    assert [(one["otel_distro.uncaught.in"], one["error.type"]) for one in found] == [
        ("thread", "ZeroDivisionError"),
        ("task", "ValueError"),
    ]
    assert found[0]["thread.name"] == "worker"


def test_an_interruption_is_not_an_error(tmp_path: Path, sink: OtlpSink) -> None:
    """Neither Ctrl-C nor sys.exit."""
    crash(
        """
        import sys
        sys.excepthook(SystemExit, SystemExit(3), None)
        raise KeyboardInterrupt
        """,
        tmp_path,
        sink,
    )

    assert sink.log_records() == []


def test_the_hooks_can_be_left_out(tmp_path: Path, sink: OtlpSink) -> None:
    """For programs that report errors in their own way."""
    crash("raise KeyError('x')", tmp_path, sink, OTEL_DISTRO_ERROR_HOOKS="false")

    assert sink.log_records() == []
