"""ClickHouse's own engine (chdb) behind ClickHouse's HTTP interface, for the time of a test run.

As much of the interface as clickhouse-connect uses: a statement in the body, database and settings
in the query, results in the format that the statement names, errors with their code. The engine is
one session that answers one statement at a time. `python clickhouse_server.py FOLDER PORT` runs it.
"""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = "ClickHouse's engine is not here: pip install chdb clickhouse-connect"
_START_S = 60
_CHUNK = 1 << 20
_OF_HTTP = {
    "database",
    "query",
    "query_id",
    "session_id",
    "session_timeout",
    "compress",
    "wait_end_of_query",
    "buffer_size",
    "client_protocol_version",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "enable_http_compression",
}
"""Parameters of the interface; all others are settings of the statement."""
_FORMAT = re.compile(r"\s+FORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)
_READS = re.compile(r"\s*(SELECT|WITH|SHOW|DESCRIBE|EXISTS)\b", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")


def is_here() -> bool:
    """Return whether the engine and its client are installed."""
    return find_spec("chdb") is not None and find_spec("clickhouse_connect") is not None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run the engine over *folder* and yield `clickhouse://user:password@host:port`."""
    from support.process import free_port

    port = free_port()
    with (folder / "engine.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, __file__, str(folder / "data"), str(port)], stdout=log, stderr=log
        )
    try:
        _wait(process, port, folder / "engine.log")
        yield f"clickhouse://otel:correct-horse@127.0.0.1:{port}"
    finally:
        # Its data is temporary.
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
                connection.request("GET", "/ping")
                connection.getresponse().read()
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the engine does not answer: {log.read_text(errors='replace')[-2000:]}")


class _Engine:
    """One session of the engine."""

    def __init__(self, folder: str) -> None:
        # Optional and without types: an import statement would be an error of the type checkers.
        self._session: Any = import_module("chdb.session").Session(folder)
        self._lock = threading.Lock()
        self._set: dict[str, str] = {}

    def answer(self, statement: str, database: str, settings: dict[str, str]) -> bytes:
        """Run *statement*; raises RuntimeError with the engine's message."""
        found = _FORMAT.search(statement)
        wanted = found[1] if found else "TabSeparated"
        with self._lock:
            self._session.query(f"USE `{database or 'default'}`")
            self._apply(settings)
            result = self._session.query(statement[: found.start()] if found else statement, wanted)
            return bytes(result.bytes()) if result is not None else b""

    def _apply(self, settings: dict[str, str]) -> None:
        for name in self._set.keys() - settings.keys():
            self._session.query(f"SET {name} = DEFAULT")
        for name, value in settings.items():
            if self._set.get(name) != value:
                escaped = value.replace("\\", "\\\\").replace("'", "\\'")
                self._session.query(f"SET {name} = '{escaped}'")
        self._set = dict(settings)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    engine: _Engine

    def do_GET(self) -> None:
        self._reply(200, b"Ok.\n", {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get("X-ClickHouse-Key") == "wrong" or self._password() == "wrong":
            self._fail("Code: 516. DB::Exception: otel: Authentication failed", 403)
            return
        settings = {n: v for n, v in parameters.items() if n not in _OF_HTTP}
        statement = parameters.get("query", "") + body.decode()
        # A session of the engine cannot leave this mode, so it is stored here.
        if settings.pop("readonly", "0") != "0" and not _READS.match(statement):
            self._fail("Code: 164. DB::Exception: otel: Cannot execute query in readonly mode", 500)
            return
        try:
            answer = self.engine.answer(statement, parameters.get("database", ""), settings)
        except Exception as error:  # every error of the engine is its answer
            self._fail(str(error), 500)
            return
        self._reply(200, answer, {"X-ClickHouse-Timezone": "UTC"})

    def _password(self) -> str:
        import base64

        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        return base64.b64decode(value).decode().partition(":")[2] if kind == "Basic" else ""

    def _fail(self, message: str, status: int) -> None:
        code = _CODE.search(message)
        self._reply(
            status, message.encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "0"}
        )

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        # As in the server; older clients rely on it.
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for at in range(0, len(body), _CHUNK):
            chunk = body[at : at + _CHUNK]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        pass


def main(folder: str, port: int) -> None:
    """Serve until a signal."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _Handler.engine = _Engine(folder)
    ThreadingHTTPServer(("127.0.0.1", port), _Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
