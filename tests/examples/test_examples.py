"""Examples run as described, and none exports anything without consent."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from otel_cost_ledger.query.ledger import open_ledger
from otel_distro.demo.provider import FakeProvider
from otel_distro.privacy import consent_state
from support.connection_counter import ConnectionCounter
from support.otlp_sink import OtlpSink, attributes_of
from support.process import clean_environment, free_port, run

pytestmark = pytest.mark.process

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "examples"


@dataclass(frozen=True)
class Example:
    """One example: its requirements, and how to run it and get its answer."""

    needs: tuple[str, ...]
    answer: Callable[[dict[str, str]], str]


def shown(name: str) -> list[str]:
    """Return the lines that the README shows for an example."""
    section = (EXAMPLES / "README.md").read_text().partition(f"\n## {name}\n")[2]
    return section.partition("```sh\n")[2].partition("```")[0].splitlines()


def command(name: str, word: str, environ: dict[str, str], more: str = "") -> list[str]:
    """Return the shown line with *word*, as a shell starts it; exports above it are in force."""
    for line in shown(name):
        if line.startswith("export "):
            environ.update(dict(part.split("=", 1) for part in shlex.split(line)[1:]))
        elif word in line:
            return ["bash", "-c", f"exec {line}{more}"]
    raise AssertionError(f"no line with {word!r} is shown for {name}")


def desktop(environ: dict[str, str]) -> str:
    choice = environ.pop("CHOICE")
    return ended(command("desktop_app", "python", environ, f" --no-window {choice}"), environ)


def langgraph(environ: dict[str, str]) -> str:
    return ended(command("langgraph_agent", "python", environ), environ)


def ended(line: list[str], environ: dict[str, str]) -> str:
    done = run(line, environ, cwd=PROJECT)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout.strip()


def flask(environ: dict[str, str]) -> str:
    port = free_port()
    line = command("flask_anthropic", "flask", environ)
    with serving(line, environ | {"FLASK_RUN_PORT": str(port)}, port):
        return ask("flask_anthropic", 5000, port, environ)


def fastapi(environ: dict[str, str]) -> str:
    port = free_port()
    line = command("fastapi_openai", "uvicorn", environ)
    with serving(line, environ | {"UVICORN_PORT": str(port)}, port):
        return ask("fastapi_openai", 8000, port, environ)


def celery(environ: dict[str, str]) -> str:
    environ |= {"BROKER_DIR": environ["HOME"] + "/broker"}
    with subprocess.Popen(
        command("celery_worker", "worker", environ, " --loglevel info"),
        env=environ,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as worker:
        try:
            ended(command("celery_worker", "tasks.py", environ), environ)
            for line in worker.stdout or ():
                if "succeeded" in line:
                    return "Hello" if "'Hello'" in line else line
        finally:
            worker.terminate()
            for _line in worker.stdout or ():
                pass
            worker.wait(20)
    raise AssertionError("the worker ended without the task")


def notebook(environ: dict[str, str]) -> str:
    script = """
import nbformat, sys
from nbclient import NotebookClient
found = nbformat.read(sys.argv[1], 4)
NotebookClient(found, timeout=60, kernel_name="python3").execute()
print("".join(o.get("text", "") for c in found.cells for o in c.get("outputs", [])))
"""
    path = EXAMPLES / "notebook" / "costs.ipynb"
    done = run([sys.executable, "-c", script, str(path)], environ, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    assert "gpt-4o-2024-08-06" in done.stdout  # the costs, in the last cell
    return done.stdout.partition(" ")[0].strip()


RUNS = {
    "desktop_app": Example(("openai",), desktop),
    "langgraph_agent": Example(("langgraph", "openai"), langgraph),
    "flask_anthropic": Example(("flask", "anthropic"), flask),
    "fastapi_openai": Example(("fastapi", "uvicorn", "openai"), fastapi),
    "celery_worker": Example(("celery", "openai", "opentelemetry.instrumentation.celery"), celery),
    "notebook": Example(("nbclient", "ipykernel", "openai"), notebook),
}


@contextmanager
def serving(command: list[str], environ: dict[str, str], port: int) -> Iterator[None]:
    """Run a web server until its port answers; stop it at the end."""
    server = subprocess.Popen(
        command, env=environ, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/nothing", timeout=2)
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        server.terminate()
        server.wait(20)


def ask(name: str, shown_port: int, port: int, environ: dict[str, str]) -> str:
    """Return the answer to the request that the README shows."""
    line = command(name, "curl", {}, " --silent --show-error --max-time 30")
    done = run([line[0], line[1], line[2].replace(f":{shown_port}/", f":{port}/")], environ)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["answer"])


def example(name: str) -> Example:
    """The example, or a skip with the missing packages."""
    found = RUNS[name]
    missing = [need for need in found.needs if not installed(need)]
    if missing:
        pytest.skip(f"examples/{name} needs {', '.join(missing)}, which is not installed")
    return found


def installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def environment(home: Path, provider: str, endpoint: str, **more: str) -> dict[str, str]:
    return clean_environment(
        home,
        PROVIDER_URL=provider,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        OTEL_METRIC_EXPORT_INTERVAL="500",
        NO_PROXY="127.0.0.1",
        **more,
    )


def test_every_example_is_in_the_list() -> None:
    """And has a line in the README of the examples."""
    folders = {path.parent.name for path in EXAMPLES.glob("*/*.*") if path.suffix != ".pyc"}
    readme = (EXAMPLES / "README.md").read_text()

    assert folders == set(RUNS) | {"kubernetes"}  # test_kubernetes.py: there is no program in it
    assert all(f"`{name}`" in readme for name in folders)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_an_example_does_its_work_and_its_calls_are_in_the_ledger(
    name: str, tmp_path: Path, sink: OtlpSink
) -> None:
    """With a price and a session, without a user's name."""
    found = example(name)
    with FakeProvider() as provider:
        environ = environment(tmp_path, provider.url, sink.url, CHOICE="yes")
        assert found.answer(environ) == "Hello"

    with open_ledger(tmp_path / "state/otel-distro/ledger.db") as ledger:
        calls = list(ledger.rows("SELECT cost_usd, session FROM calls_v WHERE billed = 1"))
    assert calls
    assert all(cost > 0 and session for cost, session in calls)
    assert b"lovelace" not in sink.everything()
    if name == "langgraph_agent":
        (span,) = [s for s in sink.spans() if s.name == "invoke_agent researcher.write"]
        keys = attributes_of(span)
        assert keys["otel_distro.graph.input_keys"] == ["notes", "question"]
        assert keys["otel_distro.graph.output_keys"] == ["answer"]
    if name == "celery_worker":
        (span,) = [s for s in sink.spans() if s.name == "summarise"]
        carried = attributes_of(span)
        assert carried["tenant.id"] == "acme"
        assert carried["user.id"].startswith("user_")


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_without_consent_an_example_works_and_exports_nothing(name: str, tmp_path: Path) -> None:
    """No packet, no stored call, no message; the answer is the same."""
    found = example(name)
    if name == "notebook":
        pytest.skip("examples/notebook reads the ledger, of which there is none without consent")
    consent_state.write(tmp_path / "state/otel-distro", "refused", "test")
    # The desktop program requires consent in its code.
    required = {} if name == "desktop_app" else {"OTEL_DISTRO_CONSENT": "required"}
    with FakeProvider() as provider, ConnectionCounter() as connections:
        environ = environment(tmp_path, provider.url, connections.url, CHOICE="no", **required)
        assert found.answer(environ) == "Hello"

    assert connections.count == 0
    kept = {path.name for path in (tmp_path / "state").rglob("*") if path.is_file()}
    assert not {name for name in kept if name.startswith(("ledger", "content"))}
