"""Each line of a batch's result counts once: by processes, downloads and imports together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest

from otel_distro.pipeline.accounting.claimed_results import CLAIMED_S, FILE_NAME, ClaimedResults
from support.http_server import serving
from support.process import BIN, clean_environment, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USAGE = {"input_tokens": 1000, "output_tokens": 100}
RESULT = "".join(
    json.dumps({"custom_id": str(n), "result": {"type": "succeeded", "message": {
        "id": f"msg_{n}", "model": "claude-sonnet-4-5", "usage": USAGE}}}) + "\n"
    for n in range(700)
).encode()  # fmt: skip
NANO_USD = 700 * 2_250_000
"""700 × (1000 × 1.5 + 100 × 7.5)."""
FETCH = """
import sys, requests
sys.stdin.readline()
assert requests.get(sys.argv[1], timeout=60).content
"""


class Results(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(RESULT)))
        self.end_headers()
        self.wfile.write(RESULT)

    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Print nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with serving(Results) as address:
        yield f"{address}/v1/messages/batches/b-1/results"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return clean_environment(
        tmp_path,
        OTEL_SERVICE_NAME="shop",
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_DISTRO_EXIT_TIMEOUT="30",
        OTEL_DISTRO_BUDGET_USD_PER_DAY="100",
    )


def fetch_together(count: int, url: str, environ: dict[str, str]) -> None:
    """Have *count* processes fetch *url* at the same time."""
    command = [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", FETCH, url]
    started = [
        subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(count)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors


def cli_json(environ: dict[str, str], *words: str) -> dict[str, Any]:
    done = run([str(BIN / "otel-distro"), *words, "--json"], environ)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def total(environ: dict[str, str]) -> tuple[int, int]:
    """Return the calls and the cost of the ledger in nano-USD."""
    found = cli_json(environ, "costs")["total"]
    return found["calls"], found["cost_nano_usd"]


@pytest.mark.slow
@pytest.mark.process
def test_processes_that_fetch_one_result_count_each_line_once(
    url: str, environ: dict[str, str]
) -> None:
    """At the same time and one after another; budget and ledger agree."""
    fetch_together(3, url, environ)
    fetch_together(1, url, environ)

    assert total(environ) == (700, NANO_USD)
    (budget,) = cli_json(environ, "budgets")["budgets"]
    assert budget["spent"] == NANO_USD


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("first", ["import", "download"])
def test_a_result_that_is_imported_and_fetched_counts_once(
    url: str, environ: dict[str, str], tmp_path: Path, first: str
) -> None:
    """In either order, although its lines have no time and the file is of another day."""
    file = tmp_path / "result.jsonl"
    file.write_bytes(RESULT)
    os.utime(file, (1_795_000_000, 1_795_000_000))
    if first == "download":
        fetch_together(1, url, environ)
    imported = run([str(BIN / "otel-distro"), "ledger", "import", str(file)], environ)
    if first == "import":
        fetch_together(1, url, environ)

    assert imported.returncode == 0, imported.stderr
    assert total(environ) == (700, NANO_USD)


def test_a_claim_of_a_process_that_stores_nothing_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later download gets the result; stored calls stay claimed."""
    claims, others = (ClaimedResults(tmp_path / "state", None) for _ in range(2))
    assert claims.claim([1, 2**64 - 1, 3]) == {1, 2**64 - 1, 3}
    assert others.claim([1, 2**64 - 1, 4]) == {4}
    claims.stored([2**64 - 1])
    later = time.time() + CLAIMED_S + 5
    monkeypatch.setattr("time.time", lambda: later)

    assert others.claim([1, 2**64 - 1]) == {1}


def test_another_ledger_has_separate_claims(tmp_path: Path) -> None:
    """A result counts once in each."""
    assert ClaimedResults(tmp_path, tmp_path / "a.db").claim([1]) == {1}
    assert ClaimedResults(tmp_path, tmp_path / "b.db").claim([1]) == {1}
    assert ClaimedResults(tmp_path, tmp_path / "a.db").claim([1]) == set()


def test_claims_that_cannot_be_written_delay_no_call(tmp_path: Path) -> None:
    """The ledger still keeps one of two equal calls."""
    (tmp_path / FILE_NAME).write_bytes(b"no database at all, but long enough to be read" * 30)
    claims = ClaimedResults(tmp_path, None)

    assert claims.claim([1, 2]) == {1, 2}
    claims.stored([1])
    assert claims.claim([1]) == {1}


def test_nothing_is_written_without_consent(tmp_path: Path) -> None:
    """The results are then only spans of this process."""
    claims = ClaimedResults(tmp_path, None, lambda: False)

    assert claims.claim([1]) == {1}
    claims.stored([1])
    assert not list(tmp_path.iterdir())
