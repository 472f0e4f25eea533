"""Instrumentors under the agent: activated when their library is imported."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink
from support.process import clean_environment, instrumented

pytestmark = pytest.mark.process

NOTHING = """
import sys
print(sorted({"flask", "openai", "anthropic"} & set(sys.modules)))
"""

USES = """
import sqlite3
from flask import Flask
app = Flask("shop")

@app.get("/orders/<number>")
def order(number):
    return str(sqlite3.connect(":memory:").cursor().execute("SELECT 41 + 1").fetchone()[0])

print(app.test_client().get("/orders/17").text)
"""


def test_a_program_loads_no_library_for_the_sake_of_its_instrumentor(tmp_path: Path) -> None:
    """They cost tenths of a second, growing with installed packages."""
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    done = instrumented(NOTHING, clean_environment(tmp_path, **exporters))

    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.slow
def test_a_library_is_instrumented_the_moment_it_is_imported(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """Also where it is imported by name, as `from flask import Flask`."""
    done = instrumented(USES, clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url))

    assert (done.stdout, done.stderr) == ("42\n", "")
    assert {span.name for span in sink.spans()} == {"GET /orders/<number>", "SELECT"}


def installed(
    folder: Path, name: str, entry_points: dict[str, str], modules: dict[str, str]
) -> None:
    """A package in *folder* as pip would leave it, with *entry_points* of instrumentors."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = "".join(f"{key} = {value}\n" for key, value in entry_points.items())
    (metadata / "entry_points.txt").write_text(f"[opentelemetry_instrumentor]\n{points}")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(textwrap.dedent(source))


INSTRUMENTOR = """
import {library}
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

class First(BaseInstrumentor):
    def instrumentation_dependencies(self):
        return []
    def _instrument(self, **kwargs):
        {library}.seen.append("First")
    def _uninstrument(self, **kwargs):
        pass

class Second(BaseInstrumentor):
    def instrumentation_dependencies(self):
        return []
    def _uninstrument(self, **kwargs):
        pass
    def _instrument(self, **kwargs):
        {library}.seen.append("Second")
"""
FROM_THREADS = """
import threading
names = ["redis", "fake_instrumentor"] * 8
threads = [threading.Thread(target=__import__, args=(name,)) for name in names]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
import redis
"""
OF_HTTPX = {"first": "fake_instrumentor:First", "redis": "fake_instrumentor:Second"}
OF_TWO = {"redis": "fake_instrumentor:First", "zzz": "fake_instrumentor:Second"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entry_points", "program"),
    [
        (OF_HTTPX, "import redis"),
        (OF_TWO, "import redis"),
        (OF_TWO, "import fake_instrumentor, redis"),
        (OF_HTTPX, "import fake_instrumentor, redis"),
        (OF_TWO, "import user_of_redis, redis"),
        (OF_TWO, FROM_THREADS),
    ],
    ids=[
        "one entry point is not known",
        "the one that is not known comes last",
        "the app imports the instrumentor",
        "the app imports the instrumentor, and the other order",
        "the library is imported by another",
        "threads import both at once",
    ],
)
def test_entry_points_of_one_module_are_activated_once_its_import_has_ended(
    tmp_path: Path, entry_points: dict[str, str], program: str
) -> None:
    """Importing an instrumentor imports its library."""
    folder = tmp_path / "packages"
    modules = {
        "redis": "seen = []\n",
        "user_of_redis": "import redis\n",
        "fake_instrumentor": INSTRUMENTOR.format(library="redis"),
    }
    installed(folder, "fake", entry_points, modules)
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    environ = clean_environment(tmp_path, PYTHONPATH=str(folder), **exporters)

    done = instrumented(f"{program}\nprint(sorted(redis.seen))", environ)

    assert (done.stdout, done.stderr) == ("['First', 'Second']\n", "")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raise RuntimeError('broken')", "instrumentation of redis failed (RuntimeError: broken)"),
        ("from redis import nothing_there", "instrumentation of redis failed (ImportError"),
        ("import not_installed_at_all", ""),
    ],
)
def test_an_instrumentor_that_cannot_be_imported_costs_its_own_spans(
    tmp_path: Path, fault: str, message: str
) -> None:
    """The import of the library succeeds; the message names how to skip the instrumentor."""
    folder = tmp_path / "packages"
    modules = {"redis": "seen = []\n", "fake_instrumentor": f"{fault}\n"}
    installed(folder, "fake", {"redis": "fake_instrumentor:First"}, modules)
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    environ = clean_environment(tmp_path, PYTHONPATH=str(folder), **exporters)

    done = instrumented("import redis; print('runs')", environ)

    assert done.stdout == "runs\n"
    assert message in done.stderr
    assert bool(done.stderr) is bool(message)
