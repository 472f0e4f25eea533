"""Bounded resources with foreign files and with exhausted descriptors."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psutil
import pytest

from otel_distro.export.spool.drain import DAMAGED, drain
from otel_distro.export.spool.folder import SpoolFolder
from otel_distro.export.spool.limits import SpoolLimits
from otel_distro.export.spool.segment_folder import waiting_in
from otel_distro.export.spool.segments import LARGEST_BYTES
from otel_distro.privacy.content import store
from support.otlp_sink import OtlpSink
from support.process import clean_environment, free_port, instrumented, run
from support.spool import ADDRESS, SpoolReports, Wire

if TYPE_CHECKING:
    from pathlib import Path


def test_a_sparse_spool_file_costs_bounded_memory_and_no_neighbour(tmp_path: Path) -> None:
    """Sound records are sent, the rest is set aside and counted as damaged."""
    folder = SpoolFolder(tmp_path, ADDRESS, SpoolReports(), SpoolLimits(50 * 2**20))
    folder.keep(b"sound", 1)
    folder.release_segments()
    (name,) = folder.waiting()
    path = folder.path / name
    os.truncate(path, 1_500_000_000)
    process = psutil.Process()
    before = process.memory_info().rss
    peak = before
    assert waiting_in(path) == 1
    assert folder.keep(b"next", 1)  # it does not count as 1.5 GB towards the limit
    folder.release_segments()
    wire = Wire()

    def send(payload: bytes, on_sent: object) -> object:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)
        return wire.send(payload, on_sent)

    done = drain(folder.path, send)  # type: ignore[arg-type]
    assert b"".join(wire.requests) == b"soundnext"
    assert (done.sent, done.damaged > 0) == (2, True)
    assert [found.suffix for found in done.set_aside] == [DAMAGED]
    assert folder.waiting() == []
    assert peak - before < 4 * LARGEST_BYTES


PROGRAM = """
import os, resource, sys
from opentelemetry import trace

resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
tracer = trace.get_tracer("app")
tracer.start_span("first").end()
trace.get_tracer_provider().force_flush(2000)
if sys.argv[1] == "late":
    for n in range(100):
        tracer.start_span(f"span-{n}").end()
used = []
try:
    while True:
        used.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
if sys.argv[1] == "early":
    for n in range(100):
        tracer.start_span(f"span-{n}").end()
"""


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("spool", ["undelivered", "everything"])
@pytest.mark.parametrize("started", ["collector", "no collector"])
def test_out_of_descriptors_until_the_exit_loses_nothing(
    tmp_path: Path, when: str, spool: str, started: str
) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with OtlpSink() as sink:
        endpoint = f"http://127.0.0.1:{free_port()}"
        environ = clean_environment(
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=sink.url if started == "collector" else endpoint,
            OTEL_DISTRO_SPOOL=spool,
            OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
        )
        done = instrumented(program, environ, when)
        assert done.returncode == 0, done.stderr
        environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.url
        run(["otel-distro", "spool", "drain", "--anywhere"], environ)
        names = {span.name for span in sink.spans()}
    assert {"first", *(f"span-{n}" for n in range(100))} <= names, done.stderr


CONTENT = """
import sys
from pathlib import Path
from otel_distro.privacy.content import store
path = Path(sys.argv[1])
store.delete_before(path, 2**62)
store.write(path, [store.Sealed(2**62 + int(sys.argv[2]), 1, b"t" * 16, None, b"sealed")])
store.delete_before(path, 2**62)
store.read(path)
"""


@pytest.mark.process
def test_processes_that_start_together_agree_on_the_content_store(tmp_path: Path) -> None:
    """Some find the file while another is about to create its table."""
    path = tmp_path / store.FILE_NAME

    def start(number: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", CONTENT, str(path), str(number)], capture_output=True, text=True
        )

    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(start, range(16)))
    assert [done.stderr for done in ended if done.returncode] == []
    assert len(store.read(path, limit=99)) == 16


@pytest.mark.parametrize("state", ["empty", "marked"])
def test_a_content_store_that_has_no_table_yet_is_empty(tmp_path: Path, state: str) -> None:
    import sqlite3

    path = tmp_path / store.FILE_NAME
    path.touch(0o600)
    if state == "marked":
        with sqlite3.connect(path) as connection:
            connection.execute(f"PRAGMA application_id = {store._APPLICATION_ID}")
        connection.close()
    assert store.delete_before(path, 2**62) == 0
    assert store.read(path) == []
