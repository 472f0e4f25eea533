"""Instrumentors whose module imports the library they wait for, and several in one module."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from support.otlp_sink import OtlpSink
from support.process import clean_environment, instrumented

pytestmark = pytest.mark.process

_INSTRUMENTOR = """
import sys
{body}

class _Base:
    def instrument(self, **kwargs):
        print("active", type(self).__name__)

class First(_Base): ...
class Second(_Base): ...
"""

_OFF = {f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with two libraries (under names that are waited for) and one instrumentation."""
    folder = tmp_path / "site"
    info = folder / "fake_instrumentation-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "pymssql.py").write_text("value = 1\n")
    (folder / "remoulade.py").write_text("value = 2\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fake\nVersion: 1.0\n")
    write_entry_points(folder, pymssql="First", fake_second="Second")
    return folder


def write_entry_points(folder: Path, **classes: str) -> None:
    lines = [f"{name} = fake_instrumentor:{of}" for name, of in classes.items()]
    info = folder / "fake_instrumentation-1.0.dist-info" / "entry_points.txt"
    info.write_text("\n".join(["[opentelemetry_instrumentor]", *lines, ""]))


def run_with(site: Path, body: str, program: str) -> tuple[list[str], str]:
    (site / "fake_instrumentor.py").write_text(_INSTRUMENTOR.format(body=body))
    environ = clean_environment(site.parent, PYTHONPATH=str(site), **_OFF)
    done = instrumented(program, environ)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines()), done.stderr


@pytest.mark.parametrize(
    "body", ["import pymssql", "import remoulade, pymssql", "from pymssql import value"]
)
def test_a_hook_that_fires_inside_the_instrumentors_import_waits_for_its_end(
    site: Path, body: str
) -> None:
    """The second entry point is activated at the start, and its import brings the library."""
    assert run_with(site, body, "pass") == (["active First", "active Second"], "")


def test_entry_points_of_one_module_are_both_activated_by_the_first_library(site: Path) -> None:
    """The instrumentor's module imports the other library while it is loaded for the first."""
    write_entry_points(site, pymssql="First", remoulade="Second")

    assert run_with(site, "import pymssql, remoulade", "import remoulade") == (
        ["active First", "active Second"],
        "",
    )


def test_nothing_is_activated_for_libraries_that_are_not_imported(site: Path) -> None:
    """Both wait."""
    write_entry_points(site, pymssql="First", remoulade="Second")

    assert run_with(site, "import pymssql, remoulade", "pass") == ([], "")


def test_an_app_may_import_the_instrumentors_module_itself(site: Path) -> None:
    """The hook fires within an import that is not ours."""
    write_entry_points(site, pymssql="First", remoulade="Second")
    found, said = run_with(site, "import pymssql, remoulade", "import fake_instrumentor")

    assert (found, said) == (["active First", "active Second"], "")


def test_threads_that_import_both_libraries_at_once_activate_each_once(site: Path) -> None:
    """One waits in the instrumentor's import while the other's hook fires."""
    write_entry_points(site, pymssql="First", remoulade="Second")
    body = "import entered, pymssql, remoulade"
    (site / "entered.py").write_text(
        "import __main__\n__main__.inside.set()\n__main__.others_hook.wait(30)\n"
    )
    program = """
        import threading
        inside, others_hook = threading.Event(), threading.Event()

        def other():
            inside.wait(30)
            import remoulade
            others_hook.set()

        thread = threading.Thread(target=other)
        thread.start()
        import pymssql
        thread.join()
    """

    assert run_with(site, body, program) == (["active First", "active Second"], "")


def test_a_failing_import_is_told_once_for_each_and_the_app_goes_on(site: Path) -> None:
    """The library itself is imported all the same."""
    write_entry_points(site, pymssql="First", remoulade="Second")
    found, said = run_with(
        site,
        "import remoulade; raise RuntimeError('broken')",
        "import pymssql; print(pymssql.value)",
    )

    assert found == ["1"]
    assert "instrumentation of pymssql failed (RuntimeError: broken)" in said
    assert "Traceback" not in said


_HTTP = """
    import {client} as client
    from http.server import BaseHTTPRequestHandler, HTTPServer
    import threading

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()
        def log_message(self, *_): ...

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(client.get(f"http://127.0.0.1:{{server.server_port}}/").status_code)
    server.shutdown()
"""


@pytest.mark.skipif(
    find_spec("opentelemetry.instrumentation.httpx") is None,
    reason="opentelemetry-instrumentation-httpx is not installed",
)
@pytest.mark.parametrize("client", ["httpx", "httpx2"])
def test_both_clients_of_the_instrumentation_of_httpx_make_spans(
    tmp_path: Path, sink: OtlpSink, client: str
) -> None:
    """The package has two entry points in one module."""
    if find_spec(client) is None:
        pytest.skip(f"{client} is not installed")
    environ = clean_environment(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    done = instrumented(_HTTP.format(client=client), environ)

    assert (done.stdout, done.stderr) == ("204\n", "")
    assert [span.name for span in sink.spans()] == ["GET"]
