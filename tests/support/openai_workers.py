"""Processes that call a fake provider through the OpenAI client, under a budget."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from support.process import BIN, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from support.budgets import SlowProvider

CALL_NANO_USD = 6_000_000
APP = """
import sys, threading, openai
url, threads, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
client = openai.OpenAI(base_url=url + "/v1", api_key="sk-x")
counts = {"ok": 0, "refused": 0}
lock = threading.Lock()

def work():
    for _ in range(calls):
        try:
            client.chat.completions.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hi"}], max_tokens=300
            )
            outcome = "ok"
        except openai.APIStatusError as error:
            assert error.status_code == 402, error
            outcome = "refused"
        with lock:
            counts[outcome] += 1

pool = [threading.Thread(target=work) for _ in range(threads)]
for thread in pool: thread.start()
for thread in pool: thread.join()
print(counts["ok"], counts["refused"])
"""


def environment(tmp_path: Path, usd: str, action: str = "refuse") -> dict[str, str]:
    return clean_environment(
        tmp_path,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        OTEL_DISTRO_BUDGET_USD_PER_DAY=usd,
        OTEL_DISTRO_BUDGET_ACTION=action,
    )


def start(
    environ: dict[str, str], provider: SlowProvider, *arguments: int
) -> subprocess.Popen[str]:
    command = [str(BIN / "opentelemetry-instrument"), sys.executable, "-c", textwrap.dedent(APP)]
    return subprocess.Popen(
        [*command, provider.url, *map(str, arguments)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(processes: list[subprocess.Popen[str]]) -> tuple[int, int, str]:
    """Return the calls admitted, the calls refused, and stderr."""
    with ThreadPoolExecutor(len(processes)) as pool:
        outputs = list(pool.map(lambda process: process.communicate(timeout=120), processes))
    counts = [list(map(int, out.split())) for out, _ in outputs]
    return sum(c[0] for c in counts), sum(c[1] for c in counts), "".join(e for _, e in outputs)
