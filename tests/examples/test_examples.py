"""The examples run as they are described, and without consent none of them tells anything."""

from __future__ import annotations

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
from support.knocks import Knocks
from support.otlp_sink import OtlpSink, attributes_of
from support.process import BIN, clean_environment, free_port, run

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
INSTRUMENT = str(BIN / "opentelemetry-instrument")


@dataclass(frozen=True)
class Example:
    """One example: what it needs, and how to run it to its end and get its answer."""

    needs: tuple[str, ...]
    answer: Callable[[dict[str, str]], str]


def desktop(environ: dict[str, str]) -> str:
    choice = environ.pop("CHOICE")
    app = EXAMPLES / "desktop_app" / "app.py"
    done = run([sys.executable, str(app), "--no-window", choice], environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def langgraph(environ: dict[str, str]) -> str:
    agent = EXAMPLES / "langgraph_agent" / "agent.py"
    done = run([INSTRUMENT, sys.executable, str(agent)], environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def flask(environ: dict[str, str]) -> str:
    app = str(EXAMPLES / "flask_anthropic" / "app.py")
    port = free_port()
    with serving([str(BIN / "flask"), "--app", app, "run", "--port", str(port)], environ, port):
        return ask(port)


def fastapi(environ: dict[str, str]) -> str:
    port = free_port()
    command = [str(BIN / "uvicorn"), "--app-dir", str(EXAMPLES / "fastapi_openai"), "app:app"]
    with serving([*command, "--port", str(port)], environ, port):
        return ask(port)


def celery(environ: dict[str, str]) -> str:
    folder = EXAMPLES / "celery_worker"
    environ |= {"BROKER_DIR": environ["HOME"] + "/broker"}
    environ["OTEL_DISTRO_BAGGAGE"] = "session.id,user.id,tenant.id"
    command = [str(BIN / "celery"), "--workdir", str(folder), "-A", "tasks", "worker"]
    with subprocess.Popen(
        [INSTRUMENT, *command, "--pool", "solo", "--loglevel", "info"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as worker:
        try:
            run([INSTRUMENT, sys.executable, str(folder / "tasks.py")], environ)
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
    return done.stdout.partition(" ")[0].strip()


RUNS = {
    "desktop_app": Example(("tkinter", "openai"), desktop),
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
        [INSTRUMENT, *command], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
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


def ask(port: int) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/ask",
        b'{"text": "How are you?"}',
        {"content-type": "application/json", "x-session-id": "s-1", "x-api-key": "key-of-acme"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        import json

        return str(json.load(response)["answer"])


def example(name: str) -> Example:
    """The example, or a skip that says what is missing."""
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

    assert folders == set(RUNS)
    assert all(f"`{name}`" in readme for name in RUNS)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_an_example_does_its_work_and_its_calls_are_in_the_ledger(
    name: str, tmp_path: Path, sink: OtlpSink
) -> None:
    """With a price, in a session, and with nobody's name."""
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
def test_without_consent_an_example_works_and_nothing_is_told(name: str, tmp_path: Path) -> None:
    """No packet, no call, no message; the answer is the same."""
    found = example(name)
    if name == "notebook":
        pytest.skip("examples/notebook reads the ledger, of which there is none without consent")
    consent_state.write(tmp_path / "state/otel-distro", "refused", "test")
    with FakeProvider() as provider, Knocks() as knocks:
        environ = environment(
            tmp_path, provider.url, knocks.url, CHOICE="no", OTEL_DISTRO_CONSENT="required"
        )
        assert found.answer(environ) == "Hello"

    assert knocks.count == 0
    kept = {path.name for path in (tmp_path / "state").rglob("*") if path.is_file()}
    assert not {name for name in kept if name.startswith(("ledger", "content"))}
