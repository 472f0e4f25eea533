"""The shell blocks of README, tutorial and how-to run unchanged, line by line.

At 80 columns, without a collector, beside a fake provider. Servers run until their app has
answered; other hosts (a chat service, a database) are replaced by servers on loopback.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import metadata
from typing import TYPE_CHECKING

import pytest

from otel_distro.demo.provider import FakeProvider
from support.documents import PROJECT, blocks
from support.message_servers import WebHook
from support.process import clean_environment, free_port, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.documents import Block

pytestmark = pytest.mark.process

SCRIPT = """
import openai, os
client = openai.OpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="k")
client.chat.completions.create(
    model="gpt-4o", max_tokens=300, messages=[{"role": "user", "content": "I am ada@example.com"}])
"""
WSGI = (
    SCRIPT.rpartition("\nclient.")[0]
    + """
import flask
app = flask.Flask(__name__)

@app.get("/")
def ask():
    question = [{"role": "user", "content": "hi"}]
    return client.chat.completions.create(model="gpt-4o", messages=question).id
"""
)
ASGI = (
    SCRIPT.rpartition("\nclient.")[0]
    + """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

def ask(request):
    question = [{"role": "user", "content": "hi"}]
    return PlainTextResponse(client.chat.completions.create(model="gpt-4o", messages=question).id)

app = Starlette(routes=[Route("/", ask)])
"""
)
TASKS = (
    SCRIPT.rpartition("\nclient.")[0]
    + """
from celery import Celery
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}

@app.task
def ask():
    question = [{"role": "user", "content": "hi"}]
    return client.chat.completions.create(model="gpt-4o", messages=question).id
"""
)
PRICES = """
[[price]]
model = "gpt-4o*"
input = "1"
output = "2"
"""


@dataclass(frozen=True)
class Run:
    """A command that ends."""

    shows: str = ""
    """Regular expression for its output, on either stream."""
    code: int = 0


@dataclass(frozen=True)
class Serve:
    """A command that runs until it is stopped."""

    ready: str = ""
    """Regular expression for the line that shows it is ready; group 1 is its address."""
    app: str = ""
    """Text of app.py (or tasks.py) in its folder."""
    more: str = ""
    """Arguments appended to the command, for free ports."""


ELSEWHERE = {
    "python3 -m venv .venv && .venv/bin/pip install -q '.[demo]' && .venv/bin/otel-distro demo": (
        ".ci/run",
        "the README's first command",
    ),
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && "
    ".venv/bin/python -m pytest -n 2": (".ci/run", "the README's second command"),
    "python3 -m venv .venv && . .venv/bin/activate": (".ci/run", "python3 -m venv"),
    "otel-distro stack up": (
        "tests/stack/test_stack_command.py",
        "test_up_runs_compose_in_the_folder",
    ),
}
"""Lines that install or download, and the place where CI runs them or their programs."""

SUM = r"1 model call, 1,200 tokens in, 300 out, cost \$0\.006"
RUNS: dict[str, Run | Serve] = {
    "otel-distro demo": Run("none of the 2 planted secrets left the process"),
    "otel-distro run -- python app.py": Run(SUM),
    "otel-distro costs": Run(r"(?m)^gpt-4o-2024-08-06 +2 .* \$0\.0120 "),
    "otel-distro costs --since 24h": Run(r"(?m)^total .* \$0\.006 "),
    "otel-distro costs --since 7d --by day": Run(r"(?m)^20\d\d-\d\d-\d\d .* \$0\.006 "),
    "otel-distro calls --since 1h": Run(r"gpt-4o-2024-08-06 .* \$0\.006 .* [0-9a-f]{32}"),
    "opentelemetry-instrument python app.py": Run(
        r"a model call was refused: budget 'day' has no room for this call: "
        r"\$0\.006 of \$0\.01 spent",
        code=1,
    ),
    "otel-distro budgets": Run(r"(?m)^day +total +\$(5\.00|0\.0100) a day +\$0\.0(06|120) "),
    "otel-distro privacy prove -- python app.py": Run(
        r"none of \d+ planted secrets would leave this process"
    ),
    "otel-distro privacy redact < notes.txt": Run(r"(?m)^write to \[EMAIL\]$"),
    "otel-distro stack check": Run("(?m)^fail ", code=1),
    "otel-distro ledger prices gpt-4o": Run(r"input +2\.5\b"),
    "otel-distro ledger reprice --since 30d --prices prices.toml": Run(r"\$0\.0018\b"),
    "otel-distro costs --since 30d --by tenant --csv > costs.csv": Run(),
    "otel-distro reports report --html costs.html": Run("costs.html"),
    "OTEL_DISTRO_LEDGER=postgresql://otel@db/costs opentelemetry-instrument python app.py": Run(
        SUM
    ),
    "otel-distro ledger copy ~/.local/state/otel-distro/ledger.db postgresql://otel@db/costs": Run(
        "copied to postgresql:"
    ),
    "OTEL_DISTRO_ALERT_URLS='slack://TOKEN/#ops' otel-distro reports alerts test": Run("sent"),
    "otel-distro reports alerts check": Run(),
    "OTEL_CONFIG_FILE=otel.yaml opentelemetry-instrument python app.py": Run(SUM),
    "otel-distro doctor": Run("(?m)^ok +redaction +on; test secrets are masked"),
    "otel-distro reports health": Run("(?m)^healthy "),
    "otel-distro golden add greeting -p 'Say hello' -c hello": Run("golden.jsonl: 1 case\n"),
    "otel-distro golden run --model gpt-4o-mini --budget-usd 0.50": Run("(?m)1 of 1|1 case"),
    "opentelemetry-instrument gunicorn -w 4 app:app": Serve(app=WSGI),
    "opentelemetry-instrument uvicorn app:app": Serve(app=ASGI),
    "opentelemetry-instrument flask run": Serve(app=WSGI),
    "opentelemetry-instrument celery -A tasks worker": Serve(r"\[queues\]", app=TASKS),
    "otel-distro serve": Serve(
        r"(http://127\.0\.0\.1:\d+)",
        more=" --otlp-http-port {otlp} --otlp-grpc-port 0 --ui-port 0",
    ),
    "otel-distro ui": Serve(r"(http://127\.0\.0\.1:\d+)"),
    "otel-distro ui --demo": Serve(r"(http://127\.0\.0\.1:\d+)"),
}
"""Each other line, with its expected effect."""


def lines_of(block: Block) -> list[str]:
    """Return the commands of *block* without comments."""
    lines = (re.sub(r"\s+# .*", "", line).strip() for line in block.text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


PAGES = (PROJECT / "README.md", PROJECT / "docs/tutorial.md", PROJECT / "docs/how-to.md")
SHELL_BLOCKS = [block for block in blocks("sh", *PAGES) if lines_of(block)]


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        yield running


@pytest.fixture(scope="module")
def demo_home(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a user who has run the demo, and a program with one model call."""
    home = tmp_path_factory.mktemp("used")
    (home / "app.py").write_text(SCRIPT)
    environ = environment(home, provider)
    for command in (["otel-distro", "demo"], ["otel-distro", "run", "--", "python", "app.py"]):
        assert run(command, environ, cwd=home).returncode == 0
    return home


def environment(home: Path, provider: FakeProvider) -> dict[str, str]:
    environ = clean_environment(
        home,
        COLUMNS="80",
        BROWSER="true",
        OPENAI_BASE_URL=f"{provider.url}/v1",
        OPENAI_API_KEY="k",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}",
    )
    del environ["XDG_STATE_HOME"]  # the pages name the default folder
    return environ


class Terminal:
    """Types the lines of a block, one after another, in a separate folder."""

    def __init__(self, home: Path, environ: dict[str, str], servers: ExitStack) -> None:
        self._home, self._environ, self._servers = home, environ, servers

    def type(self, line: str, replaced: Mapping[str, str]) -> None:
        """Run *line* as in the table, with other hosts *replaced*; servers run until the end."""
        if line in ELSEWHERE:
            return
        if line.startswith("export "):
            self._environ |= dict(part.split("=", 1) for part in line.split()[1:])
        elif extras := re.match(r"pip install '?otel-distro\[(\w+)\]'?$", line):
            assert extras[1] in (metadata("otel-distro").get_all("Provides-Extra") or ())
        elif isinstance(what := RUNS[line], Run):
            for shown, local in replaced.items():
                line = line.replace(shown, local)
            self._end(line, what)
        else:
            self._serve(line, what)

    def _end(self, line: str, what: Run) -> None:
        done = run(["bash", "-c", line], self._environ, cwd=self._home)
        printed = done.stdout + done.stderr
        assert done.returncode == what.code, printed
        assert re.search(what.shows, printed), printed
        assert "Traceback" not in printed or "Error code: 402" in printed
        assert printed.count("cannot deliver") <= 1

    def _serve(self, line: str, what: Serve) -> None:
        if what.app:
            name = "tasks.py" if "tasks" in line else "app.py"
            (self._home / name).write_text(what.app)
        port, otlp = free_port(), free_port()
        environ = self._environ | {
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
            "UVICORN_PORT": str(port),
            "FLASK_RUN_PORT": str(port),
        }
        log = self._home / f"{port}.log"
        with log.open("w") as written:
            server = subprocess.Popen(
                ["bash", "-c", f"exec {line}{what.more.format(otlp=otlp)}"],
                env=environ,
                cwd=self._home,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        if "serve" in line:
            self._environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{otlp}"
        self._servers.callback(_stop, server, log)
        if line.startswith("otel-distro"):
            address = _wait_for(log, what.ready, server)
            assert _get(address) == 200, log.read_text()
            return
        before = self._calls()
        if what.ready:
            _wait_for(log, what.ready, server)
            ask = [sys.executable, "-c", "import tasks; tasks.ask.delay()"]
            done = run(ask, environ, cwd=self._home)
            assert done.returncode == 0, done.stderr
        else:
            assert _get(f"http://127.0.0.1:{port}/", server) == 200, log.read_text()
        deadline = time.monotonic() + 60
        while self._calls() == before:
            assert time.monotonic() < deadline, log.read_text()
        assert "Traceback" not in log.read_text()

    def _calls(self) -> int:
        done = run(["otel-distro", "costs", "--json"], self._environ)
        return int(json.loads(done.stdout)["total"]["calls"])


def _stop(server: subprocess.Popen[bytes], log: Path) -> None:
    """Stop a server as a service manager does; it prints no error."""
    server.send_signal(signal.SIGTERM)
    server.wait(60)
    assert "Traceback" not in log.read_text()


def _wait_for(log: Path, wanted: str, server: subprocess.Popen[bytes]) -> str:
    """Return the (first group of the) *wanted* text once it is in *log*."""
    deadline = time.monotonic() + 60
    while not (found := re.search(wanted, log.read_text())):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found[found.re.groups]


def _get(url: str, server: subprocess.Popen[bytes] | None = None) -> int:
    """Return the status of *url*; wait while nothing listens there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            assert server is None or server.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=str)
def test_the_lines_of_a_shell_block_run_one_after_another(
    block: Block,
    provider: FakeProvider,
    demo_home: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """Each has the exit code and output of its entry in the table; no traceback."""
    home = tmp_path / "home"
    shutil.copytree(demo_home, home)
    (home / "app.py").write_text(SCRIPT)
    (home / "prices.toml").write_text(PRICES)
    (home / "notes.txt").write_text("write to ada@example.com\n")
    (home / "queue").mkdir()
    yaml = [each.text for each in blocks("yaml", block.page) if "file_format" in each.text]
    (home / "otel.yaml").write_text("".join(yaml))
    replaced: dict[str, str] = {}
    with ExitStack() as servers:
        if "slack://TOKEN/#ops" in block.text:
            replaced["slack://TOKEN/#ops"] = servers.enter_context(WebHook()).url
        if "postgresql://otel@db/costs" in block.text:
            replaced["postgresql://otel@db/costs"] = request.getfixturevalue("postgres_server")
        terminal = Terminal(home, environment(home, provider), servers)
        for line in lines_of(block):
            terminal.type(line, replaced)


CALL = """
import openai, os
openai.OpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="k").chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
"""


def snippet(words: str) -> str:
    """Return the Python block of the how-to that has *words*."""
    (found,) = [b.text for b in blocks("python", PROJECT / "docs/how-to.md") if words in b.text]
    return found


@pytest.mark.slow
def test_the_lines_for_a_script_record_the_calls_after_them(
    provider: FakeProvider, tmp_path: Path
) -> None:
    """Under plain Python, with one line on stderr for the outage and one for the calls."""
    script = tmp_path / "script.py"
    script.write_text(snippet("configure()") + CALL)
    done = run([sys.executable, str(script)], environment(tmp_path, provider), cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["otel_distro"] * 2
    assert "1 model call, 1,200 tokens in" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "code"), [("0.02", 0), ("0.002", 1)], ids=["within", "over"])
def test_the_test_with_a_cost_limit_runs_under_pytest(
    limit: str, code: int, provider: FakeProvider, tmp_path: Path
) -> None:
    """With one call of $0.006 in its body, and no option; the failure names the limit."""
    text = snippet("max_cost").replace("0.02", limit)
    body = "\n".join(f"    {line}" for line in CALL.splitlines())
    (tmp_path / "test_shop.py").write_text(text.replace(" ...\n", f"\n{body}\n"))
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "--strict-markers"]
    environ = environment(tmp_path, provider)
    done = run([*command, "-p", "no:cacheprovider", "-p", "no:randomly"], environ, cwd=tmp_path)

    assert done.returncode == code, done.stdout + done.stderr
    assert ("$0.002" in done.stdout) == bool(code)


def test_each_line_that_is_shown_has_an_entry() -> None:
    """And each entry is shown; install lines name the CI step that runs them."""
    shown = {line for block in SHELL_BLOCKS for line in lines_of(block)}
    known = set(RUNS) | set(ELSEWHERE)
    installs = {line for line in shown if line.startswith(("pip install", "export "))}

    assert shown - installs == known
    for file, words in ELSEWHERE.values():
        assert words in (PROJECT / file).read_text()
