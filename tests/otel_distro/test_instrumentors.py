"""Instrumentors under the agent: there when their library is, and not before."""

from __future__ import annotations

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
    """They cost tenths of a second, and more the more is installed."""
    exporters = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}
    done = instrumented(NOTHING, clean_environment(tmp_path, **exporters))

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_library_is_instrumented_the_moment_it_is_imported(
    tmp_path: Path, sink: OtlpSink
) -> None:
    """Also where it is imported by name, as `from flask import Flask`."""
    done = instrumented(USES, clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url))

    assert (done.stdout, done.stderr) == ("42\n", "")
    assert {span.name for span in sink.spans()} == {"GET /orders/<number>", "SELECT"}
