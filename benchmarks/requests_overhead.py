"""Overhead of instrumentation per request: upstream's distribution beside this one, redacting.

    python benchmarks/requests_overhead.py [--rounds N] [--environments FOLDER]

A trivial handler of Flask (called as WSGI) and of Starlette (as ASGI), all three signals sent by
OTLP/HTTP to a receiver on loopback. Every round runs each variant in a process of its own, so that
a slow moment of the machine meets all of them; times are CPU times, of the thread that serves the
request and of the whole process with its last export. Figures are medians over rounds; ratios are
of the overhead over the bare app in the same round.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "tests"))

from otel_distro.demo.receiver import Receiver  # noqa: E402
from support.process import clean_environment  # noqa: E402
from support.side_by_side import make_environments  # noqa: E402

PACKAGES = (
    "flask",
    "starlette",
    "opentelemetry-instrumentation-flask",
    "opentelemetry-instrumentation-starlette",
)

FLASK = """
import flask
app = flask.Flask("shop")

@app.get("/orders/<number>")
def order(number):
    return "thanks"

ENVIRON = {
    "REQUEST_METHOD": "GET", "PATH_INFO": "/orders/17", "QUERY_STRING": "page=2", "SCRIPT_NAME": "",
    "SERVER_NAME": "shop.test", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_HOST": "shop.test", "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64)",
    "HTTP_ACCEPT": "*/*", "REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "41234",
    "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
    "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
}

def start_response(status, headers, exc_info=None):
    assert status == "200 OK"
    return lambda data: None

def request():
    answer = app({**ENVIRON, "wsgi.input": io.BytesIO()}, start_response)
    for _ in answer:
        pass
    answer.close()
"""

STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def order(request):
    return PlainTextResponse("thanks")

app = Starlette(routes=[Route("/orders/{number}", order)])
SCOPE = {
    "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
    "scheme": "http", "path": "/orders/17", "raw_path": b"/orders/17", "query_string": b"page=2",
    "root_path": "", "client": ("192.0.2.7", 41234), "server": ("shop.test", 80),
    "headers": [(b"host", b"shop.test"), (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64)"),
                (b"accept", b"*/*")],
}

async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}

async def send(message):
    pass

def request():
    # Without an event loop: nothing here waits, so the coroutine runs to its end at once.
    running = app(dict(SCOPE), receive, send)
    try:
        running.send(None)
    except StopIteration:
        return
    raise SystemExit("the handler waited for something")
"""

MEASURE = """
def measure(requests):
    for _ in range(300):
        request()
    taken = []
    clock = time.thread_time_ns
    process = time.process_time_ns()
    for _ in range(requests):
        began = clock()
        request()
        taken.append(clock() - began)
        time.sleep(0.0005)  # as a server has others to serve, and the exporter a turn
    flush()
    whole = time.process_time_ns() - process
    taken.sort()
    print(json.dumps({
        "thread": taken[len(taken) // 2] / 1000,
        "p99": taken[len(taken) * 99 // 100] / 1000,
        "process": whole / requests / 1000,
    }))

def flush():
    try:
        from opentelemetry import trace, metrics, _logs
    except ImportError:
        return
    for get in (trace.get_tracer_provider, metrics.get_meter_provider, _logs.get_logger_provider):
        getattr(get(), "force_flush", lambda: None)()

measure(int(sys.argv[1]))
"""

APPS = {"flask": FLASK, "starlette": STARLETTE}


def run(command: list[str], environ: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--environments", type=Path, help="reuse these, made at the first run")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, Receiver() as receiver:
        theirs, ours = make_environments(asked.environments or Path(scratch) / "envs", *PACKAGES)
        environ = clean_environment(Path(scratch), OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url)
        environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
        for name, app in APPS.items():
            script = Path(scratch) / f"{name}_app.py"
            script.write_text("import io, json, sys, time\n" + app + MEASURE)
            program = [str(script), str(asked.requests)]
            commands = {
                "bare": [str(ours / "python"), *program],
                "upstream": [f"{theirs}/opentelemetry-instrument", f"{theirs}/python", *program],
                "ours": [f"{ours}/opentelemetry-instrument", f"{ours}/python", *program],
            }
            rounds: list[dict[str, dict[str, float]]] = []
            for _ in range(asked.rounds):
                rounds.append({each: run(command, environ) for each, command in commands.items()})
                receiver.bodies = {signal: [] for signal in receiver.bodies}
            report(name, rounds)


def report(name: str, rounds: list[dict[str, dict[str, float]]]) -> None:
    print(f"{name:<12}{'thread us':>10}{'p99':>8}{'process us':>12}{'added, x upstream':>30}")
    for variant in rounds[0]:
        thread, p99, process = (
            statistics.median(each[variant][figure] for each in rounds)
            for figure in ("thread", "p99", "process")
        )
        ratios = ""
        if variant == "ours":
            ratios = "  thread {:.2f}, process {:.2f}".format(
                *(
                    statistics.median(
                        (each["ours"][figure] - each["bare"][figure])
                        / (each["upstream"][figure] - each["bare"][figure])
                        for each in rounds
                    )
                    for figure in ("thread", "process")
                )
            )
        print(f"  {variant:<10}{thread:>10.0f}{p99:>8.0f}{process:>12.0f}{ratios:>30}")


if __name__ == "__main__":
    main()
