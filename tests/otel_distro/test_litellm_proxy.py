"""A real LiteLLM proxy and its client, both observed, one ledger and one budget."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import postgres_server
from support.charging_provider import ChargingProvider
from support.process import BIN, clean_environment, free_port, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.process,
    pytest.mark.skipif(
        find_spec("litellm") is None or find_spec("orjson") is None or find_spec("uvicorn") is None,
        reason="pip install 'litellm[proxy]'",
    ),
]

CLIENT = """
import os, openai
client = openai.OpenAI(base_url=os.environ["GATEWAY"] + "/v1", api_key="sk-1", max_retries=0)
statuses = []
for number in range(20):
    streamed = {}
    if number % 4 == 3:
        streamed = {"stream": True, "stream_options": {"include_usage": True}}
    try:
        answer = client.chat.completions.create(
            model="gpt-4o", max_tokens=300,
            messages=[{"role": "user", "content": f"hi {number}"}], **streamed,
        )
        list(answer) if streamed else None
        statuses.append(200)
    except openai.APIStatusError as error:
        statuses.append(error.status_code)
print(statuses)
"""


@contextmanager
def gateway(folder: Path, provider: str, environ: dict[str, str]) -> Iterator[str]:
    """Run a proxy under the distribution; yield its URL."""
    model = {"model": "openai/gpt-4o", "api_base": f"{provider}/v1", "api_key": "none"}
    config = folder / "proxy.json"
    config.write_text(
        json.dumps(
            {
                "model_list": [{"model_name": "gpt-4o", "litellm_params": model}],
                "general_settings": {"master_key": "sk-1"},
            }
        )
    )
    port = free_port()
    litellm = [str(BIN / "litellm"), "--config", str(config), "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [str(BIN / "otel-distro"), "run", "--", *litellm, "--port", str(port)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/health/liveliness", process)
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert process.poll() is None, "the proxy has ended"
            assert time.monotonic() < deadline, "the proxy does not answer"
            time.sleep(0.1)


def cli_json(command: str, environ: dict[str, str]) -> Any:
    return json.loads(run([str(BIN / "otel-distro"), command, "--json"], environ).stdout)


@pytest.mark.parametrize("store", ["file", pytest.param("postgres", marks=pytest.mark.postgres)])
@pytest.mark.parametrize(("limit", "most"), [("5", 20), ("0.05", 13)])
def test_twenty_calls_are_billed_once_each(
    tmp_path: Path, store: str, limit: str, most: int
) -> None:
    """Calls within the budget pass, without deadlock, and both accounts agree."""
    if store == "postgres" and postgres_server.programs() is None:
        pytest.skip("there is no PostgreSQL here")
    folder = tempfile.TemporaryDirectory()  # that another user may enter
    database = postgres_server.server(Path(folder.name)) if store == "postgres" else nullcontext("")
    with folder, database as url, ChargingProvider() as provider:
        stores = {"OTEL_DISTRO_LEDGER": url, "OTEL_DISTRO_BUDGET_STORE": url} if url else {}
        environ = clean_environment(
            tmp_path,
            NO_PROXY="127.0.0.1",
            LITELLM_LOCAL_MODEL_COST_MAP="true",
            OTEL_DISTRO_BUDGET_USD_PER_DAY=limit,
            OTEL_DISTRO_BUDGET_ACTION="refuse",
            OTEL_DISTRO_EXIT_TIMEOUT="30",
            **{f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")},
            **stores,
        )
        environ["PATH"] = f"{BIN}{os.pathsep}{environ.get('PATH', os.defpath)}"
        with gateway(tmp_path, provider.url, environ) as at:
            client = [str(BIN / "otel-distro"), "run", "--", sys.executable, "-c", CLIENT]
            done = run(client, environ | {"GATEWAY": at})
        served = [request.nano_usd or 0 for request in provider.account.served()]
        costs, budgets = cli_json("costs", environ)["total"], cli_json("budgets", environ)

    assert done.stdout.strip() == str([200] * most + [402] * (20 - most)), done.stderr
    assert (
        (costs["calls"], costs["cost_nano_usd"])
        == (len(served), sum(served))
        == (
            most,
            sum(served),
        )
    )
    assert str(sum(served)) in json.dumps(budgets)
